"""Arms with the values that were chosen for them, and the study's questions asked again of these arms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from search_spaces.arms import Arms
from search_spaces.overrides import read_settings
from search_spaces.tuning import TuneSpec
from search_spaces.types import AblationView, Arm, Proposal, Tuned

QUESTION = "tuned"
"""Begins the names of the questions for what an arm has got by tuning."""
TUNING = "Tuned beside untuned"
"""The question that compares every tuned arm with the arm as the study has it."""


def is_tuned(proposal: Proposal) -> bool:
    """Whether a proposal answers the question for what an arm has got by tuning."""
    return proposal.question.startswith(f"{QUESTION}-")


def tuned_arms(proposals: Iterable[Proposal], arms: Arms) -> dict[str, Tuned]:
    """Asks for the arms that were chosen; returns each by the arm as the study has it.

    Raises:
        UserError: a choice makes no arm.
    """
    found = {}
    for proposal in proposals:
        settings = read_settings(proposal.set, arms.config(proposal.arm), arms.profile, f"tuned {proposal.arm!r}")
        name, _ = arms.ask(settings, TUNING, f"{proposal.arm}, tuned", proposed=True, on=proposal.arm)
        found[proposal.arm] = Tuned(proposal.arm, name, dict(proposal.set), proposal.chosen_from)
    return found


def tuned_views(
    views: Sequence[AblationView], tuned: Mapping[str, Tuned], tune: TuneSpec, found: Mapping[str, Arm]
) -> list[AblationView]:
    """Returns every question asked of the tuned arms, and the one about what tuning has changed.

    Args:
        views: the study's questions.
        tuned: arm -> what it has got; questions are asked once the baseline has got its values.
        tune: the tuning.
        found: the study's arms; the first is the baseline.
    """
    baseline = next(iter(found.values())).name
    if baseline not in tuned:
        return []
    names = {arm: own.name for arm, own in tuned.items()}
    return [*(_again(view, names, names[baseline]) for view in views), _gains(tuned, tune)]


def _again(view: AblationView, names: Mapping[str, str], reference: str) -> AblationView:
    """A question of tuned arms: what it compared with the baseline is compared with the tuned baseline."""
    rows = tuple((label, names[arm]) for label, arm in view.arms if arm in names)
    labels = {label for label, _ in rows}
    own = next((label for label, arm in rows if arm == reference), "baseline")
    if own not in labels:
        rows = ((own, reference), *rows)
    beside = {label: view.beside.get(label, own) for label, arm in rows if arm != reference}
    partners = {
        names[arm]: tuple(tuple(names[other] for other in group if other in names) for group in groups)
        for arm, groups in view.partners.items()
        if arm in names
    }
    return replace(
        view,
        name=f"{view.name}, tuned",
        arms=rows,
        adds=(),
        notes=(),
        partners=partners,
        controls=tuple(names[arm] for arm in view.controls if arm in names),
        beside={} if view.references else {label: other for label, other in beside.items() if other in (*labels, own)},
        cells={names[arm]: cell for arm, cell in view.cells.items() if arm in names},
        tuned_from=view.name,
        reference=reference,
    )


def _gains(tuned: Mapping[str, Tuned], tune: TuneSpec) -> AblationView:
    """Every tuned arm beside the arm as the study has it."""
    rows: list[tuple[str, str]] = []
    beside = {}
    for own in tuned.values():
        rows.append((own.arm, own.arm))
        if own.name != own.arm:
            label = f"{own.arm}, tuned"
            rows.append((label, own.name))
            beside[label] = own.arm
    adds = tuple(dict.fromkeys(own.name for own in tuned.values() if own.name not in tuned))
    return AblationView(TUNING, ", ".join(tune.values), "TUNE", tuple(rows), adds, beside=beside)
