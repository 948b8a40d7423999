"""What an entry measures, and what of that is none of its metrics."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from dit_core.errors import UserError
from search_spaces.plan_import.conditions import metric_under, pieces_of, whole
from search_spaces.plan_import.entry_account import EntryAccount
from search_spaces.plan_import.items import ItemReader
from search_spaces.plan_import.labels import METRICS
from search_spaces.plan_import.measures import read_metric
from search_spaces.profiles import PROFILES
from search_spaces.study import Ablation

_Metric = tuple[tuple[str, ...], str] | UserError
"""The metrics that a text stands for and how it was understood, or why it was not."""


def one_for_several(readers: Iterable[EntryAccount]) -> Iterator[str]:
    """Says which metrics of a plan, different ones in the paper, are one and the same here."""
    paper = PROFILES.get("paper")
    found: dict[str, dict[tuple[str, ...], str]] = {}
    for text, names in (measured for reader in readers for measured in reader.measured):
        try:
            published = read_metric(text, paper)[0]
        except UserError:
            continue
        if len(names) == len(published) == 1:
            found.setdefault(names[0], {}).setdefault(published, text)
    for name, texts in found.items():
        if len(texts) > 1:
            *first, last = texts.values()
            yield f"{', '.join(first)} and {last} are one metric here, {name}; it is computed once"


class MetricReader(ItemReader):
    """Reads the metrics of an entry."""

    def _read_metrics(self, ablation: Ablation | None) -> None:
        tried: dict[str, tuple[Any, ...]] = dict.fromkeys(self.about, ())
        if ablation is not None:
            tried |= ablation.grid or dict.fromkeys(ablation.axis.split(", "), ablation.values)
        index = 0
        for text in whole(self.entry.metrics):
            for piece, read in self._metrics_in(text, tried):
                if isinstance(read, UserError):
                    self._misses(METRICS, index, piece, read)
                else:
                    self._knows(METRICS, index, piece, read[1])
                    self.metrics += read[0]
                    self.measured.append((piece, read[0]))
                index += 1

    def _metrics_in(self, text: str, tried: Mapping[str, Collection[object]]) -> list[tuple[str, _Metric]]:
        """A text in the place of a metric, or its pieces where only some of them are metrics, each as it is read."""
        try:
            return [(text, metric_under(text, self.baseline, self.profile, tried))]
        except UserError:
            pieces = pieces_of(text)
        try:
            return [(text, read_metric(text, self.profile))]
        except UserError as error:
            reason = error
        if len(pieces) == 1:
            return [(text, reason)]
        return [read for piece in pieces for read in self._metrics_in(piece, tried)]
