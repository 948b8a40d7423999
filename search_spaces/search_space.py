"""What a search proposes values from, how many, and by which algorithm: the ``search`` of a study."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from dit_core.errors import UserError, nearest, unknown
from search_spaces.domain import Domain
from search_spaces.seeds import as_seeds
from search_spaces.study_part import StudyPart, Whole

GFLOPS = "gflops"
"""The objective that is no metric: the multiply-adds of a forward pass, in 10^9."""
OPTUNA = ("tpe", "cma-es", "nsga2")
RAY_TUNE = ("optuna", "hyperopt", "bayesopt", "nevergrad", "zoopt", "hebo", "ax")
"""Search algorithms of Ray Tune, written ``ray:hyperopt``; ``Searcher`` is what they have in common."""
WITHOUT_RESULTS = ("random", "qmc", "grid")
"""Algorithms whose proposals do not depend on results, and so not on the order in which they arrive."""
ALGORITHMS = (*OPTUNA, *WITHOUT_RESULTS, *(f"ray:{name}" for name in RAY_TUNE))
AROUND = ("baseline", "arms")
FRESH_SEEDS = (1000, 1001, 1002)
"""Seeds for a comparison apart from a study's own."""


class Proposing(StudyPart):
    """What values are proposed from, how many times, and by which algorithm.

    Attributes:
        values: axis name or dotted config field -> what its values are proposed from.
        trials: how many arms are proposed in all, each with every seed of the study. More may be asked for later.
        algorithm: ``tpe``, ``cma-es``, ``nsga2``, ``random``, ``qmc``, ``grid``, or ``ray:NAME`` for one of Ray Tune's.
        options: keyword arguments of the algorithm's own sampler or searcher.
        generation: how many are proposed at a time, in ignorance of each other's results. What does not learn from
            results proposes everything at once.
        draw: the sampler's seed; another number draws other proposals.

    In YAML the values stand beside the rest: ``{learning_rate: {loguniform: [1e-4, 1e-2]}, trials: 8}``.
    """

    how = "a mapping of axes to domains, with trials, e.g. {learning_rate: {loguniform: [1e-4, 1e-2]}, trials: 8}"

    values: dict[str, Domain]
    trials: Whole = Field(gt=0, le=10_000)
    algorithm: str = "tpe"
    options: dict[str, Any] = Field(default_factory=dict)
    generation: Whole = Field(4, gt=0, le=1000)
    draw: Whole = Field(0, ge=0, lt=2**31)

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        if not isinstance(value, Mapping) or "values" in value:
            found = value
        else:
            own = {key: item for key, item in value.items() if key in cls.model_fields}
            domains = {key: item for key, item in value.items() if key not in cls.model_fields}
            found = {**own, "values": domains}
        if isinstance(found, Mapping):
            _refuse_slips(found, tuple(cls.model_fields))
        return found

    @field_validator("algorithm", mode="before")
    @classmethod
    def _algorithm(cls, value: Any) -> Any:
        if value not in ALGORITHMS:
            raise unknown("algorithm", value, ALGORITHMS)
        return value

    @model_validator(mode="after")
    def _can_propose(self) -> Self:
        choices = [name for name, domain in self.values.items() if domain.kind == "choice"]
        if self.algorithm == "cma-es" and choices:
            raise UserError(f"{choices[0]}: cma-es proposes numbers only; take it out, or use algorithm: tpe")
        if self.algorithm == "cma-es" and len(self.values) < 2:
            raise UserError("algorithm: cma-es needs at least two ranges; use algorithm: tpe for one")
        unbounded = [name for name, domain in self.values.items() if domain.finite is None]
        if self.algorithm == "grid" and unbounded:
            raise UserError(f"{unbounded[0]}: a grid needs finitely many values; use choice, int or a quantised range")
        return self

    @property
    def learns(self) -> bool:
        """Whether proposals depend on results."""
        return self.algorithm not in WITHOUT_RESULTS

    @property
    def asked(self) -> str:
        """What is proposed from which values, for people."""
        return "; ".join(f"{name} {domain.text}" for name, domain in self.values.items())


