"""What cannot work does not render, and a sentence says why."""

import pytest
import yaml

from chart import LEAST, template

REDIS = "redis: {url: 'redis://redis'}\nnetworkPolicy: {redisTo: [{podSelector: {}}]}\n"

#: Values laid over the least ones, and what is said of them.
FORBIDDEN = [
    ("replicaCount: 2", "replicaCount is 2, which needs redis.url: the embedded store is a file of one pod"),
    ("autoscaling: {enabled: true}", "autoscaling.enabled needs redis.url"),
    (REDIS + "autoscaling: {enabled: true, minReplicas: 9}", "minReplicas is greater than autoscaling.maxReplicas"),
    ("publicUrl: ''", "publicUrl is missing"),
    ("image: {repository: ''}", "image.repository is missing"),
    ("config: {issuers: null}", "config.issuers is empty"),
    ("config: {registries: null}", "config.registries is empty"),
    ("config: {listen: {public: '0.0.0.0:1'}}", "config.listen is the chart's own"),
    ("config: {store: {path: x}}", "config.store is the chart's own"),
    ("config: {policies: {path: x}}", "config.policies is the chart's own"),
    ("config: {public_url: 'https://a.example'}", "config.public_url is the chart's own"),
    ("config: {audit: {path: x}}", "config.audit is the chart's own"),
    ("config: {limits: {drain_timeout: 1m}}", "config.limits.drain_timeout is made from drainSeconds"),
    ("config: {issuers: {github: {ca_file: a.pem}}}", "config.issuers.github.ca_file names a.pem, which is not in files"),
    (
        "config: {registries: {pypi: {upstream: {credential_file: x}}}}",
        "config.registries.pypi.upstream.credential_file names x, which is not in files",
    ),
    ("config: {reporters: {github: {kind: github, keys_file: k}}}", "config.reporters.github.keys_file names k, which is not in files"),
    ("config: {hooks: [{secret_file: s}]}", "config.hooks.secret_file names s, which is not in files"),
    ("redis: {passwordSecret: {name: x}}", "have no meaning without redis.url"),
    ("redis: {caFile: x}", "have no meaning without redis.url"),
    (REDIS.replace("//", "//user:secret@"), "redis.url has a password in it"),
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
        "policies.gitSync.repo has credentials in it",
    ),
    ("policies: {files: {a.toml: '[[policy]'}}", "policies.files.a.toml is not TOML: "),
    ("policies: {delegate: [{folder: teams/data}]}", "gives away teams/data, which is not a folder of"),
    ("policies: {configMaps: [{name: a, folder: chart}]}", "has the folder chart twice, or it is the chart's own"),
    (
        "policies: {configMaps: [{name: a, folder: t}, {name: b, folder: t/u}]}",
        "the folder t/u of policies.configMaps is within t",
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

#: Values that the schema refuses, and the place that it names.
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


def refused(values):
    done = template(LEAST, values=values)
    assert done.returncode != 0, f"it renders:\n{values}"
    return done.stderr


@pytest.mark.parametrize(("values", "sentence"), FORBIDDEN, ids=[row[1][:60] for row in FORBIDDEN])
def test_what_cannot_work_is_refused_with_a_sentence(values, sentence):
    yaml.safe_load(values)
    assert sentence in refused(values)


@pytest.mark.parametrize(("values", "place"), MISSHAPEN, ids=[row[0] for row in MISSHAPEN])
def test_the_schema_names_the_value_that_is_wrong(values, place):
    said = refused(values)
    assert "values don't meet the specifications of the schema" in said
    assert place in said, said
