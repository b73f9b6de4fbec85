"""Documented values render, and the table of values is current."""

import json
import re

import pytest
import yaml

import values_table
from broker import mounted, run
from chart import CHART, LEAST, ROOT, render

PAGES = [ROOT / "docs/kubernetes.md", CHART / "README.md"]
SNIPPETS = [
    pytest.param(text, id=f"{page.name}-{number}")
    for page in PAGES
    for number, text in enumerate(re.findall(r"^```yaml\n(.*?)^```$", page.read_text(), flags=re.M | re.S))
]


@pytest.mark.parametrize("values", SNIPPETS)
def test_documented_values_render_and_are_accepted(values):
    whole = "publicUrl" in yaml.safe_load(values)
    objects = render(*([] if whole else [LEAST]), values=values)
    with mounted(objects) as (_, path):
        done = run("config", "check", "--config", str(path))
        assert done.returncode == 0, done.stderr


def test_documentation_has_snippets():
    assert len(SNIPPETS) >= 10


def test_table_of_values_is_current():
    _, shown, _ = values_table.split(values_table.README.read_text())
    assert shown == values_table.table(), "run helm/tests/values_table.py"


def test_each_value_has_a_description_and_a_type():
    entries = list(values_table.entries())
    assert len(entries) >= 100
    for path, what, _ in entries:
        assert what, path
    schema = json.loads((CHART / "values.schema.json").read_text())
    known, described = leaves(schema["properties"], ""), {path for path, _, _ in entries}
    # Where the schema allows anything, one side may go deeper.
    assert not [path for path in described if not any(covers(leaf, path) for leaf in known)]
    assert {leaf for leaf in known if not any(covers(leaf, path) for path in described)} == {"global"}


def covers(path, other):
    return other == path or other.startswith(f"{path}.")


def leaves(properties, prefix):
    """Returns the paths of the schema, down to where anything is allowed."""
    found = set()
    for name, kind in properties.items():
        path = f"{prefix}{name}"
        if kind.get("additionalProperties") is False and "properties" in kind:
            found |= leaves(kind["properties"], f"{path}.")
        else:
            found.add(path)
    return found


def test_each_documented_value_exists():
    known = {path for path, _, _ in values_table.entries()}
    files = {"tls.crt", "tls.key"}
    tops = {path.split(".")[0] for path in known} - {"config", "files"}
    for page in PAGES:
        for name in re.findall(r"`([a-zA-Z]+(?:\.[a-zA-Z]+)+)`", page.read_text()):
            if name.split(".")[0] in tops and name not in files:
                assert any(covers(name, path) for path in known), f"{page.name}: {name}"
