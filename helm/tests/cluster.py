"""Mounts a pod's volumes into a folder, as the kubelet does."""

import json
import re
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from chart import container, of_kind, pod_of

POLICY = """
[[policy]]
id       = "data-release"
issuer   = "github"
registry = "pypi"
packages = ["data-widget"]
actions  = ["publish"]

[policy.match]
repository_owner_id = "9100048"
repository_id       = "48124571"
workflow_file       = "release.yml"
environment         = "pypi"
ref                 = "refs/heads/main"
"""
#: P-256's base point: the public key that belongs to the private key 1.
BASE_POINT = {
    "x": "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY",
    "y": "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU",
}


@cache
def certificate():
    """Returns a certificate and its key, in PEM."""
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout - -days 2 -subj /CN=t"
    pem = subprocess.run(command.split(), capture_output=True, text=True, check=True).stdout
    key, end, chain = pem.partition("-----END PRIVATE KEY-----\n")
    return {"ca.crt": chain, "tls.crt": chain, "tls.key": key + end}


def existing(name, key):
    """Returns a key of a Secret or ConfigMap that exists before the chart."""
    if key == "jwks.json":
        return json.dumps({"keys": [{"kty": "EC", "crv": "P-256", "alg": "ES256", "kid": "k", **BASE_POINT}]})
    if key == "keys.json":
        command = "openssl ec -pubout".split()
        pem = subprocess.run(command, input=certificate()["tls.key"], capture_output=True, text=True, check=True).stdout
        return json.dumps({"public_keys": [{"key_identifier": "k", "key": pem}]})
    if key == "secret":
        return "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    return certificate().get(key, f"{name}-{key}")


def contents(objects, volume):
    """Returns the files of a volume; `None` for a writable one."""
    own = {found["metadata"]["name"]: found["data"] for found in of_kind(objects, "ConfigMap")}
    if "configMap" in volume:
        return own.get(volume["configMap"]["name"], {"team.toml": POLICY})
    if "projected" not in volume:
        return None
    files = {}
    for source in volume["projected"]["sources"]:
        ((_, named),) = source.items()
        if "items" not in named:
            files.update(own[named["name"]])
        for item in named.get("items", []):
            assert item["path"] not in files, "two sources write the same file"
            files[item["path"]] = existing(named["name"], item["key"])
    return files


def swap(folder, files):
    """Replaces a volume's files as the kubelet does, by renaming the link `..data`."""
    data = folder / "..data"
    before = data.resolve() if data.is_symlink() else None
    version = Path(tempfile.mkdtemp(prefix="..", dir=folder))
    for name, text in files.items():
        (version / name).write_text(text)
    (folder / "..data_tmp").symlink_to(version.name)
    (folder / "..data_tmp").rename(data)
    shown = {path.name for path in folder.iterdir() if not path.name.startswith("..")}
    for name in files.keys() - shown:
        (folder / name).symlink_to(f"..data/{name}")
    for name in shown - files.keys():
        (folder / name).unlink()
    if before:
        shutil.rmtree(before)


def check_out(root, commit, path, files):
    """Checks out a commit as git-sync does: a worktree, and a link that is replaced."""
    folder = root / ".worktrees" / commit / path
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    link = root / ".link"
    link.symlink_to(f".worktrees/{commit}")
    link.rename(root / "current")


def mount(objects, root):
    """Mounts the volumes of the broker's container below a folder; returns the configuration's path."""
    pod = pod_of(objects)
    volumes = {volume["name"]: volume for volume in pod.get("volumes", [])}
    for mounted in container(pod)["volumeMounts"]:
        volume, folder = volumes[mounted["name"]], root / mounted["mountPath"].lstrip("/")
        assert "subPath" not in mounted, "such a mount never changes"
        assert not any(other != mounted and within(mounted, other) for other in container(pod)["volumeMounts"])
        folder.mkdir(parents=True)
        files = contents(objects, volume)
        if files is not None:
            assert mounted["readOnly"]
            swap(folder, files)
        if mounted["name"] == "git":
            path = re.search(r'path = "/git/current/?(.*)"', configuration(objects)).group(1)
            check_out(folder, "0000", path, {"widget.toml": POLICY})
    path = root / "etc/trustmint/trustmint.toml"
    text = path.read_text()
    path.resolve().write_text(within_root(text, root))
    return path


def within(mounted, other):
    """Whether one mount is inside another; nothing can be mounted into a read-only volume."""
    return Path(mounted["mountPath"]).is_relative_to(other["mountPath"])


def configuration(objects):
    (found,) = [found["data"] for found in of_kind(objects, "ConfigMap") if "trustmint.toml" in found["data"]]
    return found["trustmint.toml"]


def within_root(text, root):
    """Returns the text with its absolute paths below the folder and with free ports of loopback."""
    text = re.sub(r'^(\s*path = ")/', rf"\g<1>{root}/", text, flags=re.M)
    text = re.sub(r'^(\s*admin = "unix:)/', rf"\g<1>{root}/", text, flags=re.M)
    return re.sub(r'"(0\.0\.0\.0|\[::\]):\d+"', '"127.0.0.1:0"', text)
