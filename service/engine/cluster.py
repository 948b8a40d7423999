"""Reaching a Ray cluster: the one that was named, or an own one on this machine that ends with this process."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import shutil
import signal
import socket
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import ray

from dit_core.errors import UserError, unknown
from search_spaces.study import Resources
from service.engine.failures import ClusterGone, LanesFailed
from service.engine.own_parts import only_what_is_needed
from service.engine.own_ray import closed_to_others
from service.engine.own_session import apart
from service.reach import reach

NAMESPACE = "dit-ablate"
OBJECT_STORE_BYTES = 150 * 1024**2
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_AUTO_CALLBACK_SYNCER": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "3600",
    "TUNE_MAX_PENDING_TRIALS_PG": "64",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "RAY_worker_maximum_startup_concurrency": "8",  # fewer, and the raylet prints a warning about a dozen actors
}
_KIND, _A_LITTLE = "accelerator_type:", 0.001
"""A node with GPUs of some kind has one of this resource, of which everybody who wants that kind takes a little."""
_ROUNDING = 1e-9
_LONGEST_TEMP_DIR = 40
"""Ray puts Unix sockets below its temporary folder; their whole path may have 107 characters."""


@contextlib.contextmanager
def cluster(address: str | None, temp_dir: str | Path | None, resources: Resources) -> Iterator[bool]:
    """Connects to Ray for the time of a run.

    Args:
        address: ``host:port`` of a running cluster, or ``auto`` on one of its nodes. None takes ``RAY_ADDRESS``
            where it is set (as in a Ray job), an existing connection of this process, or else starts an own
            Ray on this machine. A cluster that merely happens to run is never joined.
        temp_dir: folder for an own Ray's files; a new one under the system's when None.
        resources: the shape of a lane: an own Ray counts at least as many CPUs as one lane needs.

    Yields:
        Whether others can run something there, too.

    Raises:
        UserError: nothing answers at the address, or ``temp_dir`` is too long or cannot be made.
        LanesFailed: an own Ray does not start.
    """
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    for name in ("ray", "ray.train"):
        logging.getLogger(name).setLevel(logging.ERROR)
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)  # its trials are ended with a run that cannot go on
    if ray.is_initialized():
        yield True
        return
    address = address or os.environ.get("RAY_ADDRESS") or None
    if address:
        _connect(address)
        with _leaving():
            yield True
        return
    with _own_folder(temp_dir) as folder, closed_to_others():
        cpus = max(_usable_cpus(), resources.workers * resources.cpus_per_worker)
        try:
            with apart(), only_what_is_needed():
                ray.init(
                    address="local",
                    num_cpus=cpus,
                    namespace=NAMESPACE,
                    include_dashboard=False,
                    object_store_memory=OBJECT_STORE_BYTES,
                    log_to_driver=False,
                    logging_level=logging.ERROR,
                    _temp_dir=str(folder),
                    _node_ip_address="127.0.0.1",
                )
        except Exception as error:  # what Ray raises when a part of it does not come up in time is no class of its own
            ray.shutdown()
            raise LanesFailed(f"Ray does not start on this machine: {_first_sentence(error)}") from None
        with _leaving():
            yield False


@contextlib.contextmanager
def _leaving() -> Iterator[None]:
    """Leaves the cluster, and ends an own one; without a word to one that is gone, which could only be waited for."""
    try:
        yield
    except ClusterGone:
        own = ray._private.worker._global_node
        if own is not None:
            own.kill_all_processes(check_alive=False, allow_graceful=False)
        raise
    except BaseException:
        ray.shutdown()
        raise
    ray.shutdown()


def _first_sentence(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].split(". ")[0].rstrip(".")


def lanes_that_fit(resources: Resources) -> int:
    """Returns how many lanes the nodes that are alive have room for, whoever uses them now."""
    slots = sum(_workers_that_fit(resources, node["Resources"]) for node in ray.nodes() if node["Alive"])
    return slots // resources.workers


def _workers_that_fit(resources: Resources, node: Mapping[str, float]) -> int:
    """How many workers a node has room for; no worker has parts of two GPUs."""
    fits = int(node.get("CPU", 0.0)) // resources.cpus_per_worker
    gpus = resources.gpus_per_worker
    if gpus:
        on_one = math.floor(1 / gpus + _ROUNDING)
        fits = min(fits, int(node.get("GPU", 0.0)) * on_one)
    if resources.accelerator_type is not None and not node.get(f"{_KIND}{resources.accelerator_type}"):
        return 0
    return fits


def worker_needs(resources: Resources) -> dict[str, float]:
    """Returns what Ray is asked for, for one worker."""
    each: dict[str, float] = {"CPU": resources.cpus_per_worker}
    if resources.gpus_per_worker:
        each["GPU"] = resources.gpus_per_worker
    if resources.accelerator_type is not None:
        each[f"{_KIND}{resources.accelerator_type}"] = _A_LITTLE
    return each


def require_room(resources: Resources) -> None:
    """Makes sure that the cluster has room for a lane.

    Raises:
        UserError: it has not.
    """
    if lanes_that_fit(resources) < 1:
        kinds = sorted(name.removeprefix(_KIND) for name in ray.cluster_resources() if name.startswith(_KIND))
        if resources.accelerator_type is not None and resources.accelerator_type not in kinds:
            raise unknown("resources.accelerator_type", resources.accelerator_type, kinds)
        have = ray.cluster_resources()
        raise UserError(
            f"resources: one lane needs {lane_needs(resources)}, and the Ray cluster has {have.get('CPU', 0.0):g} CPU "
            f"and {have.get('GPU', 0.0):g} GPU"
        )


def lane_needs(resources: Resources) -> str:
    """Says what a lane takes, e.g. ``2 x 1 CPU and 2 x 1 GPU``."""
    need = f"{resources.workers} x {resources.cpus_per_worker} CPU"
    if not resources.gpus_per_worker:
        return need
    kind = f" ({resources.accelerator_type})" if resources.accelerator_type is not None else ""
    return f"{need} and {resources.workers} x {resources.gpus_per_worker:g} GPU{kind}"


def room() -> str:
    """Says what the cluster has and what of it is free."""
    have, free = ray.cluster_resources(), ray.available_resources()
    parts = (f"{free.get(kind, 0.0):g} of {have.get(kind, 0.0):g} {kind}" for kind in ("CPU", "GPU"))
    return f"and {', '.join(parts)} are free on the cluster"


def _connect(address: str) -> None:
    if address.startswith("ray://"):
        raise UserError(
            f"address: {address} is a Ray Client address; give the cluster's own, host:6379, or use dit-ablate submit"
        )
    host, _, port = address.rpartition(":")
    if host and port.isdigit():
        try:
            reach(host.strip("[]"), int(port), 5)
        except OSError as error:
            raise UserError(f"address: no Ray cluster answers at {address} ({error.strerror or error})") from None
    elif address != "auto":
        raise UserError(f"address: {address!r} is not an address; give host:port, e.g. 10.0.0.5:6379, or auto")
    try:
        ray.init(address=address, namespace=NAMESPACE, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"address: cannot join the Ray cluster at {address}: {reason}") from None


@contextlib.contextmanager
def _own_folder(temp_dir: str | Path | None) -> Iterator[Path]:
    if temp_dir is None:
        base = Path(tempfile.gettempdir())
        base = base if len(str(base)) <= 4 else Path("/tmp")
        _clear_dead_folders(base)
        folder = Path(tempfile.mkdtemp(prefix=f"{_prefix()}{os.getpid()}-", dir=base))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return
    folder = Path(temp_dir).expanduser().resolve()
    if len(str(folder)) > _LONGEST_TEMP_DIR:
        raise UserError(
            f"ray_temp_dir: {folder} has {len(str(folder))} characters; at most {_LONGEST_TEMP_DIR}, since Ray "
            "puts sockets below it"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"ray_temp_dir: cannot make {folder} ({error.strerror})") from None
    yield folder


def _prefix() -> str:
    """Opens the name of this host's folders: a process is only known to be dead on its own host."""
    return f"dit-ray-{zlib.crc32(socket.gethostname().encode()):08x}-"


def _clear_dead_folders(base: Path) -> None:
    """Removes what a killed process's own Ray has left behind, and ends its processes."""
    for folder in base.glob(f"{_prefix()}*"):
        pid = folder.name.removeprefix(_prefix()).split("-")[0]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists() and Path("/proc/self").exists():
            _end_processes_of(folder)
            shutil.rmtree(folder, ignore_errors=True)


def _end_processes_of(folder: Path) -> None:
    """Ends Ray's servers and agents of a folder; most have ended with the process that started them."""
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (entry / "cmdline").read_bytes().decode(errors="replace")
            if f"{folder}/" in command and "/ray/" in command:
                os.kill(int(entry.name), signal.SIGKILL)


def _usable_cpus() -> int:
    """CPUs this process may use; Ray's own count also honours a container's limit."""
    return int(ray._private.utils.get_num_cpus())
