"""Writes the table of values in the chart's README from the comments in values.yaml."""

import json
import re

import yaml

from chart import CHART

README = CHART / "README.md"
BEGIN, END = "<!-- values: helm/tests/values_table.py writes this -->\n", "<!-- end of values -->\n"


def entries():
    """Yields each value that can be set: its path, its description and its default."""
    text = (CHART / "values.yaml").read_text()
    defaults, path, comment = yaml.safe_load(text), [], []
    for line in text.splitlines():
        said, key = re.match(r"\s*# ?(.*)", line), re.match(r"( *)(\w+):(.*)", line)
        if said:
            comment.append(said.group(1))
            continue
        if key:
            depth = len(key.group(1)) // 2
            path = [*path[:depth], key.group(2)]
            found = lookup(defaults, path)
            # A map with keys below is not a value of its own, and neither are the lines of a list.
            if found is not None and (key.group(3) or not isinstance(found[0], dict)):
                yield ".".join(path), " ".join(comment), found[0]
        comment = []


def lookup(tree, path):
    for name in path:
        if not isinstance(tree, dict) or name not in tree:
            return None
        tree = tree[name]
    return (tree,)


def table():
    rows = [f"| `{path}` | `{json.dumps(default)}` | {what} |" for path, what, default in entries()]
    return "\n".join(["| value | default | |", "|---|---|---|", *rows]) + "\n"


def split(text):
    before, rest = text.split(BEGIN)
    inside, after = rest.split(END)
    return before, inside, after


if __name__ == "__main__":
    before, _, after = split(README.read_text())
    README.write_text(before + BEGIN + table() + END + after)
