"""What proposes values: each a function of the search and of what it is told, whatever keeps state inside."""

from __future__ import annotations

from search_spaces.search_space import SearchSpec
from service.search.samplers.base import Sampler
from service.search.samplers.by_optuna import OptunaSampler
from service.search.samplers.by_ray_tune import RayTuneSampler
from service.search.samplers.without_results import GridSampler, QuasiRandomSampler, RandomSampler

__all__ = ["Sampler", "sampler_of"]


def sampler_of(search: SearchSpec) -> Sampler:
    """Returns the sampler of a search.

    Raises:
        UserError: it is not installed.
    """
    if search.algorithm.startswith("ray:"):
        return RayTuneSampler(search)
    plain: dict[str, type[Sampler]] = {"random": RandomSampler, "qmc": QuasiRandomSampler, "grid": GridSampler}
    return plain.get(search.algorithm, OptunaSampler)(search)
