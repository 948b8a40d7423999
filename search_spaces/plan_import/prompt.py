"""A text to put before a language model, so that the plan it writes compiles as it stands."""

from __future__ import annotations

from dit_core.errors import UserError
from search_spaces.axes import Axis, all_axes
from search_spaces.axes.choice import ChoiceAxis
from search_spaces.axes.number import NumberAxis
from search_spaces.plan_import.measures import known_metrics
from search_spaces.profiles import Profile

_HEAD = """\
Write an ablation plan for a Diffusion Transformer (DiT). Answer with JSON lines and nothing else: one object per
ablation, each about one axis of the list below.

{{"name": "Patch size", "axis": "patch_size", "action": "REPLACE", "replacement": [4, 8], "metrics": ["FID"]}}

- "name": a title of its own for every ablation.
- "axis": a name from the list, exactly as it stands there.
- "action": REPLACE tries each value of "replacement" in place of the baseline's. REMOVE takes the part away and has no
  replacement. ADD adds a part that the baseline lacks; values are those after "add".
- "replacement": values of that axis. A * marks the baseline's value, which is always an arm.
- Every combination of two axes: "axis" left out, "replacement": {{"patch_size": [2, 4], "size": ["S", "B"]}}.
- "metrics": {metrics}.
- "note": why; it changes nothing.

All arms share seeds, data, training length and baseline ({baseline}). These cannot be varied: the data set, the image
size, the autoencoder, the training length, the text or class encoder, and the transformer itself.

Axes and values:
"""


def prompt_text(profile: Profile) -> str:
    """Returns the text for a profile's baseline: the form of a plan, its axes with their values, the metrics.

    An axis is left out where its values need something that the baseline lacks, as ``alignment`` needs features.
    """
    head = _HEAD.format(metrics=", ".join(known_metrics()), baseline=profile.description)
    return head + "".join(f"{_line(axis, profile)}\n" for axis in all_axes() if _can_be_varied(axis, profile))


def _can_be_varied(axis: Axis, profile: Profile) -> bool:
    try:
        for value in axis.values(profile):
            axis.apply(profile.config, value, profile)
    except UserError:
        return False
    return True


def _line(axis: Axis, profile: Profile) -> str:
    own = axis.current(profile.config, profile)
    values = axis.legal_values(profile) if isinstance(axis, ChoiceAxis) else axis.values(profile)
    shown = ", ".join(f"{axis.label(value)}{'*' if value == own else ''}" for value in values)
    if isinstance(axis, NumberAxis):
        kind = "whole number" if axis.kind is int else "number"
        shown = f"{kind}, e.g. {shown}" + ("" if own in values or own is None else f"; {axis.label(own)}*")
    actions = ["REPLACE"]
    if axis.remove_value is not None and own != axis.remove_value:
        actions.append(f"REMOVE ({axis.remove_means})")
    added = [axis.label(value) for value in axis.add_values if value != own]
    if added:
        actions.append(f"ADD ({', '.join(added)})")
    return f"- {axis.name}: {axis.description}. Values: {shown}. Actions: {', '.join(actions)}."
