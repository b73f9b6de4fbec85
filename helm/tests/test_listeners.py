"""Which peers reach which listener: everyone public, scrapers ops, no one admin."""

import pytest
import yaml

from chart import LEAST, MATRIX, container, of_kind, pod_of, render, rendered, the

PUBLIC_EXCEPT = ["10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"]


def egress(objects, suffix="release-trustmint"):
    """Returns the egress rules except those for DNS, as pairs of ports and peers."""
    rules = the(objects, "NetworkPolicy", suffix)["spec"]["egress"]
    assert [port["port"] for port in rules[0]["ports"]] == [53, 53] and rules[0]["to"]
    return [([port["port"] for port in rule["ports"]], rule["to"]) for rule in rules[1:]]


def ingress(objects):
    return the(objects, "NetworkPolicy", "release-trustmint")["spec"]["ingress"]


def networks(peers):
    return [peer["ipBlock"]["cidr"] for peer in peers]


@pytest.mark.parametrize("name", MATRIX)
def test_services_and_routes_use_the_public_listener(name):
    objects = rendered(name)
    assert [port["name"] for port in container(pod_of(objects))["ports"]] == ["public", "ops"]
    for service in of_kind(objects, "Service"):
        scraped = service["metadata"]["labels"]["app.kubernetes.io/component"] == "metrics"
        targets = [port["targetPort"] for port in service["spec"]["ports"]]
        assert targets == (["ops"] if scraped else ["public"])
        assert not scraped or "metrics:\n  enabled: true" in MATRIX[name].read_text()
        if scraped:
            assert service["spec"].get("type", "ClusterIP") == "ClusterIP"
    main = the(objects, "Service", "trustmint" if name != "placement" else "broker")
    name_, port = main["metadata"]["name"], main["spec"]["ports"][0]
    for found in of_kind(objects, "Ingress"):
        for rule in found["spec"]["rules"]:
            for path in rule["http"]["paths"]:
                assert path["backend"]["service"] == {"name": name_, "port": {"name": port["name"]}}
    for found in of_kind(objects, "HTTPRoute"):
        for rule in found["spec"]["rules"]:
            assert rule["backendRefs"] == [{"name": name_, "port": port["port"]}]


@pytest.mark.parametrize("name", MATRIX)
def test_admin_listener_appears_in_no_other_object(name):
    for found in rendered(name):
        if found["kind"] not in ("Deployment", "ConfigMap"):
            assert "admin" not in str(found), found["kind"]


def test_routes_are_those_of_the_values():
    (rules,) = [found["spec"]["rules"] for found in of_kind(rendered("ingress"), "Ingress")]
    shown = [(rule["host"], [path["path"] for path in rule["http"]["paths"]]) for rule in rules]
    asked = [("publish.example.com", ["/"]), ("pypi.example.com", ["/_/oidc/", "/.well-known/pytp"])]
    assert shown == asked
    routes = [found["spec"] for found in of_kind(rendered("gateway"), "HTTPRoute")]
    matches = [(spec["hostnames"][0], spec["rules"][0]["matches"]) for spec in routes]
    assert [(host, [match["path"]["value"] for match in found]) for host, found in matches] == asked


def test_default_egress_is_dns_and_public_issuers():
    assert egress(rendered("embedded")) == [
        (
            [443],
            [
                {"ipBlock": {"cidr": "0.0.0.0/0", "except": PUBLIC_EXCEPT}},
                {"ipBlock": {"cidr": "::/0", "except": ["::1/128", "fc00::/7", "fe80::/10"]}},
            ],
        )
    ]


def test_dns_egress_follows_the_values():
    values = "networkPolicy: {dnsPorts: [5353], dnsTo: [{ipBlock: {cidr: 169.254.20.10/32}}]}"
    for suffix in ("release-trustmint", "-test"):
        (dns, *_) = the(render(LEAST, values=values), "NetworkPolicy", suffix)["spec"]["egress"]
        assert dns["ports"] == [{"port": 5353, "protocol": protocol} for protocol in ("UDP", "TCP")]
        assert networks(dns["to"]) == ["169.254.20.10/32"]


