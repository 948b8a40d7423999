"""What makes comparisons of a study mean the same: the baseline, the metric, and what it is run to answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dit_core.config import TrialConfig
from dit_core.identity import digest, eval_id, train_id
from search_spaces.arms import comparable
from search_spaces.types import Expansion


@dataclass(frozen=True)
class AnalysisPlan:
    """The analysis plan of a study.

    Arms, seeds, budget and rungs are not part of it: an arm, a seed or a rung more leaves the comparisons that were
    made as they are. Another baseline, or another metric, makes them another question's; and which questions are
    confirmatory, and what counts as equivalent, is to be said before there are results. What a study leaves out is no
    part of the digest, so plans from before there was such a field keep theirs.

    Attributes:
        baseline: the baseline's configuration, without its seed (0) and without the averages of the weights that are
            kept for the sake of other arms.
        primary_metric: the metric that arms are compared on.
        confirmatory: names of the questions that the study is run to answer; empty: all of them.
        equivalence_margin: share of a value that does not matter; None: none is called equivalent.
        compare_at: what is equal where arms are compared, see ``Study.compare_at``.
    """

    baseline: TrialConfig
    primary_metric: str
    confirmatory: tuple[str, ...] = ()
    equivalence_margin: float | None = None
    compare_at: str = "images"

    def digest(self, data_fingerprint: str) -> str:
        """Identifies the plan, as 64 hex digits: what determines the baseline's weights and how they are measured.

        Args:
            data_fingerprint: of the baseline's training images. Where they lie is no part of the plan.

        Raises:
            UserError: the baseline starts from weights that are not there.
        """
        weights = train_id(self.baseline, data_fingerprint)
        content: dict[str, Any] = {"measured": eval_id(weights, 0, self.baseline, self.primary_metric)}
        if self.confirmatory:
            content["confirmatory"] = sorted(self.confirmatory)
        if self.equivalence_margin is not None:
            content["equivalence_margin"] = self.equivalence_margin
        if self.compare_at != "images":
            content["compare_at"] = self.compare_at
        return digest(content)


def analysis_plan(expansion: Expansion) -> AnalysisPlan:
    """Returns the plan that a study's decisions are made under."""
    study, baseline = expansion.study, comparable(expansion.baseline.config).with_seed(0)
    return AnalysisPlan(baseline, study.primary_metric, study.confirmatory, study.equivalence_margin, study.compare_at)
