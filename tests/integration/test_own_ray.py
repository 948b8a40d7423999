"""An own Ray is closed: to other machines by where it listens, to other users by a token."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

DRIVER = """
import json, os, subprocess, sys
import ray
import psutil  # comes with Ray
from search_spaces.study import Resources
from service.engine.cluster import cluster

def join(**more):
    env = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    env["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # nodes of this Ray are known by the loopback address
    code = f"import ray; ray.init(address={address!r}, logging_level=50)"
    return subprocess.Popen([sys.executable, "-c", code], env={**env, **more}, stderr=subprocess.DEVNULL)

with cluster(None, None, Resources()):
    address = ray.get_runtime_context().gcs_address
    family = [psutil.Process(), *psutil.Process().children(recursive=True)]
    listening = {c.laddr.ip for p in family for c in p.net_connections("inet") if c.status == psutil.CONN_LISTEN}
    known = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": os.environ["RAY_AUTH_TOKEN"]}
    tried = {
        "stranger": join(), "wrong": join(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN="f" * 64), "owner": join(**known),
    }
    told = {
        "listening": sorted(listening),
        **{who: process.wait() == 0 for who, process in tried.items()},
        "servers": [p.name() + " " + " ".join(p.cmdline()) for p in family],
    }
told["after"] = [os.environ.get("RAY_AUTH_MODE"), os.environ.get("RAY_AUTH_TOKEN")]
print(json.dumps(told))
"""


def test_an_own_ray_is_closed_to_everybody_else(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    environment["HOME"] = str(tmp_path)
    done = subprocess.run([sys.executable, "-c", DRIVER], env=environment, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert {ip.removeprefix("::ffff:") for ip in told["listening"]} == {"127.0.0.1"}
    assert told["owner"], "whoever knows the token is let in"
    assert not told["stranger"] and not told["wrong"]
    for unwanted in ("dashboard.py", "monitor.py", "log_monitor.py"):
        assert not any(f"/{unwanted}" in server for server in told["servers"]), told["servers"]
    assert told["after"] == [None, None], "the environment is as it was"
    assert not (tmp_path / ".ray" / "auth_token").exists(), "the token is in no file"
