"""Tuned arms: what every arm's own values are chosen from, before arms are compared: the ``tune`` of a study."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field, field_validator

from dit_core.errors import UserError
from search_spaces.search_space import FRESH_SEEDS, Proposing, SearchSpec, check_fresh
from search_spaces.seeds import as_seeds
from search_spaces.study_part import Whole

if TYPE_CHECKING:
    from search_spaces.study import Study

SUFFIX = ".tuning"
"""Ends the name of the study in which another one's arms are tuned."""


class TuneSpec(Proposing):
    """How every arm of a study is tuned before arms are compared, the baseline included.

    Every arm gets the same number of proposals, each trained to a short rung with the tuning seeds. Its own best are
    then its values in the study, with the study's seeds. What an arm has without tuning is one of its candidates.

    Attributes:
        images: training images of a proposal; None for the study's first rung.
        seeds: tuning seeds, apart from the study's own.

    In YAML the values stand beside the rest: ``{learning_rate: {loguniform: [1e-4, 1e-2]}, trials: 8}``.
    """

    algorithm: str = "qmc"
    images: Whole | None = Field(None, gt=0)
    seeds: tuple[Whole, ...] = (1000,)

    @field_validator("seeds", mode="before")
    @classmethod
    def _seeds(cls, value: Any) -> Any:
        return as_seeds(value, "seeds", FRESH_SEEDS[0])

    @field_validator("algorithm")
    @classmethod
    def _one_objective(cls, value: str) -> str:
        if value == "nsga2":
            raise UserError("algorithm: nsga2 is for several objectives, and an arm is tuned for one; use tpe or qmc")
        return value

    def check(self, seeds: tuple[int, ...], rungs: tuple[int, ...], budget: int) -> None:
        """Refuses what does not fit the study.

        Raises:
            UserError: a seed that the study has, too, or a rung beyond its budget, or none.
        """
        check_fresh("tune.seeds", self.seeds, seeds, "the comparison")
        if self.images is None and not rungs:
            raise UserError(
                "tune.images: required, since the study has no rungs; say how many images a proposal is trained, e.g. "
                f"{max(1, budget // 4)}"
            )
        if self.images is not None and self.images > budget:
            raise UserError(f"tune.images: {self.images} is above budget_images, {budget}; a short rung is wanted")

    def text(self, study: Study) -> str:
        """One sentence for people."""
        return (
            f"Tuning: every arm, the baseline included, gets {self.trials} proposals by {self.algorithm} "
            f"({self.asked}), each trained to {self.rung(study):,} images with "
            f"{'seed' if len(self.seeds) == 1 else 'seeds'} {', '.join(map(str, self.seeds))}; its best are then "
            "compared with the best of the others, beside the arms as they are."
        )

    def rung(self, study: Study) -> int:
        """Returns the training images of a proposal."""
        return study.rungs[0] if self.images is None else self.images


def tuning_study(study: Study) -> Study:
    """Returns the study that has to be run first: a search around every arm, at the rung and with the tuning seeds.

    Args:
        study: a study with ``tune``.
    """
    assert study.tune is not None
    own = {name: getattr(study.tune, name) for name in Proposing.model_fields}
    changed: dict[str, Any] = {
        "name": f"{study.name}{SUFFIX}",
        "description": f"Tunes every arm of {study.name}",
        "seeds": study.tune.seeds,
        "budget_images": study.tune.rung(study),
        "rungs": (),
        "policy": type(study.policy)(name="none"),
        "tune": None,
        "search": SearchSpec(**own, around="arms"),
        "confirmatory": (),
        "compare_at": "images",
        "equivalence_margin": None,
    }
    return study.model_copy(update=changed)
