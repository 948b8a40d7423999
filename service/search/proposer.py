"""Answers a search's questions by a sampler that is made anew each time and told everything from the beginning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from search_spaces.search_space import SearchSpec
from search_spaces.types import Expansion, Proposal
from service.records.proposals import Batch, Question
from service.records.results import Results
from service.search.history import generations, prefixes
from service.search.samplers import sampler_of


class SearchProposer:
    """Proposes the next generation of a search.

    It keeps nothing between two questions: a fresh sampler replays all generations before. So a search that was killed
    and is continued proposes what it would have proposed.

    Args:
        search: the search.
        metric: the study's primary metric.
    """

    def __init__(self, search: SearchSpec, metric: str) -> None:
        self._search, self._metric = search, metric

    def propose(
        self, question: Question, expansion: Expansion, results: Results, answers: Mapping[str, Batch]
    ) -> Sequence[Proposal]:
        """Answers a question; see ``Proposer``."""
        prefix = question.name.rpartition("-")[0]
        told = generations(self._search, self._metric, expansion, results, answers, prefix)
        found = sampler_of(self._search).propose(told, question.count)
        around = prefixes(self._search, expansion).get(prefix, "")
        return [Proposal(values, arm=around) for values in found]
