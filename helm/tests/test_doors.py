"""Who reaches what: the public door is everybody's, the ops door the scrapers', the admin door nobody's."""

import pytest
import yaml

from chart import LEAST, MATRIX, container, of_kind, pod_of, render, rendered, the

PUBLIC_EXCEPT = ["10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"]


def egress(objects, suffix="release-trustmint"):
    """The egress rules but those for DNS, as pairs of ports and peers."""
    rules = the(objects, "NetworkPolicy", suffix)["spec"]["egress"]
    assert [port["port"] for port in rules[0]["ports"]] == [53, 53] and rules[0]["to"]
    return [([port["port"] for port in rule["ports"]], rule["to"]) for rule in rules[1:]]


def ingress(objects):
    return the(objects, "NetworkPolicy", "release-trustmint")["spec"]["ingress"]


def networks(peers):
    return [peer["ipBlock"]["cidr"] for peer in peers]


@pytest.mark.parametrize("name", MATRIX)
def test_no_service_or_route_leads_to_another_door(name):
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
def test_nothing_outside_the_pod_knows_of_the_admin_door(name):
    for found in rendered(name):
        if found["kind"] not in ("Deployment", "ConfigMap"):
            assert "admin" not in str(found), found["kind"]


def test_the_routes_are_those_that_were_asked_for():
    (rules,) = [found["spec"]["rules"] for found in of_kind(rendered("ingress"), "Ingress")]
    shown = [(rule["host"], [path["path"] for path in rule["http"]["paths"]]) for rule in rules]
    asked = [("publish.example.com", ["/"]), ("pypi.example.com", ["/_/oidc/", "/.well-known/pytp"])]
    assert shown == asked
    routes = [found["spec"] for found in of_kind(rendered("gateway"), "HTTPRoute")]
    matches = [(spec["hostnames"][0], spec["rules"][0]["matches"]) for spec in routes]
    assert [(host, [match["path"]["value"] for match in found]) for host, found in matches] == asked


def test_by_default_a_pod_reaches_dns_and_public_issuers_only():
    assert egress(rendered("embedded")) == [
        (
            [443],
            [
                {"ipBlock": {"cidr": "0.0.0.0/0", "except": PUBLIC_EXCEPT}},
                {"ipBlock": {"cidr": "::/0", "except": ["::1/128", "fc00::/7", "fe80::/10"]}},
            ],
        )
    ]


def test_dns_is_where_the_values_say():
    values = "networkPolicy: {dnsPorts: [5353], dnsTo: [{ipBlock: {cidr: 169.254.20.10/32}}]}"
    for suffix in ("release-trustmint", "-test"):
        (dns, *_) = the(render(LEAST, values=values), "NetworkPolicy", suffix)["spec"]["egress"]
        assert dns["ports"] == [{"port": 5353, "protocol": protocol} for protocol in ("UDP", "TCP")]
        assert networks(dns["to"]) == ["169.254.20.10/32"]


def test_redis_is_reached_at_its_ports_only():
    (ports, peers), _ = egress(rendered("redis-cluster"))
    assert ports == [7000, 7001, 7002] and networks(peers) == ["10.40.0.0/24"]
    (ports, _), _ = egress(rendered("redis-sentinel"))
    assert ports == [6379, 26379]


def test_private_issuers_are_reached_where_the_configuration_allows_it():
    issuer, extra = egress(rendered("private-issuers"))
    assert issuer == ([8443], [{"ipBlock": {"cidr": "10.20.0.0/16"}}])
    assert extra == ([6443], [{"ipBlock": {"cidr": "10.0.0.10/32"}}])


def test_reporters_and_webhooks_inside_are_reached_where_the_configuration_allows_it():
    found = [(ports, networks(peers)) for ports, peers in egress(rendered("leaks"))]
    assert found == [([8443], ["10.20.0.0/16"]), ([9443], ["10.30.0.0/16"]), ([10443], ["10.40.0.0/16"])]


def test_who_asks_nobody_reaches_nobody():
    values = yaml.safe_load(LEAST.read_text())
    farm = {"kind": "oidc", "url": "https://ci.example.com", "pins": ["sub"], "keys_file": "keys"}
    values["config"]["issuers"] = {"farm": farm}
    values["files"] = {"keys": {"configMap": "farm", "key": "jwks.json"}}
    assert egress(render(values=yaml.safe_dump(values))) == []


def test_public_reporters_and_sections_that_the_chart_does_not_know_are_asked_in_public():
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


def test_git_is_reached_as_its_url_says():
    (ports, _), = egress(rendered("git-sync"))
    assert ports == [443]
    assert sorted(egress(rendered("git-sync-ssh"))[1][0]) == [22, 443]


def test_the_public_door_is_for_whom_the_values_name_and_for_helm_test():
    (everybody,) = ingress(rendered("embedded"))
    assert everybody == {"ports": [{"port": "public"}]}
    (proxy,) = ingress(rendered("ingress"))
    controller, test = proxy["from"]
    assert controller["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "ingress-nginx"}
    labels = the(rendered("ingress"), "Pod", "-test")["metadata"]["labels"]
    assert test["podSelector"]["matchLabels"].items() <= labels.items()


def test_the_ops_door_is_for_scrapers_only():
    _, ops = ingress(rendered("monitoring"))
    assert ops["ports"] == [{"port": "ops"}]
    (scraper,) = ops["from"]
    assert scraper["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "observability"}


def test_the_pod_of_helm_test_reaches_the_public_door_only():
    (ports, (peer,)), = egress(rendered("embedded"), "-test")
    assert ports == ["public"]
    labels = the(rendered("embedded"), "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert peer["podSelector"]["matchLabels"].items() <= labels.items()
