"""Values of several axes that change together: the first of each, then the second of each, and so on."""

from __future__ import annotations

from dit_core.errors import UserError
from search_spaces.arms import Arms
from search_spaces.overrides import read_settings, written
from search_spaces.study import Ablation
from search_spaces.types import AblationView


def zip_view(ablation: Ablation, arms: Arms) -> AblationView:
    """Asks for one arm per place in the lists of values.

    Raises:
        UserError: lists of unequal length, or an unknown axis, field or value.
    """
    name = ablation.name or "Zip"
    lengths = {key: len(values) for key, values in ablation.zip.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{key} has {count}" for key, count in lengths.items())
        raise UserError(f"zip: values that change together are as many as each other; {told}")
    names = tuple(ablation.zip)
    rows, adds = [], []
    for values in zip(*ablation.zip.values(), strict=True):
        given = dict(zip(names, values, strict=True))
        label = ",".join(f"{key}={value}" for key, value in given.items())
        settings = read_settings(given, arms.baseline, arms.profile, "zip")
        arm, new = arms.ask(settings, name, label, written=written(names))
        rows.append((label, arm))
        adds += [arm] if new else []
    if not any(arm == "baseline" for _, arm in rows):
        rows.insert(0, ("baseline", arms.ask({}, name)[0]))
    note = f"{' and '.join(names)} change together"
    return AblationView(
        name,
        ", ".join(names),
        "ZIP",
        tuple(rows),
        tuple(adds),
        (note,),
        asks={label: names for label, _ in rows},
    )
