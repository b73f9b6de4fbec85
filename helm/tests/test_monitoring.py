"""Alerts and dashboard query metrics that the running binary exports."""

import base64
import json
import signal
import subprocess
import time
from urllib.parse import urlencode

import pytest
import yaml

import promql
from broker import serving
from chart import CHART, ROOT, rendered

CLIENT = base64.b64encode(b"pypi-backend:test").decode()
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def id_token():
    """Returns an ID token of the build farm with its key id and an invalid signature."""
    now = int(time.time())
    claims = {"iss": "https://ci.corp.example", "aud": "pypi.example.com", "sub": "x", "iat": now, "exp": now + 60}
    parts = [json.dumps(part).encode() for part in ({"alg": "ES256", "kid": "k"}, claims)] + [b"\1" * 64]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


@pytest.fixture(scope="session")
def exported():
    """Returns the metrics of a broker, once each of them has a value."""
    with serving(rendered("leaks")) as (broker, _):
        exchange = {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
            "subject_token": id_token(),
        }
        status, said = broker.ask(f"{broker.public}/oauth/token", urlencode(exchange).encode(), FORM)
        assert json.loads(said)["reason"] == "bad_signature", said
        broker.ask(f"{broker.public}/explain", urlencode(exchange).encode(), FORM)
        asking = {**FORM, "Authorization": f"Basic {CLIENT}"}
        assert broker.ask(f"{broker.public}/oauth/introspect", b"token=x", asking)[0] == 200
        reporting = {"Content-Type": "application/json", "Authorization": "test"}
        found = json.dumps([{"type": "gitleaks_rule_id_trustmint_pypi", "token": "x"}]).encode()
        assert broker.ask(f"{broker.public}/v1/revoke_tokens", found, reporting)[0] == 204
        broker.process.send_signal(signal.SIGHUP)
        def scrape():
            return promql.exported(broker.ask(f"{broker.ops}/metrics")[1])

        wanted = {"trustmint_policy_reloads_total", "trustmint_issuer_fetches_total"}
        broker.until("each metric has a value", lambda: wanted <= scrape().keys())
        return scrape()


def test_each_queried_metric_is_exported(exported):
    named = set().union(*map(promql.metrics_of, promql.queries()))
    assert len(named) >= 15
    assert named <= exported.keys(), named - exported.keys()


def test_each_queried_label_is_exported(exported):
    for query in promql.queries():
        known = promql.OF_THE_TARGET.union(*(exported[name] for name in promql.metrics_of(query)))
        assert promql.labels_of(query) <= known, query


def test_keys_from_a_file_are_never_fetched(exported):
    # The alert on old keys excludes them by this metric.
    assert exported["trustmint_issuer_keys_age_seconds"] == {"issuer"}
    (old,) = [rule for group in promql.alerts()["groups"] for rule in group["rules"] if "KeysOld" in rule["alert"]]
    assert "trustmint_issuer_fetches_total" in old["expr"]


def promtool(*arguments, **options):
    return subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, **options)


def test_promtool_accepts_the_queries(tmp_path):
    (tmp_path / "panels.yaml").write_text(promql.as_recording_rules())
    for file in (CHART / "files/alerts.yaml", tmp_path / "panels.yaml"):
        done = promtool("check", "rules", file)
        assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_fires_for_its_cause_only():
    cases = ROOT / "helm/tests/alerts.yaml"
    done = promtool("test", "rules", cases.name, cwd=cases.parent)
    assert done.returncode == 0, done.stdout + done.stderr
    tried = {
        case["alertname"]
        for test in yaml.safe_load(cases.read_text())["tests"]
        for case in test["alert_rule_test"]
        if case.get("exp_alerts")
    }
    assert tried == {rule["alert"] for group in promql.alerts()["groups"] for rule in group["rules"]}


def test_prometheus_rule_contains_the_alerts_file():
    assert promql.alerts() == yaml.safe_load((CHART / "files/alerts.yaml").read_text())
