"""The real binary, on what the chart has rendered."""

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
    """The volumes in a folder with a short name, as sockets want; the configuration's path."""
    root = Path(tempfile.mkdtemp(prefix="tm"))
    try:
        yield root, cluster.mount(objects, root)
    finally:
        shutil.rmtree(root)


class Broker:
    """A running broker: `public` and `ops` are the URLs of its doors."""

    def __init__(self, process, scheme):
        self.process, self.log, doors = process, [], {}
        while "ops" not in doors:
            line = process.stderr.readline()
            assert line, "it did not start:\n" + "".join(self.log)
            self.log.append(line)
            event = json.loads(line)
            if "door" in event:
                doors[event["door"]] = event["address"]
        # Nobody may have to wait for a full pipe.
        threading.Thread(target=lambda: self.log.extend(process.stderr), daemon=True).start()
        self.public, self.ops = f"{scheme}://{doors['public']}", f"http://{doors['ops']}"

    def ask(self, url, data=None, headers=()):
        """Status and text of an answer."""
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
    """Starts what the container starts, and yields the broker and the folder of its volumes."""
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
