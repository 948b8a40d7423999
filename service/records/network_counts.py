"""What a study's networks were counted to cost, kept beside it: whoever reads the study need not count again.

A run records it before its first trial, and again whenever its study has got arms. Counts are looked up by all that
determines them (``dit_core.kept_counts.name_of``), so those of another version are never taken for this one's: they are
counted again, as they are where the record is missing or damaged.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar

from pydantic import Field

from dit_core.gflops import counts_of
from dit_core.kept_counts import Counted, tell
from search_spaces.types import Arm
from service.records.envelope import Record
from service.records.kinds import Part
from service.records.store import Store

Count = Annotated[int, Field(ge=0, lt=2**63)]


class NetworkCount(Part):
    """What was counted of one forward pass of a network; see ``dit_core.kept_counts.Counted``."""

    params: Count
    trainable_params: Count
    macs: dict[str, Count]


class CountsRecord(Record):
    """What networks of a study were counted to cost, those apart that are in an earlier one.

    Attributes:
        networks: name of the question -> what was counted.
    """

    kind: ClassVar[str] = "network counts"
    networks: dict[str, NetworkCount]

    @staticmethod
    def folder(study: str) -> str:
        """Where those of a study lie, numbered."""
        return f"studies/{study}/counts/"


def counts_record(arms: Iterable[Arm]) -> CountsRecord:
    """Returns what the networks of arms cost; counts those that this machine has not counted."""
    found: dict[str, Counted] = {}
    for model, masked in dict.fromkeys((arm.config.model, arm.config.training.mask_ratio) for arm in arms):
        found |= counts_of(model, masked)
    networks = {
        name: NetworkCount(params=own.params, trainable_params=own.trainable_params, macs=own.macs)
        for name, own in found.items()
    }
    return CountsRecord(networks=networks)


def record_counts(store: Store, study: str, arms: Iterable[Arm]) -> None:
    """Records what the networks of a study's arms cost, as far as that is not recorded.

    Args:
        store: where records go.
        study: the study's name.
        arms: its arms.
    """
    known = {name for record in _recorded(store, study) for name in record.networks}
    networks = {name: own for name, own in counts_record(arms).networks.items() if name not in known}
    if networks:
        store.records.append(CountsRecord.folder(study), CountsRecord(networks=networks))


def tell_counts(store: Store, study: str) -> None:
    """Makes known in this process what is recorded of a study's networks."""
    for record in _recorded(store, study):
        tell({name: Counted(own.params, own.trainable_params, own.macs) for name, own in record.networks.items()})


def _recorded(store: Store, study: str) -> list[CountsRecord]:
    return store.records.numbered(CountsRecord.folder(study), CountsRecord).contents
