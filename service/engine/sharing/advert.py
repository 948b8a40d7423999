"""What a driver says of its study to the other drivers on the cluster, and what there is to share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from search_spaces.study import Resources


@dataclass(frozen=True)
class Plain:
    """Data that crosses versions as plain JSON: what another version adds is left out, what it lacks has a default."""

    def to_json(self) -> dict[str, Any]:
        """Returns plain data; ``from_json`` is the way back."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Rebuilds it from ``to_json``."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in data.items() if name in known})


@dataclass(frozen=True)
class Advert(Plain):
    """One study that is being run.

    Attributes:
        run: names the run among all, as in the names of its lanes' placement groups.
        study: the study's name.
        user: who runs it.
        weight: how much of the cluster it should get, in proportion to other studies' weights.
        workers: workers of one of its lanes.
        cpus: CPUs of one worker.
        gpus: GPUs of one worker.
        wanted: lanes it could keep busy.
        held: lanes that have got their room, as the board has found; what the driver says of it does not count.
        up: of these, lanes that have their workers.
        since: when it came to the cluster, Unix seconds by the board's clock; 0 until the board has said so.
        device_seconds: worker seconds so far.
        host: the machine of the driver.
        pid: its process there.
    """

    run: str
    study: str
    user: str
    weight: float = 1.0
    workers: int = 1
    cpus: float = 1.0
    gpus: float = 0.0
    wanted: int = 0
    held: int = 0
    up: int = 0
    since: float = 0.0
    device_seconds: float = 0.0
    host: str = ""
    pid: int = 0

    @property
    def lane(self) -> dict[str, float]:
        """What one lane takes, by resource."""
        return {"CPU": self.workers * self.cpus, "GPU": self.workers * self.gpus}

    @property
    def shape(self) -> str:
        """One lane in words, e.g. ``2 x 4 CPU and 2 x 1 GPU``."""
        gpus = f" and {self.workers} x {self.gpus:g} GPU" if self.gpus else ""
        return f"{self.workers} x {self.cpus:g} CPU{gpus}"

    @classmethod
    def of(cls, run: str, study: str, user: str, resources: Resources) -> Self:
        """Returns the advert of a study whose driver has just come."""
        return cls(
            run=run,
            study=study,
            user=user,
            weight=resources.weight,
            workers=resources.workers,
            cpus=resources.cpus_per_worker,
            gpus=resources.gpus_per_worker,
        )


@dataclass(frozen=True)
class Capacity(Plain):
    """What the cluster has for studies.

    Attributes:
        nodes: CPUs and GPUs of every node that is alive.
        foreign: CPUs and GPUs that are taken by others than the studies on the board.
    """

    nodes: tuple[tuple[float, float], ...] = ()
    foreign: tuple[float, float] = (0.0, 0.0)

    @property
    def total(self) -> dict[str, float]:
        """All of it by resource."""
        return {"CPU": sum(cpus for cpus, _ in self.nodes), "GPU": sum(gpus for _, gpus in self.nodes)}


@dataclass(frozen=True)
class Notice:
    """The board's answer: everything that the shares are computed from, the same for every driver.

    Attributes:
        adverts: every study that is being run.
        capacity: what there is to share.
        since: when the driver that asked came to the cluster.
        began: when the board began, Unix seconds.
        device_seconds: user -> worker seconds on this cluster since then, ended runs included.
    """

    adverts: tuple[Advert, ...]
    capacity: Capacity
    since: float = 0.0
    began: float = 0.0
    device_seconds: Mapping[str, float] | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Rebuilds it from what ``Board`` returns."""
        return cls(
            adverts=tuple(Advert.from_json(item) for item in data["adverts"]),
            capacity=Capacity.from_json(data["capacity"]),
            since=data.get("since", 0.0),
            began=data.get("began", 0.0),
            device_seconds=data.get("device_seconds"),
        )
