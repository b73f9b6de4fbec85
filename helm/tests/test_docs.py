"""What the documentation shows renders, and the table of values is that of the chart."""

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
def test_what_the_documentation_shows_renders_and_is_accepted(values):
    whole = "publicUrl" in yaml.safe_load(values)
    objects = render(*([] if whole else [LEAST]), values=values)
    with mounted(objects) as (_, path):
        done = run("config", "check", "--config", str(path))
        assert done.returncode == 0, done.stderr


def test_there_are_snippets():
    assert len(SNIPPETS) >= 10


def test_the_table_of_values_is_that_of_the_chart():
    _, shown, _ = values_table.split(values_table.README.read_text())
    assert shown == values_table.table(), "run helm/tests/values_table.py"


def test_every_value_is_described_and_has_a_type():
    entries = list(values_table.entries())
    assert len(entries) >= 100
    for path, what, _ in entries:
        assert what, path
    schema = json.loads((CHART / "values.schema.json").read_text())
    known, described = leaves(schema["properties"], ""), {path for path, _, _ in entries}
    # Where the schema lets anything be, one side may go deeper.
    assert not [path for path in described if not any(covers(leaf, path) for leaf in known)]
    assert {leaf for leaf in known if not any(covers(leaf, path) for path in described)} == {"global"}


def covers(path, other):
    return other == path or other.startswith(f"{path}.")


def leaves(properties, prefix):
    """The paths that the schema knows, down to where anything may be."""
    found = set()
    for name, kind in properties.items():
        path = f"{prefix}{name}"
        if kind.get("additionalProperties") is False and "properties" in kind:
            found |= leaves(kind["properties"], f"{path}.")
        else:
            found.add(path)
    return found


def test_every_value_that_the_documentation_names_is_there():
    known = {path for path, _, _ in values_table.entries()}
    files = {"tls.crt", "tls.key"}
    tops = {path.split(".")[0] for path in known} - {"config", "files"}
    for page in PAGES:
        for name in re.findall(r"`([a-zA-Z]+(?:\.[a-zA-Z]+)+)`", page.read_text()):
            if name.split(".")[0] in tops and name not in files:
                assert any(covers(name, path) for path in known), f"{page.name}: {name}"
