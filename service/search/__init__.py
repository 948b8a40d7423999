"""Searches: a policy that asks for new arms, generation by generation, and what answers it."""

from __future__ import annotations

from dit_core.errors import UserError
from search_spaces.study import Study
from search_spaces.tuning import tuning_study
from service.policies import create
from service.policies.base import Policy
from service.search.policy import Searching
from service.search.proposer import SearchProposer
from service.search.samplers import sampler_of
from service.tuning.policy import TunedPolicy

__all__ = ["policy_of", "proposer_of", "require_sampler"]


def policy_of(study: Study, stopping: Policy | None = None) -> Policy:
    """Returns what decides which work of a study is worth having: its stopping policy, inside its search or tuning.

    Args:
        study: the study.
        stopping: its stopping policy, where that was made already.

    Raises:
        UserError: the policy's name or an option is unknown.
    """
    policy = create(study.policy) if stopping is None else stopping
    if study.tune is not None:
        return TunedPolicy(policy, study.tune)
    return policy if study.search is None else Searching(policy, study.search)


def proposer_of(study: Study) -> SearchProposer | None:
    """Returns what proposes a study's new arms; None where it has no search."""
    return None if study.search is None else SearchProposer(study.search, study.primary_metric)


def require_sampler(study: Study) -> None:
    """Checks that a study's search can be run here.

    Raises:
        UserError: its algorithm is not installed, or an option of it is unknown.
    """
    where, search = "search", study.search
    if study.tune is not None:
        where, search = "tune", tuning_study(study).search
    if search is None:
        return
    try:
        sampler_of(search).propose((), 0)
    except UserError as error:
        raise UserError(str(error).replace("search.", f"{where}.", 1)) from None
    except Exception as error:  # the sampler's own words on its own options
        raise UserError(f"{where}.options: {search.algorithm} refuses them: {error}") from None
