"""Runs the real binary with rendered manifests."""

import json
import shutil
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import cluster
from chart import container, pod_of, tool


def run(*arguments, **environment):
    return subprocess.run([tool("TRUSTMINT_BIN"), *arguments], capture_output=True, text=True, env=environment)


@contextmanager
def mounted(objects):
    """Yields a folder with the volumes, and the configuration's path. Its name is short, because socket paths are."""
    root = Path(tempfile.mkdtemp(prefix="tm"))
    try:
        yield root, cluster.mount(objects, root)
    finally:
        shutil.rmtree(root)


class Broker:
    """A running broker; `public` and `ops` are the URLs of its listeners."""

    def __init__(self, process, scheme):
        self.process, self.log, listeners = process, [], {}
        while "ops" not in listeners:
            line = process.stderr.readline()
            assert line, "it did not start:\n" + "".join(self.log)
            self.log.append(line)
            event = json.loads(line)
            if "listener" in event:
                listeners[event["listener"]] = event["address"]
        # Drains the pipe, so that the broker never blocks on it.
        threading.Thread(target=lambda: self.log.extend(process.stderr), daemon=True).start()
        self.public, self.ops = f"{scheme}://{listeners['public']}", f"http://{listeners['ops']}"

    def ask(self, url, data=None, headers=()):
        """Returns the status and the text of an answer."""
        trusting = ssl._create_unverified_context()
        request = urllib.request.Request(url, data=data, headers=dict(headers))
        try:
            with urllib.request.urlopen(request, timeout=10, context=trusting) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def ready(self):
        return json.loads(self.ask(f"{self.ops}/readyz")[1])

    def until(self, what, condition):
        deadline = time.monotonic() + 10
        while not condition():
            assert self.process.poll() is None and time.monotonic() < deadline, f"never: {what}\n{''.join(self.log)}"
            time.sleep(0.02)


@contextmanager
def serving(objects):
    """Starts the command of the container; yields the broker and the folder of its volumes."""
    started = container(pod_of(objects))
    environment = {variable["name"]: variable["value"] for variable in started["env"]}
    with mounted(objects) as (root, path):
        arguments = [str(path) if value == environment["TRUSTMINT_CONFIG"] else value for value in started["args"]]
        process = subprocess.Popen(
            [tool("TRUSTMINT_BIN"), *arguments],
            env={**environment, "TRUSTMINT_LOG_FORMAT": "json"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield Broker(process, "https" if "[listen.tls]" in path.read_text() else "http"), root
        finally:
            process.kill()
            process.wait()
