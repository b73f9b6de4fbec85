"""Each pod is confined, and the broker's pod has probes."""

import re
from pathlib import Path

import pytest

from broker import serving
from chart import MATRIX, container, of_kind, pod_of, render, rendered, the


#: The kinds of volumes of the restricted Pod Security Standard that the chart uses.
VOLUMES = {"configMap", "emptyDir", "persistentVolumeClaim", "projected", "secret"}


def pods(objects):
    return [pod_of(objects)] + [found["spec"] for found in of_kind(objects, "Pod")]


@pytest.mark.parametrize("name", MATRIX)
def test_each_container_is_confined(name):
    for pod in pods(rendered(name)):
        assert pod["automountServiceAccountToken"] is False
        assert not pod.keys() & {"hostNetwork", "hostPID", "hostIPC"}
        assert all(volume.keys() - {"name"} <= VOLUMES for volume in pod.get("volumes", []))
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for found in pod["containers"] + pod.get("initContainers", []):
            security = found["securityContext"]
            assert security["readOnlyRootFilesystem"] is security["runAsNonRoot"] is True
            assert security["allowPrivilegeEscalation"] is False
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert found["resources"]["limits"]["memory"] and found["resources"]["requests"]["cpu"]


@pytest.mark.parametrize("name", MATRIX)
def test_probes_use_the_ops_listener(name):
    broker = container(pod_of(rendered(name)))
    for probe, path in [("startupProbe", "/livez"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")]:
        assert broker[probe]["httpGet"] == {"path": path, "port": "ops"}


@pytest.mark.parametrize("name", MATRIX)
def test_chart_creates_no_secret_and_uses_none_in_the_environment(name):
    objects = rendered(name)
    assert not of_kind(objects, "Secret")
    for pod in pods(objects):
        for found in pod["containers"] + pod.get("initContainers", []):
            assert all("valueFrom" not in variable for variable in found.get("env", []))


def test_embedded_store_has_one_pod_and_redis_has_no_volume():
    for name in MATRIX:
        objects = rendered(name)
        spec = the(objects, "Deployment")["spec"]
        claims = [volume for volume in pod_of(objects)["volumes"] if "persistentVolumeClaim" in volume]
        if "redis" in MATRIX[name].read_text():
            assert spec["strategy"]["type"] == "RollingUpdate" and not claims, name
            assert not of_kind(objects, "PersistentVolumeClaim")
        else:
            assert spec["strategy"]["type"] == "Recreate" and spec["replicas"] == 1 and len(claims) == 1, name
            assert not of_kind(objects, "PodDisruptionBudget")
            assert bool(of_kind(objects, "PersistentVolumeClaim")) == (name != "existing-claim")


def test_idle_broker_uses_less_memory_than_requested():
    asked = container(pod_of(rendered("embedded")))["resources"]["requests"]["memory"]
    with serving(rendered("embedded")) as (broker, _):
        broker.until("it is ready", lambda: broker.ready()["ready"])
        status = Path(f"/proc/{broker.process.pid}/status").read_text()
    resident = int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) * 1024
    assert resident < 30e6 < int(asked.removesuffix("Mi")) << 20


def test_autoscaler_sets_the_number_of_pods():
    objects = rendered("autoscaling")
    assert "replicas" not in the(objects, "Deployment")["spec"]
    assert the(objects, "HorizontalPodAutoscaler")["spec"]["minReplicas"] == 3
    budget = the(objects, "PodDisruptionBudget")["spec"]
    assert (budget["maxUnavailable"], budget["unhealthyPodEvictionPolicy"]) == ("25%", "AlwaysAllow")


def test_selectors_match_the_broker_only():
    for name in MATRIX:
        objects = rendered(name)
        labels = the(objects, "Deployment")["spec"]["template"]["metadata"]["labels"].items()
        test = the(objects, "Pod", "-test")["metadata"]["labels"].items()
        for service in of_kind(objects, "Service"):
            selector = service["spec"]["selector"].items()
            assert selector <= labels and not selector <= test


def test_long_names_are_truncated():
    objects = render(MATRIX["monitoring"], values=f"fullnameOverride: {'n' * 63}")
    assert all(len(found["metadata"]["name"]) <= 63 for found in objects)