class SearchSpec(Proposing):
    """A search: new arms are proposed while the study runs, whole generations at a time.

    Attributes:
        objectives: what is optimised: metrics of the evaluation, or ``gflops``. Empty: the study's primary metric.
        around: ``baseline`` proposes arms that differ from the baseline; ``arms`` proposes as many for every arm of the
            study, which is how arms are tuned.
        finalists: how many of the best are compared again, with seeds that the search has not seen; 0 for none.
        final_seeds: these seeds.
    """

    objectives: tuple[str, ...] = ()
    around: Literal["baseline", "arms"] = "baseline"
    finalists: Whole = Field(0, ge=0, le=100)
    final_seeds: tuple[Whole, ...] = FRESH_SEEDS

    @field_validator("objectives", mode="before")
    @classmethod
    def _objectives(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("final_seeds", mode="before")
    @classmethod
    def _final_seeds(cls, value: Any) -> Any:
        return as_seeds(value, "final_seeds", FRESH_SEEDS[0])

    @field_validator("around", mode="before")
    @classmethod
    def _around(cls, value: Any) -> Any:
        if value not in AROUND:
            raise unknown("around", value, AROUND)
        return value

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(set(self.objectives)) != len(self.objectives):
            raise UserError("objectives: one repeats; name every objective once")
        if len(self.objectives) > 1 and self.algorithm not in ("tpe", "nsga2", *WITHOUT_RESULTS):
            raise UserError(f"objectives: {self.algorithm} has one objective; use algorithm: nsga2 or tpe for several")
        if self.algorithm == "nsga2" and len(self.objectives) < 2:
            raise UserError(
                "objectives: nsga2 is for several, e.g. [fd_digits_cnn, gflops]; use algorithm: tpe for one"
            )
        if self.finalists and len(self.objectives) > 1:
            raise UserError(
                "finalists: of several objectives there is no best few; leave it out, or keep one objective"
            )
        if self.finalists and self.around == "arms":
            raise UserError("finalists: they belong to a search around the baseline; use tune for every arm's own best")
        if self.finalists > self.trials:
            raise UserError(
                f"finalists: {self.finalists} given, but there are only {self.trials} trials to choose from"
            )
        return self

    def check(self, primary_metric: str, policy: str, seeds: tuple[int, ...]) -> None:
        """Refuses what does not fit the study.

        Raises:
            UserError: several objectives under a policy that stops arms by one, or final seeds that are no new ones.
        """
        if len(self.objectives) > 1 and policy != "none":
            raise UserError(
                f"policy: {policy} stops arms by {primary_metric} alone, and the search has the objectives "
                f"{', '.join(self.objectives)}; use policy: none"
            )
        if self.finalists:
            check_fresh("search.final_seeds", self.final_seeds, seeds, "the search")

    @property
    def text(self) -> str:
        """One sentence for people."""
        size = f"in generations of {self.generation}" if self.learns and self.generation < self.trials else "at once"
        of_each = " for every arm" if self.around == "arms" else ""
        return f"Search: {self.trials} arms are proposed{of_each} by {self.algorithm} {size} ({self.asked})."


def check_fresh(where: str, fresh: tuple[int, ...], seeds: tuple[int, ...], whose: str) -> None:
    """Refuses seeds that are to be apart from others and are not.

    Args:
        where: the field; opens the error.
        fresh: the seeds that it gives.
        seeds: the study's own.
        whose: what has used these, for people.

    Raises:
        UserError: none is given, one repeats or is out of range, or both have one in common.
    """
    if not fresh:
        raise UserError(f"{where}: empty; give at least one, e.g. {list(FRESH_SEEDS[:1])}")
    for seed in fresh:
        if not 0 <= seed < 2**31:
            raise UserError(f"{where}: {seed} is not between 0 and {2**31 - 1}")
        if fresh.count(seed) > 1:
            raise UserError(f"{where}: {seed} repeats; every seed may appear once")
        if seed in seeds:
            raise UserError(
                f"{where}: {seed} is among seeds, which {whose} uses; give others than {', '.join(map(str, seeds))}"
            )


def _refuse_slips(given: Mapping[str, Any], known: tuple[str, ...]) -> None:
    """Refuses what is neither a domain nor a field of the search, before its parts are read."""
    values = given["values"]
    if not isinstance(values, Mapping) or not values:
        raise UserError("no axis has a range; write e.g. {learning_rate: {loguniform: [1e-4, 1e-2]}, trials: 8}")
    for name, item in values.items():
        if not isinstance(item, Mapping | Domain):
            fields = [field for field in known if field != "values"]
            guess = nearest(str(name), fields)
            hint = f"; did you mean {guess!r}?" if guess else ""
            raise UserError(f"{name}: {item!r:.60} is no domain; write e.g. {{loguniform: [1e-4, 1e-2]}}{hint}")
    if "trials" not in given:
        raise UserError("trials: required and missing; say how many arms are proposed, e.g. trials: 8")
