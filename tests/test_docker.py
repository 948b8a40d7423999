"""The cluster's files: the compose file parses and every command, flag, file and service it names exists."""

from __future__ import annotations

import configparser
import functools
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from file_schemas import compose_errors, read
from sqlalchemy.engine import make_url

from search_spaces.load import load_study
from service.jobs.submit import STOP_WAIT_SECONDS

ROOT = Path(__file__).parent.parent
DOCKER = ROOT / "docker"
COMPOSE: dict[str, Any] = read(DOCKER / "compose.yaml")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = sorted(name for name, service in SERVICES.items() if service["image"] == "dit-ablate:local")
SECRETS = {
    "RAY_AUTH_TOKEN", "POSTGRES_PASSWORD", "S3_ACCESS_KEY", "S3_SECRET_KEY", "MLFLOW_PASSWORD", "MLFLOW_SECRET_KEY",
}  # fmt: skip
FILES = {path.name: read(path) for path in sorted(DOCKER.glob("compose*.yaml"))}
OVERRIDES = {"compose.gpu.yaml": "compose.yaml", "compose.hosts.yaml": "compose.yaml"}


def commands() -> Iterator[tuple[str, list[str]]]:
    """Every command that runs in our image: the services' own and their health checks."""
    for file, compose in FILES.items():
        for name, service in compose["services"].items():
            if name not in (*OURS, "ray-worker"):
                continue
            if "command" in service:
                yield name, service["command"]
            for hook in service.get("pre_stop", []):
                yield f"{file} {name} before it stops", hook["command"]
            if "healthcheck" in service:
                kind, *command = service["healthcheck"]["test"]
                assert kind == "CMD"
                yield f"{name} health check", command


