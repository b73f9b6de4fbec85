"""Helm, Kubernetes and a policy checker accept each values file."""

import fnmatch
import json
import subprocess
import tarfile

import pytest
import yaml

from chart import CHART, MATRIX, NAMESPACE, ROOT, helm, of_kind, rendered, template, tool

#: The oldest supported Kubernetes, and the newest with published schemas.
KUBERNETES = ["1.30.0", "1.37.0"]
#: Kinds that are not part of Kubernetes. Their projects publish schemas.
CUSTOM = {"HTTPRoute", "ServiceMonitor", "PrometheusRule"}


@pytest.fixture(scope="session")
def manifests(tmp_path_factory):
    """Returns a folder with the manifests of each values file."""
    folder = tmp_path_factory.mktemp("manifests")
    for name, path in MATRIX.items():
        done = template(path)
        assert done.returncode == 0, f"{name}: {done.stderr}"
        (folder / f"{name}.yaml").write_text(done.stdout)
    return folder


@pytest.mark.parametrize("name", MATRIX)
def test_helm_lint_finds_nothing(name):
    done = helm("lint", "--strict", str(CHART), "--values", str(MATRIX[name]))
    assert done.returncode == 0, done.stdout + done.stderr


def test_package_is_complete_without_test_values(tmp_path):
    done = helm("package", str(CHART), "--destination", str(tmp_path))
    assert done.returncode == 0, done.stderr
    (package,) = tmp_path.iterdir()
    with tarfile.open(package) as archive:
        assert not [name for name in archive.getnames() if name.startswith("trustmint/ci/")]
    packaged = helm("template", "release", str(package), "--namespace", NAMESPACE, "--values", str(MATRIX["monitoring"]))
    assert packaged.stdout == template(MATRIX["monitoring"]).stdout


@pytest.mark.parametrize("version", KUBERNETES)
def test_manifests_match_kubernetes_schemas(manifests, version):
    files = sorted(map(str, manifests.iterdir()))
    command = [tool("TRUSTMINT_KUBERNETES_VALIDATE"), "--kubernetes-version", version, "--strict", *files]
    done = subprocess.run(command, capture_output=True, text=True)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    # It skips kinds without a schema, with a warning; see below.
    unknown = {line.split("kind ")[1].split()[0] for line in said.splitlines() if line.startswith("WARN")}
    assert unknown == CUSTOM, said


def custom_resources():
    return [found for name in MATRIX for found in of_kind(rendered(name), *CUSTOM)]


def validate(objects):
    command = ["node", str(ROOT / "helm/tests/custom_resources.mjs")]
    folder = tool("TRUSTMINT_KUBERNETES_MODELS")
    return subprocess.run(command, input=json.dumps(objects), capture_output=True, text=True, cwd=folder)


def test_custom_resources_match_their_schemas():
    objects = custom_resources()
    assert {found["kind"] for found in objects} == CUSTOM
    done = validate(objects)
    assert done.returncode == 0, done.stdout + done.stderr


def test_schemas_reject_invalid_custom_resources():
    for found in custom_resources():
        done = validate([{**found, "spec": {key: "misshapen" for key in found["spec"]}}])
        assert done.returncode == 1 and found["kind"] in done.stdout, done.stderr


def test_each_checkov_finding_is_explained(manifests):
    command = [tool("TRUSTMINT_CHECKOV"), "--skip-download", "--framework", "kubernetes", "--output", "json"]
    done = subprocess.run([*command, "--directory", str(manifests)], capture_output=True, text=True)
    results = json.loads(done.stdout)["results"]
    assert {found["file_path"].strip("/").removesuffix(".yaml") for found in results["passed_checks"]} == set(MATRIX)
    assert not results["parsing_errors"]
    explained = yaml.safe_load((CHART / "ci/checkov.yaml").read_text())
    assert all(explanation["why"] for explanation in explained)
    unexplained, used = [], set()
    for found in results["failed_checks"]:
        kind, _, name = found["resource"].split(".", 2)
        where = f"{found['file_path'].strip('/').removesuffix('.yaml')}/{kind}/{name}"
        fitting = [
            number
            for number, explanation in enumerate(explained)
            if explanation["check"] == found["check_id"] and fnmatch.fnmatch(where, explanation["where"])
        ]
        used.update(fitting)
        if not fitting:
            unexplained.append(f"{found['check_id']} {where}: {found['check_name']}")
    assert not unexplained, "\n".join(unexplained)
    assert used == set(range(len(explained))), "an explanation has no finding"
