"""Reads the queries of the chart's alerts and dashboard, and the metrics and labels that they name."""

import json
import re

import yaml

from chart import rendered, the

#: Labels that scraping adds to every metric.
OF_THE_TARGET = {"namespace", "job", "pod", "instance"}


def alerts():
    return the(rendered("monitoring"), "PrometheusRule")["spec"]


def dashboard():
    return json.loads(the(rendered("monitoring"), "ConfigMap", "-dashboard")["data"]["trustmint.json"])


def panels():
    """Yields the dashboard's queries, with its variables replaced as Grafana does."""
    for panel in dashboard()["panels"]:
        for target in panel["targets"]:
            yield target["expr"].replace("$__rate_interval", "5m").replace("$namespace", ".*")


def queries():
    expressions = [rule["expr"] for group in alerts()["groups"] for rule in group["rules"]]
    variables = [variable["query"] for variable in dashboard()["templating"]["list"] if variable["type"] == "query"]
    return expressions + list(panels()) + variables


def metrics_of(query):
    """Returns the metrics that a query names."""
    return set(re.findall(r"\btrustmint_\w+", query))


def labels_of(query):
    """Returns the labels by which a query selects and groups."""
    selectors = re.findall(r"\{([^}]*)\}", query)
    groups = re.findall(r"\b(?:by|on|without|ignoring)\s*\(([^)]*)\)", query)
    queried = re.findall(r"label_values\(\w+, *(\w+)\)", query)
    selected = [name for selector in selectors for name in re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector)]
    return {*selected, *queried, *(name.strip() for group in groups for name in group.split(","))}


def exported(text):
    """Returns the metrics of an exposition, each with its labels."""
    found = {}
    for name, labels in re.findall(r"^(trustmint_\w+)(?:\{(.*)\})? \S+$", text, flags=re.M):
        found.setdefault(name, set()).update(re.findall(r'(\w+)="', labels))
    return found


def as_recording_rules():
    rules = [{"record": f"panel:{number}", "expr": expression} for number, expression in enumerate(panels())]
    return yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]})
