"""The questions of a study as stopping policies see them: which arms compete, and which lend others their meaning."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from search_spaces.types import Expansion


@dataclass(frozen=True)
class AblationArms:
    """The arms of one ablation, without the baseline.

    Attributes:
        name: the ablation's name; empty for arms that no ablation of the study asked for.
        candidates: the arms that answer its question, in its order. Controls are not among them.
        partners: arm -> the groups of arms that give it its use; see ``AblationView.partners``.
    """

    name: str
    candidates: tuple[str, ...]
    partners: Mapping[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)


def ablations_of(expansion: Expansion) -> tuple[AblationArms, ...]:
    """Returns the study's ablations that have an arm beside the baseline.

    Arms that no ablation has asked for are compared with one another, as the arms of one ablation.
    """
    baseline = expansion.baseline.name
    found = []
    for view in expansion.ablations:
        named = dict.fromkeys(arm for _, arm in view.arms)
        candidates = tuple(arm for arm in named if arm != baseline and arm not in view.controls)
        if candidates:
            found.append(AblationArms(view.name, candidates, view.partners))
    asked = {arm for ablation in found for arm in (*ablation.candidates, *ablation.partners)}
    rest = tuple(arm.name for arm in expansion.arms if not arm.is_baseline and arm.name not in asked)
    return (*found, AblationArms("", rest)) if rest else tuple(found)


def without_use(ablations: Collection[AblationArms], futile: Mapping[str, Collection[str]]) -> frozenset[str]:
    """Returns the arms that can be ended: in every ablation they are futile, and so is what gives them their use.

    Args:
        ablations: the study's ablations.
        futile: ablation -> its candidates that cannot become its best any more.
    """
    ended: dict[str, bool] = {}
    for ablation in ablations:
        lost = futile[ablation.name]
        for arm in dict.fromkeys((*ablation.candidates, *ablation.partners)):
            groups = ablation.partners.get(arm, ((arm,),))
            here = any(all(partner in lost for partner in group) for group in groups)
            ended[arm] = ended.get(arm, True) and here
    return frozenset(arm for arm, all_agree in ended.items() if all_agree)
