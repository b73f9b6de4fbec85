"""The real binary accepts the rendered configuration."""

import re
import signal
import socket
import subprocess
import tomllib

import pytest
import yaml

from broker import mounted, run, serving
from chart import CHART, LEAST, MATRIX, ROOT, container, pod_of, render, rendered, the
from cluster import configuration, existing


@pytest.mark.parametrize("name", MATRIX)
def test_binary_accepts_configuration_and_policies(name):
    with mounted(rendered(name)) as (_, path):
        for command in (["config", "check"], ["policy", "check"]):
            done = run(*command, "--config", str(path))
            assert done.returncode == 0, f"{path.read_text()}\n{done.stderr}"


@pytest.mark.parametrize("name", MATRIX)
def test_configuration_contains_the_values(name):
    said = yaml.safe_load(MATRIX[name].read_text())["config"]
    made = tomllib.loads(configuration(rendered(name)))
    assert made.items() >= {"issuers": said["issuers"], "registries": said["registries"]}.items()
    assert made["limits"].items() >= said.get("limits", {}).items()
    assert all(type(made["limits"][key]) is type(value) for key, value in said.get("limits", {}).items())


@pytest.mark.parametrize("name", ["embedded", "tls", "policies", "git-sync"])
def test_broker_serves_and_helm_test_passes(name):
    objects = rendered(name)
    asking = container(the(objects, "Pod", "-test")["spec"], "ask")
    environment = {variable["name"]: variable["value"] for variable in asking["env"]}
    service = the(objects, "Service")
    port = service["spec"]["ports"][0]["port"]
    with serving(objects) as (broker, _):
        broker.until("it is ready", lambda: broker.ready()["ready"])
        scheme = broker.public.split(":")[0]
        assert environment["SERVICE"] == f"{scheme}://{service['metadata']['name']}.packages.svc:{port}"
        found = subprocess.run(
            [*asking["command"], *asking["args"]], env={**environment, "SERVICE": broker.public}, capture_output=True
        )
        assert found.returncode == 0, found.stderr
        # Another issuer's metadata is not what it looks for.
        environment["ISSUER"] = "https://elsewhere.example.com"
        other = [*asking["command"], *asking["args"]]
        assert subprocess.run(other, env={**environment, "SERVICE": broker.public}).returncode != 0


def test_redis_password_comes_from_the_mounted_file(tmp_path):
    address = "127.0.0.1"
    with socket.socket() as free:
        free.bind((address, 0))
        port = free.getsockname()[1]
    values = f"""
    replicaCount: 3
    redis: {{url: 'redis://{address}:{port}/0', passwordSecret: {{name: redis}}}}
    networkPolicy: {{redisTo: [{{ipBlock: {{cidr: {address}/32}}}}], redisPorts: [{port}]}}
    """
    command = ["redis-server", "--port", str(port), "--save", "", "--requirepass"]
    server = subprocess.Popen([*command, existing("redis", "password")], cwd=tmp_path, stdout=subprocess.DEVNULL)
    try:
        with serving(render(LEAST, values=values)) as (broker, _):
            broker.until("it is ready", lambda: broker.ready()["store"])
            server.send_signal(signal.SIGSTOP)
            broker.until("it is not ready", lambda: broker.ask(f"{broker.ops}/readyz")[0] == 503)
            assert broker.ask(f"{broker.ops}/livez")[0] == 200, "a restart would not help"
    finally:
        server.kill()
        server.wait()


def test_admin_listener_is_reachable_inside_the_pod_only():
    objects = rendered("admin")
    with serving(objects) as (broker, root):
        assert (root / "run/trustmint/admin.sock").is_socket()
        done = run("revoke", "--issuer", "github", TRUSTMINT_CONFIG=str(root / "etc/trustmint/trustmint.toml"))
        assert done.returncode == 0, done.stderr
        assert "revoked" in done.stdout


@pytest.mark.parametrize("section", ["issuers", "registries"])
def test_schema_and_binary_have_the_same_kinds(section, tmp_path):
    (tmp_path / "policies").mkdir()
    (tmp_path / "trustmint.toml").write_text(f'[{section}.x]\nkind = "no-such-kind"\n')
    said = run("config", "check", "--config", str(tmp_path / "trustmint.toml")).stderr
    known = re.search(r"no-such-kind[^\n]*known kinds are ([-a-z0-9, ]+)", said).group(1).split(", ")
    schema = yaml.safe_load((CHART / "values.schema.json").read_text())
    kinds = schema["properties"]["config"]["properties"][section]["additionalProperties"]["properties"]["kind"]
    assert sorted(kinds["enum"]) == sorted(known)


def test_chart_is_for_this_version():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    cargo = tomllib.loads((ROOT / "Cargo.toml").read_text())
    assert chart["appVersion"] == cargo["workspace"]["package"]["version"]
    assert "dependencies" not in chart


def test_grace_period_covers_the_drain():
    for name in MATRIX:
        objects = rendered(name)
        pod, drain = pod_of(objects), tomllib.loads(configuration(objects))["limits"]["drain_timeout"]
        before = container(pod).get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        assert pod["terminationGracePeriodSeconds"] > int(drain.removesuffix("s")) + before
    longer = pod_of(render(LEAST, values="drainSeconds: 120"))
    assert longer["terminationGracePeriodSeconds"] == 130
