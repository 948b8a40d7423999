"""Optuna's samplers: TPE, CMA-ES and NSGA-II (Akiba et al., arXiv 1907.10902)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dit_core.errors import UserError
from dit_core.extras import require
from search_spaces.domain import Domain
from service.search.history import Generation, Told
from service.search.samplers.base import FIRST, Sampler, matched, penalty

if TYPE_CHECKING:
    import optuna


class OptunaSampler(Sampler):
    """Replays a search into a fresh Optuna study, by asking and telling as it went, and asks on.

    What was recorded counts: where a fresh sampler would have proposed something else before (another version of
    Optuna) the recorded proposal takes its place. A stopped proposal is told as pruned, with its rungs, to TPE, which
    ranks those behind all finished ones; to the others, and where it diverged, as no better than the worst finished.
    """

    def propose(self, told: Sequence[Generation], count: int) -> list[dict[str, Any]]:
        """Returns the next proposals."""
        optuna = self._optuna()
        several = len(self.search.objectives) > 1
        domains = {name: distribution(domain) for name, domain in self.search.values.items()}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            directions = ["minimize"] * max(1, len(self.search.objectives))
            study = optuna.create_study(directions=directions, sampler=self._sampler())
            for place, generation in enumerate(told):
                asked = [study.ask(domains) for _ in generation]
                rows, others = matched([self.canonical(trial.params) for trial in asked], generation)
                worst = penalty(told[: place + 1])
                for trial, row in zip(asked, rows, strict=True):
                    if row is None:
                        study.tell(trial, state=optuna.trial.TrialState.FAIL)
                    else:
                        self._tell(study, trial, row, worst, several)
                for row in others:
                    self._add(study, domains, row)
            return [self.canonical(study.ask(domains).params) for _ in range(count)]

    def _tell(self, study: optuna.Study, trial: optuna.Trial, row: Told, worst: float | None, several: bool) -> None:
        optuna = self._optuna()
        if row.costs:
            study.tell(trial, list(row.costs))
        elif row.curve and not row.lost and not several and self.search.algorithm == "tpe":
            for step, cost in row.curve.items():
                trial.report(cost, step)
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        elif worst is not None and not several:
            study.tell(trial, max([worst, *list(row.curve.values())[-1:]]))
        else:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)

    def _add(self, study: optuna.Study, domains: dict[str, Any], row: Told) -> None:
        if row.costs:
            made = self._optuna().trial.create_trial(
                params=dict(row.values), distributions=domains, values=list(row.costs)
            )
            study.add_trial(made)

    def _sampler(self) -> Any:
        optuna, own = self._optuna(), self.search
        kinds: dict[str, tuple[Any, dict[str, Any]]] = {
            "tpe": (
                optuna.samplers.TPESampler,
                {"n_startup_trials": max(FIRST, own.generation)},
            ),
            "cma-es": (optuna.samplers.CmaEsSampler, {"n_startup_trials": own.generation}),
            "nsga2": (optuna.samplers.NSGAIISampler, {"population_size": max(2, own.generation)}),
        }
        kind, defaults = kinds[own.algorithm]
        if own.algorithm == "cma-es":
            require("cmaes", f"search.algorithm: {own.algorithm}")
        try:
            return kind(**{"seed": own.draw, **defaults, **own.options})
        except TypeError as error:
            raise UserError(f"search.options: {own.algorithm} refuses them: {error}") from None

    def _optuna(self) -> Any:
        found = require("optuna", f"search.algorithm: {self.search.algorithm}")
        found.logging.set_verbosity(found.logging.WARNING)
        return found


def distribution(domain: Domain) -> Any:
    """Returns a domain as Optuna has it."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if domain.kind == "choice":
        return CategoricalDistribution(domain.values)
    if domain.step is not None and not domain.is_log:
        values = domain.finite or ()
        if domain.is_whole:
            return IntDistribution(values[0], values[-1], step=int(domain.step))
        return FloatDistribution(values[0], values[-1], step=domain.step)
    if domain.is_whole:
        return IntDistribution(int(domain.low), int(domain.high), log=domain.is_log)
    return FloatDistribution(domain.low, domain.high, log=domain.is_log)
