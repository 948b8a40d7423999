"""The Kubernetes files fit the published schemas, and their parts fit each other."""

from __future__ import annotations

import copy
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from file_schemas import kuberay_errors, read

from search_spaces.load import load_study
from service.jobs.submit import STOP_WAIT_SECONDS

FOLDER = Path(__file__).parent.parent / "docker" / "kubernetes"
FILES = {kind: read(FOLDER / f"{kind}.yaml") for kind in ("rayjob", "raycluster")}
SECRET = read(FOLDER / "secret.yaml")
STORE = read(FOLDER / "store.yaml")


def cluster(kind: str) -> dict[str, Any]:
    spec = FILES[kind]["spec"]
    return spec["rayClusterSpec"] if kind == "rayjob" else spec


def pods(kind: str) -> list[dict[str, Any]]:
    spec = cluster(kind)
    return [group["template"]["spec"] for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"])]


@pytest.mark.parametrize("kind", FILES)
def test_it_fits_the_schema(kind: str) -> None:
    assert kuberay_errors(FILES[kind]) == []
    wrong = copy.deepcopy(FILES[kind])
    spec = wrong["spec"].get("rayClusterSpec", wrong["spec"])
    spec["headGroupSpec"]["template"]["spec"]["terminationGracePeriod"] = 5
    spec["authOptions"]["mode"] = "tokens"
    assert len(kuberay_errors(wrong)) == 2, "what does not exist is noticed"


@pytest.mark.parametrize("kind", FILES)
def test_nobody_gets_in_without_the_token(kind: str) -> None:
    assert cluster(kind)["authOptions"] == {"mode": "token", "secretName": SECRET["metadata"]["name"]}
    assert "auth_token" in SECRET["stringData"], "the key that KubeRay reads"


@pytest.mark.parametrize("kind", FILES)
def test_secrets_come_from_the_secret_and_the_template_holds_none(kind: str) -> None:
    assert set(SECRET["stringData"].values()) == {""}
    for pod in pods(kind):
        assert pod["securityContext"]["runAsNonRoot"]
        for variable in pod["containers"][0]["env"]:
            if "valueFrom" in variable:
                reference = variable["valueFrom"]["secretKeyRef"]
                assert reference["name"] == SECRET["metadata"]["name"] and reference["key"] in SECRET["stringData"]
            else:
                assert not any(word in variable["name"] for word in ("PASSWORD", "SECRET", "TOKEN", "KEY"))


@pytest.mark.parametrize("kind", FILES)
def test_there_is_time_for_checkpoints_before_a_pod_ends(kind: str) -> None:
    for pod in pods(kind):
        container = pod["containers"][0]
        hook = " ".join(container["lifecycle"]["preStop"]["exec"]["command"])
        assert "python -m service.jobs.drain" in hook
        seconds = int(hook.partition("--seconds=")[2].split()[0])
        assert seconds == STOP_WAIT_SECONDS < pod["terminationGracePeriodSeconds"]
        assert {"name": "RAY_JOB_STOP_WAIT_TIME_S", "value": str(STOP_WAIT_SECONDS)} in container["env"]


@pytest.mark.parametrize("kind", FILES)
def test_all_pods_see_one_store_and_room_for_a_training_worker(kind: str) -> None:
    assert STORE["spec"]["accessModes"] == ["ReadWriteMany"]
    resources = load_study("dit-paper").resources
    for number, pod in enumerate(pods(kind)):
        container = pod["containers"][0]
        claims = {
            v["name"]: v["persistentVolumeClaim"]["claimName"] for v in pod["volumes"] if "persistentVolumeClaim" in v
        }
        mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
        assert claims[mounts["/store"]] == STORE["metadata"]["name"]
        assert {"name": "DIT_ABLATE_STORE", "value": "/store"} in container["env"]
        assert mounts["/dev/shm"] == "shared-memory"
        if number:
            assert int(container["resources"]["limits"]["cpu"]) >= resources.cpus_per_worker


def test_the_jobs_command_is_one_of_ours() -> None:
    words = shlex.split(FILES["rayjob"]["spec"]["entrypoint"])
    assert words[:2] == ["dit-ablate", "run"] and load_study(words[2]).name == words[2]
    environment = yaml.safe_load(FILES["rayjob"]["spec"]["runtimeEnvYAML"])["env_vars"]
    assert environment["RAY_JOB_STOP_WAIT_TIME_S"] == str(STOP_WAIT_SECONDS)
