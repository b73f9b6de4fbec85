"""A change of policies causes no restart; a change of the configuration does."""

import pytest

from broker import serving
from chart import MATRIX, render, rendered, the
from cluster import POLICY, check_out, contents, swap

MORE = "policies:\n  files:\n    more.toml: |\n" + "".join(
    f"      {line}\n" for line in POLICY.replace("data-release", "more").splitlines()
)


def annotations(objects):
    return the(objects, "Deployment")["spec"]["template"]["metadata"]["annotations"]


def test_only_configuration_changes_the_deployment():
    before = rendered("policies")
    assert the(render(MATRIX["policies"], values=MORE), "Deployment") == the(before, "Deployment")
    for change in ("trustedProxies: [10.0.0.0/8]", "config: {limits: {headers: 65}}", "drainSeconds: 21"):
        assert annotations(render(MATRIX["policies"], values=change)) != annotations(before), change


def policies(broker):
    return broker.ready()["policies"]


def test_changed_configmap_is_reloaded():
    before, after = rendered("policies"), render(MATRIX["policies"], values=MORE)
    with serving(before) as (broker, root):
        digest = broker.ready()["digest"]
        assert policies(broker) == 2
        source = {"configMap": {"name": the(after, "ConfigMap", "-policies")["metadata"]["name"]}}
        swap(root / "policies/chart", contents(after, source))
        broker.until("the new policy is active", lambda: policies(broker) == 3)
        assert broker.ready()["digest"] != digest

        # Wrong policies change nothing, and are reported.
        swap(root / "policies/chart", {"more.toml": "[[policy]]\nid = 1\n", "widget.toml": ""})
        broker.until("the policies are refused", lambda: broker.ready()["policies_refused"])
        assert policies(broker) == 3
        # A team's ConfigMap is another volume. It may not name packages of others.
        swap(root / "policies/chart", contents(before, source))
        broker.until("the policies are fixed", lambda: policies(broker) == 2)
        swap(root / "policies/teams/data", {"team.toml": POLICY.replace("data-widget", "widget")})
        broker.until("the policies are refused", lambda: broker.ready()["policies_refused"])
        assert "data-platform" in broker.ready()["policies_refused"]["first"]


@pytest.mark.parametrize(("name", "path"), [("git-sync", "policies"), ("git-sync-ssh", "")])
def test_new_commit_of_git_sync_is_reloaded(name, path):
    objects = rendered(name)
    if name == "git-sync-ssh":
        objects = render(MATRIX[name], values="replicaCount: 1\nredis: {url: ''}")
    with serving(objects) as (broker, root):
        assert policies(broker) == 1
        two = {"widget.toml": POLICY, "more.toml": POLICY.replace("data-release", "more")}
        check_out(root / "git", "1111", path, two)
        broker.until("the new policy is active", lambda: policies(broker) == 2)
