"""Values that cannot work do not render, and the message says why."""

import pytest
import yaml

from chart import LEAST, template

REDIS = "redis: {url: 'redis://redis'}\nnetworkPolicy: {redisTo: [{podSelector: {}}]}\n"

#: Values added to the smallest valid ones, and the message that they cause.
FORBIDDEN = [
    ("replicaCount: 2", "replicaCount is 2, which needs redis.url: the embedded store is a file of one pod"),
    ("autoscaling: {enabled: true}", "autoscaling.enabled needs redis.url"),
    (REDIS + "autoscaling: {enabled: true, minReplicas: 9}", "minReplicas is greater than autoscaling.maxReplicas"),
    ("publicUrl: ''", "publicUrl is missing"),
    ("image: {repository: ''}", "image.repository is missing"),
    ("config: {issuers: null}", "config.issuers is empty"),
    ("config: {registries: null}", "config.registries is empty"),
    ("config: {listen: {public: '0.0.0.0:1'}}", "config.listen is written by the chart"),
    ("config: {store: {path: x}}", "config.store is written by the chart"),
    ("config: {policies: {path: x}}", "config.policies is written by the chart"),
    ("config: {public_url: 'https://a.example'}", "config.public_url is written by the chart"),
    ("config: {audit: {path: x}}", "config.audit is written by the chart"),
    ("config: {limits: {drain_timeout: 1m}}", "config.limits.drain_timeout is set by drainSeconds"),
    ("config: {issuers: {github: {ca_file: a.pem}}}", "config.issuers.github.ca_file names a.pem, which is not in files"),
    (
        "config: {registries: {pypi: {upstream: {credential_file: x}}}}",
        "config.registries.pypi.upstream.credential_file names x, which is not in files",
    ),
    ("config: {reporters: {github: {kind: github, keys_file: k}}}", "config.reporters.github.keys_file names k, which is not in files"),
    ("config: {hooks: [{secret_file: s}]}", "config.hooks.secret_file names s, which is not in files"),
    ("redis: {passwordSecret: {name: x}}", "redis.passwordSecret and redis.caFile need redis.url"),
    ("redis: {caFile: x}", "redis.passwordSecret and redis.caFile need redis.url"),
    (REDIS.replace("//", "//user:secret@"), "redis.url contains a password"),
    (REDIS + "persistence: {existingClaim: x}", "persistence.existingClaim is for the embedded store"),
    (REDIS.replace("}", ", caFile: x}", 1), "redis.caFile names x, which is not in files"),
    ("redis: {url: 'redis://redis'}", "networkPolicy.redisTo is empty"),
    (REDIS.replace("//redis", "//redis:6380/0"), "has the port 6380, which is not in networkPolicy.redisPorts"),
    (
        REDIS.replace("redis://redis", "redis+cluster://a,b:7000"),
        "has the port 7000, which is not in networkPolicy.redisPorts",
    ),
    ("policies: {gitSync: {enabled: true}}", "policies.gitSync.repo is missing"),
    (
        "policies: {files: {a.toml: ''}, gitSync: {enabled: true, repo: 'https://g.example/p'}}",
        "policies.gitSync is the only source of policies",
    ),
    (
        "policies: {gitSync: {enabled: true, repo: 'https://g.example/p', sshSecret: a, passwordSecret: b}}",
        "has both sshSecret and passwordSecret",
    ),
    (
        "policies: {gitSync: {enabled: true, repo: 'https://user:secret@g.example/p'}}",
        "policies.gitSync.repo contains credentials",
    ),
    ("policies: {files: {a.toml: '[[policy]'}}", "policies.files.a.toml is not valid TOML: "),
    ("policies: {delegate: [{folder: teams/data}]}", "delegates teams/data, which is not a folder of policies.configMaps"),
    ("policies: {configMaps: [{name: a, folder: chart}]}", "has the folder chart twice, or uses the name of the chart's own folder"),
    (
        "policies: {configMaps: [{name: a, folder: t}, {name: b, folder: t/u}]}",
        "the folder t/u of policies.configMaps is inside t",
    ),
    ("admin: {enabled: true}", "admin.enabled needs admin.tokenSecret.name"),
    ("ingress: {enabled: true}\ntrustedProxies: [10.0.0.0/8]", "ingress.hosts is empty"),
    ("ingress: {enabled: true, hosts: [{host: a.example}]}", "ingress.enabled needs trustedProxies"),
    ("gateway: {enabled: true, hosts: [{host: a.example}]}", "gateway.enabled needs trustedProxies"),
    (
        "gateway: {enabled: true, hosts: [{host: a.example}]}\ntrustedProxies: [10.0.0.0/8]",
        "gateway.parentRefs is empty",
    ),
    ("metrics: {serviceMonitor: {enabled: true}}", "metrics.serviceMonitor.enabled needs metrics.enabled"),
    (
        "metrics: {enabled: true}\nnetworkPolicy: {monitoringFrom: []}",
        "networkPolicy.monitoringFrom is empty",
    ),
]

#: Values that the schema rejects, and the place that it names.
MISSHAPEN = [
    ("replicaCount: '2'", "/replicaCount"),
    ("replicaCount: 0", "/replicaCount"),
    ("replicas: 2", "'replicas' not allowed"),
    ("image: {digest: latest}", "/image/digest"),
    ("publicUrl: http://publish.example.com", "/publicUrl"),
    ("config: {issuers: {x: {kind: nope}}}", "/config/issuers/x/kind"),
    ("config: {issuers: {x: {kind: oidc, allow_private: [10.0.0.1]}}}", "/config/issuers/x/allow_private/0"),
    ("config: {registries: {pypi: {clients: [{id: a, secret_sha256: [12e4]}]}}}", "secret_sha256/0"),
    ("redis: {url: 'http://redis'}", "/redis/url"),
    ("files: {trustmint.toml: {secret: a, key: b}}", "invalid propertyName 'trustmint.toml'"),
    ("files: {a: {secret: a, configMap: b, key: c}}", "/files/a"),
    ("policies: {files: {a.txt: ''}}", "invalid propertyName 'a.txt'"),
    ("policies: {gitSync: {ref: --upload-pack=x}}", "/policies/gitSync/ref"),
    ("trustedProxies: [anywhere]", "/trustedProxies/0"),
    ("commonLabels: {app.kubernetes.io/name: x}", "invalid propertyName 'app.kubernetes.io/name'"),
    ("fullnameOverride: a.b", "/fullnameOverride"),
    ("service: {type: ExternalName}", "/service/type"),
    ("networkPolicy: {dnsTo: []}", "/networkPolicy/dnsTo"),
]


def rejection(values):
    done = template(LEAST, values=values)
    assert done.returncode != 0, f"this renders:\n{values}"
    return done.stderr


@pytest.mark.parametrize(("values", "reason"), FORBIDDEN, ids=[row[1][:60] for row in FORBIDDEN])
def test_invalid_values_are_rejected_with_a_reason(values, reason):
    yaml.safe_load(values)
    assert reason in rejection(values)


@pytest.mark.parametrize(("values", "place"), MISSHAPEN, ids=[row[0] for row in MISSHAPEN])
def test_schema_names_the_wrong_value(values, place):
    said = rejection(values)
    assert "values don't meet the specifications of the schema" in said
    assert place in said, said