def substitutions(value: Any) -> Iterator[tuple[str, str]]:
    """Every ``${NAME...}`` below a value, with what follows the name."""
    if isinstance(value, dict):
        for item in value.values():
            yield from substitutions(item)
    elif isinstance(value, list):
        for item in value:
            yield from substitutions(item)
    elif isinstance(value, str):
        yield from re.findall(r"\$\{(\w+)([^}]*)\}", value)


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions, continuation lines joined."""
    text = re.sub(r"\\\n", " ", (DOCKER / "Dockerfile").read_text())
    return [(line.split()[0], line.partition(" ")[2]) for line in text.splitlines() if re.match(r"[A-Z]+ ", line)]


@functools.cache
def help_of(*words: str) -> str:
    executable = Path(sys.executable).parent / words[0]
    assert executable.exists(), f"{words[0]} is not installed"
    done = subprocess.run([executable, *words[1:], "--help"], capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, f"{' '.join(words)} --help: {done.stderr}"
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("where", "command"), list(commands()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_command_and_flag_exists(where: str, command: list[str]) -> None:
    if command[0] == "curl":
        installed = [text for instruction, text in instructions() if instruction == "RUN" and "apt-get install" in text]
        assert any(" curl " in text for text in installed)
        return
    if command[:3] == ["python", "-m", "service.jobs.drain"]:
        done = subprocess.run([sys.executable, *command[1:3], "--help"], capture_output=True, text=True, check=True)
        assert all(word.split("=")[0] in done.stdout for word in command[3:])
        return
    if command[0] == "python":
        mounted = [volume.split(":")[:2] for volume in SERVICES[where]["volumes"]]
        assert (DOCKER / dict((target, source) for source, target in mounted)[command[1]]).exists()
        return
    words = [command[0], command[1]]
    text = help_of(*words)
    flags = [word.split("=")[0] for word in command[2:] if word.startswith("--")]
    missing = [flag for flag in flags if not re.search(rf"(?<![\w-]){flag}(?![\w-])", text)]
    assert not missing, f"{' '.join(words)} has no {', '.join(missing)}"


def test_commands_of_every_kind_are_looked_at() -> None:
    assert {tuple(command[:2]) for _, command in commands() if command[0] not in ("curl", "python")} == {
        ("ray", "start"),
        ("mlflow", "server"),
        ("dit-ablate", "submit"),
    }


@pytest.mark.slow
def test_a_flag_that_does_not_exist_is_noticed() -> None:
    with pytest.raises(AssertionError, match="--no-such-flag"):
        test_every_command_and_flag_exists("ray-head", ["ray", "start", "--head", "--no-such-flag=1"])


def test_the_submitted_study_exists() -> None:
    study = SERVICES["study"]["command"][2]
    assert study == "${STUDY:-dit-digits}"
    assert load_study("dit-digits").name


def test_every_service_that_is_waited_for_exists_and_can_be_waited_for() -> None:
    for name, service in SERVICES.items():
        for other, wait in service.get("depends_on", {}).items():
            assert other in SERVICES, f"{name} waits for {other}"
            if wait["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[other], f"{name} waits for the health of {other}"
            else:
                assert wait["condition"] == "service_completed_successfully"
                assert not SERVICES[other].get("restart", "no").startswith(("always", "unless-stopped"))


def test_every_host_in_an_address_is_a_service() -> None:
    text = (DOCKER / "compose.yaml").read_text()
    hosts = set(re.findall(r"(?:https?://|@|--address=)([a-z0-9.-]+):\d+", text)) - {"127.0.0.1"}
    assert hosts == {"s3", "postgres", "ray-head"}, "and mlflow and ray-head where nothing else is chosen"
    assert {"${MLFLOW_HOST:-mlflow}", "${HEAD_ADDRESS:-ray-head}"} < set(re.findall(r"\$\{[A-Z_]+:-[a-z-]+\}", text))
    assert hosts <= set(SERVICES)


def test_addresses_use_the_ports_that_are_served() -> None:
    served = {
        "mlflow": "5000",
        "s3": "8333",
        "ray-head": "6379",
    }
    text = (DOCKER / "compose.yaml").read_text()
    assert "--port=5000" in SERVICES["mlflow"]["command"]
    assert "-s3.port=8333" in SERVICES["s3"]["command"]
    assert "--port=6379" in SERVICES["ray-head"]["command"]
    assert "--dashboard-port=8265" in SERVICES["ray-head"]["command"]
    for host, port in re.findall(r"(?:https?://|--address=)([a-z][a-z0-9-]*):(\d+)", text):
        assert port in ({served[host], "8265"} if host == "ray-head" else {served[host]})


def test_health_checks_ask_a_port_that_the_service_listens_on() -> None:
    for name, service in SERVICES.items():
        ports = re.findall(r"127\.0\.0\.1:(\d+)", " ".join(service.get("healthcheck", {}).get("test", [])))
        for port in ports:
            assert any(word.endswith(f"port={port}") for word in service["command"]), f"{name}: {port}"


def test_volumes_are_declared_and_mounted_files_exist() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", volume).split(":")[0]
            if ":" not in volume:
                continue  # a volume of the container's own
            if not source.startswith("."):
                assert source in COMPOSE["volumes"]
            elif not volume.startswith("$"):
                assert (DOCKER / source).exists(), source


def test_ports_are_bound_to_this_machine_only() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert set(published) == {"mlflow", "ray-head"}
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)


def test_every_ray_process_and_client_has_the_token() -> None:
    for name in ("ray-head", "ray-worker", "study"):
        environment = SERVICES[name]["environment"]
        assert environment["RAY_AUTH_MODE"] == "token"
        assert environment["RAY_AUTH_TOKEN"].startswith("${RAY_AUTH_TOKEN:?")


def test_secrets_have_no_default_and_everything_else_has_one() -> None:
    found = dict(substitutions(COMPOSE))
    assert {name for name, rest in found.items() if rest.startswith(":?")} == SECRETS
    assert {name for name, rest in found.items() if not rest.startswith((":?", ":-"))} == set()


def test_the_example_environment_names_every_variable() -> None:
    lines = [line for line in (DOCKER / ".env.example").read_text().splitlines() if "=" in line and line[0] != "#"]
    example = dict(line.split("=", 1) for line in lines)
    used = dict(substitutions(COMPOSE))
    several_machines = {"HEAD_ADDRESS", "MLFLOW_HOST"}
    assert set(example) == set(used) - several_machines
    text = (DOCKER / ".env.example").read_text()
    for compose in FILES.values():
        assert all(f"{name}=" in text for name, _ in substitutions(compose) if name != "RAY_GPU_SHM_SIZE")
    for name, value in example.items():
        assert value == ("" if name in SECRETS else used[name].removeprefix(":-"))


def test_the_database_driver_is_in_the_cluster_extra() -> None:
    """A bare ``postgresql://`` means another driver in every release of SQLAlchemy."""
    uri = re.sub(r"\$\{[^}]*\}", "x", SERVICES["mlflow"]["environment"]["MLFLOW_BACKEND_STORE_URI"])
    assert make_url(uri).get_driver_name() == "psycopg2"
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    needed = {
        name: {re.split(r"[><=\[]", requirement)[0] for requirement in extras[name]} for name in ("cluster", "s3")
    }
    assert needed == {"cluster": {"dit-ablate", "psycopg2-binary", "flask-wtf"}, "s3": {"boto3"}}
    assert "s3" in extras["cluster"][0]


