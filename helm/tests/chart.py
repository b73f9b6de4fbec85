"""Renders the chart with the real Helm."""

import os
import subprocess
from functools import cache
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "helm/trustmint"
#: Values files that must render, by name.
MATRIX = {path.name.removesuffix("-values.yaml"): path for path in sorted(CHART.glob("ci/*-values.yaml"))}
#: The smallest values, to which tests add others.
LEAST = MATRIX["embedded"]
NAMESPACE = "packages"


def tool(variable):
    """Returns the path of a tool that scripts/test-helm has installed."""
    try:
        return os.environ[variable]
    except KeyError:
        raise RuntimeError(f"set {variable}; scripts/test-helm does") from None


def helm(*arguments, values=None):
    """Runs Helm; `values` is YAML text that overrides the files."""
    command = [tool("TRUSTMINT_HELM"), *arguments]
    if values is not None:
        command += ["--values", "-"]
    return subprocess.run(command, input=values, capture_output=True, text=True)


def template(*files, values=None):
    """Runs `helm template` with values files, overridden by YAML text."""
    layers = [argument for file in files for argument in ("--values", str(file))]
    return helm("template", "release", str(CHART), "--namespace", NAMESPACE, *layers, values=values)


def render(*files, values=None):
    """Returns the objects of a release."""
    done = template(*files, values=values)
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


@cache
def rendered(name):
    """Returns the objects of one values file."""
    return render(MATRIX[name])


def of_kind(objects, *kinds):
    return [found for found in objects if found["kind"] in kinds]


def the(objects, kind, suffix=""):
    """Returns the only object of a kind with this suffix in its name."""
    (found,) = [found for found in of_kind(objects, kind) if found["metadata"]["name"].endswith(suffix)]
    return found


def pod_of(objects):
    """Returns the broker's pod."""
    return the(objects, "Deployment")["spec"]["template"]["spec"]


def container(pod, name="trustmint"):
    (found,) = [found for found in pod["containers"] if found["name"] == name]
    return found