def test_redis_egress_has_its_ports_only():
    (ports, peers), _ = egress(rendered("redis-cluster"))
    assert ports == [7000, 7001, 7002] and networks(peers) == ["10.40.0.0/24"]
    (ports, _), _ = egress(rendered("redis-sentinel"))
    assert ports == [6379, 26379]


def test_private_issuer_egress_has_its_networks_only():
    issuer, extra = egress(rendered("private-issuers"))
    assert issuer == ([8443], [{"ipBlock": {"cidr": "10.20.0.0/16"}}])
    assert extra == ([6443], [{"ipBlock": {"cidr": "10.0.0.10/32"}}])


def test_private_reporter_and_webhook_egress_has_its_networks_only():
    found = [(ports, networks(peers)) for ports, peers in egress(rendered("leaks"))]
    assert found == [([8443], ["10.20.0.0/16"]), ([9443], ["10.30.0.0/16"]), ([10443], ["10.40.0.0/16"])]


def test_keys_file_needs_no_egress():
    values = yaml.safe_load(LEAST.read_text())
    farm = {"kind": "oidc", "url": "https://ci.example.com", "pins": ["sub"], "keys_file": "keys"}
    values["config"]["issuers"] = {"farm": farm}
    values["files"] = {"keys": {"configMap": "farm", "key": "jwks.json"}}
    assert egress(render(values=yaml.safe_dump(values))) == []


def test_public_reporters_and_unknown_sections_have_public_egress():
    farm = {"kind": "oidc", "url": "https://ci.example.com", "pins": ["sub"], "keys_file": "keys"}
    webhook = {"url": "https://alerts.example.com:8443/x", "secret_file": "keys"}
    for more, expected in (
        ({"reporters": {"github": {"kind": "github"}}}, [443]),
        ({"reporters": {"scanner": {"kind": "signed", "keys_url": "https://scanner.example:444/keys"}}}, [444]),
        ({"reporters": {"lab": {"kind": "gitlab-revocation"}}, "webhooks": {"security": webhook}}, [8443]),
        ({"something": {"new": {"kind": "x"}}}, [443]),
    ):
        values = yaml.safe_load(LEAST.read_text())
        values["config"] |= {"issuers": {"farm": farm}} | more
        values["files"] = {"keys": {"configMap": "farm", "key": "jwks.json"}}
        ((ports, peers),) = egress(render(values=yaml.safe_dump(values)))
        assert ports == expected and networks(peers) == ["0.0.0.0/0", "::/0"]


def test_git_egress_has_the_port_of_its_url():
    (ports, _), = egress(rendered("git-sync"))
    assert ports == [443]
    assert sorted(egress(rendered("git-sync-ssh"))[1][0]) == [22, 443]


def test_public_ingress_is_for_named_peers_and_helm_test():
    (everybody,) = ingress(rendered("embedded"))
    assert everybody == {"ports": [{"port": "public"}]}
    (proxy,) = ingress(rendered("ingress"))
    controller, test = proxy["from"]
    assert controller["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "ingress-nginx"}
    labels = the(rendered("ingress"), "Pod", "-test")["metadata"]["labels"]
    assert test["podSelector"]["matchLabels"].items() <= labels.items()


def test_ops_ingress_is_for_scrapers_only():
    _, ops = ingress(rendered("monitoring"))
    assert ops["ports"] == [{"port": "ops"}]
    (scraper,) = ops["from"]
    assert scraper["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "observability"}


def test_helm_test_pod_reaches_the_public_listener_only():
    (ports, (peer,)), = egress(rendered("embedded"), "-test")
    assert ports == ["public"]
    labels = the(rendered("embedded"), "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert peer["podSelector"]["matchLabels"].items() <= labels.items()
