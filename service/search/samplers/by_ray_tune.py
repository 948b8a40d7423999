"""Ray Tune's own search algorithms, through the ``Searcher`` that all of them are."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from dit_core.errors import UserError, unknown
from dit_core.extras import require
from search_spaces.domain import Domain
from service.search.history import Generation
from service.search.samplers.base import FIRST, Sampler, matched, penalty

_COST = "cost"
_PACKAGES = {"bayesopt": "bayes_opt", "hebo": "hebo", "ax": "ax"}
"""Search algorithm -> the package that it needs, where that has another name."""


class RayTuneSampler(Sampler):
    """Replays a search into a fresh searcher: suggestion by suggestion, each generation told once all of it was asked.

    A proposal that was stopped, diverged or was refused is told as no better than the worst finished one, since a
    searcher knows of no pruning.
    """

    def propose(self, told: Sequence[Generation], count: int) -> list[dict[str, Any]]:
        """Returns the next proposals."""
        searcher = self._searcher()
        number = 0
        for place, generation in enumerate(told):
            names = [str(trial) for trial in range(number, number + len(generation))]
            number += len(generation)
            asked = [self._suggested(searcher, name) or {} for name in names]
            worst = penalty(told[: place + 1])
            for name, row in zip(names, matched(asked, generation)[0], strict=True):
                cost = worst if row is None or not row.costs else row.costs[0]
                if row is None or cost is None:
                    searcher.on_trial_complete(name, error=True)
                else:
                    cost = cost if row.costs else max([cost, *list(row.curve.values())[-1:]])
                    config = {f"config/{axis}": value for axis, value in row.values.items()}
                    searcher.on_trial_complete(name, {_COST: cost, **config})
        found = []
        for trial in range(number, number + count):
            suggested = self._suggested(searcher, str(trial))
            if suggested is None:
                break
            found.append(suggested)
        return found

    def _suggested(self, searcher: Any, name: str) -> dict[str, Any] | None:
        """The next suggestion; None where there are no more, or it waits for results."""
        found = searcher.suggest(name)
        return self.canonical(found) if isinstance(found, dict) else None

    def _searcher(self) -> Any:
        from ray.tune.search import SEARCH_ALG_IMPORT

        name = self.search.algorithm.removeprefix("ray:")
        require(_PACKAGES.get(name, name), f"search.algorithm: {self.search.algorithm}")
        kind = SEARCH_ALG_IMPORT[name]()
        known = set(inspect.signature(kind.__init__).parameters) - {"self", "space", "metric", "mode", "kwargs"}
        for option in self.search.options:
            if option not in known:
                raise unknown("search.options", option, sorted(known))
        defaults = dict.fromkeys(("seed", "random_state", "random_state_seed"), self.search.draw)
        defaults["n_initial_points"] = max(FIRST, self.search.generation)
        defaults = {key: value for key, value in defaults.items() if key in known}
        try:
            searcher = kind(metric=_COST, mode="min", **{**defaults, **self.search.options})
            searcher.set_search_properties(_COST, "min", {n: _domain(d) for n, d in self.search.values.items()})
        except (TypeError, ValueError, AssertionError) as error:
            raise UserError(f"search.options: {self.search.algorithm} refuses them: {error}") from None
        return searcher


def _domain(domain: Domain) -> Any:
    from ray import tune

    if domain.kind == "choice":
        return tune.choice(list(domain.values))
    if domain.is_whole:
        low, high = int(domain.low), int(domain.high)
        return tune.lograndint(low, high + 1) if domain.is_log else tune.randint(low, high + 1)
    return tune.loguniform(domain.low, domain.high) if domain.is_log else tune.uniform(domain.low, domain.high)
