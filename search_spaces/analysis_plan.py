"""What makes comparisons of a study mean the same: the baseline and the metric that arms are compared on."""

from __future__ import annotations

from dataclasses import dataclass

from dit_core.config import TrialConfig
from dit_core.identity import digest, eval_id, train_id
from search_spaces.arms import comparable
from search_spaces.types import Expansion


@dataclass(frozen=True)
class AnalysisPlan:
    """The analysis plan of a study.

    Arms, seeds, budget and rungs are not part of it: an arm, a seed or a rung more leaves the comparisons that were
    made as they are. Another baseline, or another metric, makes them another question's.

    Attributes:
        baseline: the baseline's configuration, without its seed (0) and without the averages of the weights that are
            kept for the sake of other arms.
        primary_metric: the metric that arms are compared on.
    """

    baseline: TrialConfig
    primary_metric: str

    def digest(self, data_fingerprint: str) -> str:
        """Identifies the plan, as 64 hex digits: what determines the baseline's weights and how they are measured.

        Args:
            data_fingerprint: of the baseline's training images. Where they lie is no part of the plan.

        Raises:
            UserError: the baseline starts from weights that are not there.
        """
        weights = train_id(self.baseline, data_fingerprint)
        return digest({"measured": eval_id(weights, 0, self.baseline, self.primary_metric)})


def analysis_plan(expansion: Expansion) -> AnalysisPlan:
    """Returns the plan that a study's decisions are made under."""
    return AnalysisPlan(comparable(expansion.baseline.config).with_seed(0), expansion.study.primary_metric)