def test_allowed_hosts_cover_the_cluster_and_this_machine() -> None:
    option = next(word for word in SERVICES["mlflow"]["command"] if word.startswith("--allowed-hosts="))
    assert set(option.split("=")[1].split(",")) == {"${MLFLOW_HOST:-mlflow}:5000", "localhost:*", "127.0.0.1:*"}


def test_the_image_copies_files_that_exist_and_reach_the_builder() -> None:
    let_through = {
        line[1:] for line in (DOCKER / "Dockerfile.dockerignore").read_text().splitlines() if line.startswith("!")
    }
    copied = [source for instruction, text in instructions() if instruction == "COPY" for source in text.split()[:-1]]
    assert {"dit_core", "search_spaces", "service", "pyproject.toml", "constraints.txt"} <= set(copied)
    for source in copied:
        assert (ROOT / source).exists(), source
        assert source in let_through, source


def test_the_image_installs_the_cluster_extra_with_pinned_versions_and_is_not_root() -> None:
    installs = [text for instruction, text in instructions() if instruction == "RUN" and "pip install" in text]
    assert len(installs) == 2
    assert all("-c constraints.txt" in text for text in installs)
    assert "'.[cluster]'" in installs[1]
    assert ("USER", "ablate") in instructions()
    assert any(text.startswith("python:3.11") for instruction, text in instructions() if instruction == "FROM")


def test_the_compose_file_builds_that_dockerfile_from_the_root() -> None:
    for name in OURS:
        build = SERVICES[name]["build"]
        assert (DOCKER / build["context"]).resolve() == ROOT
        assert (ROOT / build["dockerfile"]).exists()


@pytest.mark.parametrize("name", FILES)
def test_it_fits_the_compose_schema(name: str) -> None:
    assert compose_errors(FILES[name]) == []
    wrong = {**FILES[name], "services": {"x": {"image": "x", "stop_grace_periods": "1m"}}}
    assert len(compose_errors(wrong)) == 1, "what does not exist is noticed"


@pytest.mark.parametrize("name", OVERRIDES)
def test_an_override_changes_services_that_exist(name: str) -> None:
    assert set(FILES[name]["services"]) <= set(FILES[OVERRIDES[name]]["services"])


def test_the_gpu_file_counts_the_processors_that_the_papers_study_asks_for() -> None:
    service = FILES["compose.gpu.yaml"]["services"]["ray-worker"]
    devices = service["deploy"]["resources"]["reservations"]["devices"]
    assert devices == [{"driver": "nvidia", "count": "all", "capabilities": ["gpu"]}]
    assert set(FILES["compose.gpu.yaml"]["services"]) == set(FILES["compose.node.yaml"]["services"]) == {"ray-worker"}
    counted = next(word for word in service["command"] if word.startswith("--num-cpus="))
    resources = load_study("dit-paper").resources
    assert int(re.findall(r":-(\d+)", counted)[0]) >= 8 * resources.cpus_per_worker


def test_nodes_of_several_machines_use_the_machines_network_and_bear_what_a_node_needs() -> None:
    node, first = FILES["compose.node.yaml"]["services"]["ray-worker"], FILES["compose.hosts.yaml"]["services"]
    assert node["network_mode"] == first["ray-head"]["network_mode"] == first["study"]["network_mode"] == "host"
    assert first["ray-head"]["ports"] == [], "published ports and the machine's network exclude each other"
    assert set(node["environment"]) == set(SERVICES["ray-worker"]["environment"])
    assert [volume.split(":/")[-1] for volume in node["volumes"]] == ["store", "data:ro", "tmp/ray"]
    ports = [
        next(word for word in service["command"] if "agent-listen-port" in word)
        for service in (node, first["ray-head"])
    ]
    assert ports[0] != ports[1], "the first machine may train, too"
    for service, port in zip((node, first["ray-head"]), ports, strict=True):
        assert f"127.0.0.1:{port.split('=')[1]}/api/healthz" in " ".join(service["healthcheck"]["test"])


