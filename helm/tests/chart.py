"""Rendering the chart with the real Helm."""

import os
import subprocess
from functools import cache
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "helm/trustmint"
#: The matrix: values that must render, by name.
MATRIX = {path.name.removesuffix("-values.yaml"): path for path in sorted(CHART.glob("ci/*-values.yaml"))}
#: What values that show one thing are laid over.
LEAST = MATRIX["embedded"]
NAMESPACE = "packages"


def tool(variable):
    """A tool that scripts/test-helm has installed."""
    try:
        return os.environ[variable]
    except KeyError:
        raise RuntimeError(f"set {variable}; scripts/test-helm does") from None


def helm(*arguments, values=None):
    """Runs Helm; `values` is YAML text that comes last."""
    command = [tool("TRUSTMINT_HELM"), *arguments]
    if values is not None:
        command += ["--values", "-"]
    return subprocess.run(command, input=values, capture_output=True, text=True)


def template(*files, values=None):
    """`helm template` with values files, and with YAML text laid over them."""
    layers = [argument for file in files for argument in ("--values", str(file))]
    return helm("template", "release", str(CHART), "--namespace", NAMESPACE, *layers, values=values)


def render(*files, values=None):
    """The objects of a release."""
    done = template(*files, values=values)
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


@cache
def rendered(name):
    """The objects of one row of the matrix."""
    return render(MATRIX[name])


def of_kind(objects, *kinds):
    return [found for found in objects if found["kind"] in kinds]


def the(objects, kind, suffix=""):
    """The one object of a kind whose name ends so."""
    (found,) = [found for found in of_kind(objects, kind) if found["metadata"]["name"].endswith(suffix)]
    return found


def pod_of(objects):
    """The broker's pod."""
    return the(objects, "Deployment")["spec"]["template"]["spec"]


def container(pod, name="trustmint"):
    (found,) = [found for found in pod["containers"] if found["name"] == name]
    return found
