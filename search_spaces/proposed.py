"""The arms that were proposed while a study ran, as a question of it."""

from __future__ import annotations

from collections.abc import Sequence

from search_spaces.arms import Arms
from search_spaces.overrides import read_settings
from search_spaces.types import AblationView, Proposal

PROPOSED = "Proposed"


def proposed_view(proposals: Sequence[Proposal], arms: Arms) -> AblationView:
    """Asks for an arm per proposal: a row each, after the baseline's.

    Raises:
        UserError: a proposal makes no arm.
    """
    rows = [("baseline", arms.ask({}, PROPOSED)[0])]
    adds, notes = [], []
    asked_by: dict[str, str] = {}
    around: dict[str, str] = {}
    for proposal in proposals:
        where = f"proposal {proposal.name!r}" if proposal.name else "proposal"
        settings = read_settings(proposal.set, arms.config(proposal.arm), arms.profile, where)
        label = proposal.name or ",".join(f"{key}={value}" for key, value in proposal.set.items())
        if proposal.arm:
            label = f"{proposal.arm}: {label}"
            around[label] = proposal.arm
        arm, new = arms.ask(settings, PROPOSED, label, proposal.name, proposed=True, on=proposal.arm)
        rows.append((label, arm))
        adds += [arm] if new else []
        if new:
            asked_by[arm] = proposal.question
        notes += [f"{label}: {proposal.reason}"] if proposal.reason else []
    return AblationView(
        PROPOSED,
        "proposed",
        "PROPOSE",
        tuple(rows),
        tuple(adds),
        tuple(notes),
        asked_by=asked_by,
        around=around,
    )