def test_everything_ends_in_peace() -> None:
    """Signals reach who has to have them, jobs write their checkpoints first, and logs stay."""
    for name in ("ray-head", "ray-worker", "mlflow", "postgres", "s3"):
        assert SERVICES[name]["init"] is True and SERVICES[name]["stop_grace_period"], name
    hook = SERVICES["ray-worker"]["pre_stop"][0]["command"]
    assert hook[:3] == ["python", "-m", "service.jobs.drain"]
    assert f"--seconds={STOP_WAIT_SECONDS}" in hook
    assert SERVICES["ray-worker"]["environment"]["RAY_JOB_STOP_WAIT_TIME_S"] == str(STOP_WAIT_SECONDS)
    assert "ray-head" in SERVICES["ray-worker"]["depends_on"], "so compose stops the workers, and their hook, first"
    assert any(volume.endswith(":/tmp/ray") for volume in SERVICES["ray-head"]["volumes"])
    assert "/tmp/ray" in SERVICES["ray-worker"]["volumes"], "a volume for each, since their files have the same names"


def test_a_database_that_is_still_being_made_is_not_healthy() -> None:
    assert "--host=127.0.0.1" in SERVICES["postgres"]["healthcheck"]["test"]
    for name, service in SERVICES.items():
        assert "start_period" in service.get("healthcheck", {"start_period": ""}), name


def test_mlflow_asks_for_a_password_and_its_clients_have_it() -> None:
    server = SERVICES["mlflow"]
    assert "--app-name=basic-auth" in server["command"]
    settings = configparser.ConfigParser()
    settings.read(DOCKER / "mlflow-auth.ini")
    assert server["environment"]["MLFLOW_AUTH_CONFIG_PATH"] == "/opt/mlflow-auth.ini"
    assert settings["mlflow"]["database_uri"] == "sqlite:////auth/basic_auth.db"
    assert "mlflow-auth:/auth" in server["volumes"] and "./mlflow-auth.ini:/opt/mlflow-auth.ini:ro" in server["volumes"]
    assert not re.search(r"^\s*admin_password", (DOCKER / "mlflow-auth.ini").read_text(), re.M)
    client = SERVICES["ray-head"]["environment"]
    assert client["MLFLOW_TRACKING_USERNAME"] == settings["mlflow"]["admin_username"]
    assert client["MLFLOW_TRACKING_PASSWORD"] == server["environment"]["MLFLOW_AUTH_ADMIN_PASSWORD"]


@pytest.mark.slow
def test_the_readmes_commands_exist_and_name_services_and_files() -> None:
    text = (DOCKER / "README.md").read_text()
    for file in re.findall(r"docker/[\w.]+(?<!\.)", text):
        assert (ROOT / file).exists() or file == "docker/.env", file
    for service in re.findall(r"(?:run --rm(?: -e \S+)?|exec|cp) ([a-z-]+)[ :\n]", text):
        assert service in SERVICES, service
    for command in re.findall(r"dit-ablate ((?!installed)[a-z]+) ?", text):
        assert help_of("dit-ablate", command)
    flags = set(re.findall(r"dit-ablate submit[^\n]*?(--.*)", text))
    submit = help_of("dit-ablate", "submit")
    assert flags and all(flag in submit for line in flags for flag in re.findall(r"--[a-z-]+", line))


@pytest.mark.skipif(shutil.which("docker") is None, reason="docker is not installed")
def test_docker_reads_the_compose_file() -> None:
    probe = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    if probe.returncode != 0:
        pytest.skip("docker has no compose plugin")
    environment = {"PATH": "/usr/bin:/bin:/usr/local/bin", **dict.fromkeys(SECRETS, "x")}
    done = subprocess.run(
        ["docker", "compose", "--file", str(DOCKER / "compose.yaml"), "--profile", "study", "config", "--services"],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == set(SERVICES)
