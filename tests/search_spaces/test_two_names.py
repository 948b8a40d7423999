"""Two names for one field are a conflict, in whatever order, wherever settings are written."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from studies import ablation_study

from dit_core.errors import UserError
from search_spaces.axes import AXES, all_axes
from search_spaces.expand import expand
from search_spaces.overrides import read_settings, replace_settings
from search_spaces.profiles import PROFILES

DIGITS = PROFILES.get("digits")

PAIRS: dict[tuple[str, str], tuple[Any, Any, str]] = {
    ("model.depth", "size"): (5, "S", "model.depth"),
    ("size", "shape"): ("S", "as-is", "model.hidden_size"),
    ("block", "conditioning"): ("adaln", "adaln", "model.block"),
    ("lr", "learning_rate"): (1e-3, 1e-3, "training.learning_rate"),
    ("lr", "training.learning_rate"): (1e-3, 2e-3, "training.learning_rate"),
}


@pytest.mark.parametrize("pair", [order for pair in PAIRS for order in itertools.permutations(pair)])
@pytest.mark.parametrize("where", ["overrides", "ladder"])
def test_two_names_for_one_field(pair: tuple[str, str], where: str) -> None:
    values = dict(zip(*next((names, PAIRS[names]) for names in PAIRS if set(names) == set(pair)), strict=False))
    field = next(PAIRS[names][2] for names in PAIRS if set(names) == set(pair))
    settings = {name: values[name] for name in pair}
    more: dict[str, Any] = {"overrides": settings}
    if where == "ladder":
        more = {"ladder": [{"name": "a", "set": settings}]}
    opens = "baseline.overrides" if where == "overrides" else "ladder step 'a'"
    with pytest.raises(UserError) as error:
        ablation_study("s", ["position"], **more)
    assert str(error.value) == f"{opens}: {pair[0]!r} and {pair[1]!r} both set {field}; keep one of them"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"objective": "flow", "sampler": "heun"}, {"diffusion.objective": "flow", "evaluation.sampler": "heun"}),
        ({"objective": "x0", "variance": "fixed"}, {"diffusion.objective": "x0", "model.learn_sigma": False}),
        ({"ema_decay": 0.99, "training.ema_decays": (0.9, 0.99)}, {"training.ema_decays": (0.9, 0.99)}),
    ],
)
def test_what_an_axis_only_brings_into_line_may_be_set_beside_it(
    settings: dict[str, Any], expected: dict[str, Any]
) -> None:
    for order in itertools.permutations(settings.items()):
        found = read_settings(dict(order), DIGITS.config, DIGITS, "here")
        assert {field: found[field] for field in expected} == expected
        assert expand(ablation_study("s", ["position"], overrides=dict(order)))


def test_every_axis_says_which_fields_it_sets() -> None:
    for axis in (axis for axis in all_axes() if axis.name != "alignment"):  # it needs features
        assert set(axis.adapts) < set(axis.fields), axis.name
        for value in axis.values(DIGITS):
            assert set(axis.settings(value, DIGITS, DIGITS.config)) <= set(axis.fields), axis.name


@pytest.mark.parametrize(
    ("given", "chosen", "expected"),
    [
        ({"size": "S"}, {"size": "B"}, {"size": "B"}),
        ({"size": "S"}, {"model size": "B"}, {"model size": "B"}),
        ({"lr": 1e-3}, {"training.learning_rate": 2e-3}, {"training.learning_rate": 2e-3}),
        ({"training.learning_rate": 1e-3}, {"lr": 2e-3}, {"lr": 2e-3}),
        ({"model.depth": 5, "lr": 1e-3}, {"size": "S"}, {"lr": 1e-3, "size": "S"}),  # it sets all that the file sets
        ({"size": "S"}, {"shape": "as-is"}, {"shape": "as-is"}),
        ({"objective": "flow"}, {"sampler": "heun"}, {"objective": "flow", "sampler": "heun"}),
        ({"nonsense": 1}, {"size": "S"}, {"nonsense": 1, "size": "S"}),  # said when the study is read
    ],
)
def test_a_choice_takes_the_place_of_what_sets_the_same(
    given: dict[str, Any], chosen: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert replace_settings(given, chosen, "--set") == expected


def test_a_choice_of_a_part_of_another_name_is_refused() -> None:
    with pytest.raises(UserError) as error:
        replace_settings({"size": "S"}, {"model.depth": 5}, "--set")
    assert str(error.value) == (
        "--set model.depth: the study sets 'size', which sets model.depth among other fields; set size instead, or "
        "write its fields one by one in the study"
    )


@pytest.mark.parametrize("value", [float("inf"), float("nan"), -float("inf"), 10**400, "1e400", True])
def test_numbers_that_are_none(value: Any) -> None:
    for name in ("batch_size", "depth", "learning_rate"):
        with pytest.raises(UserError, match=f"^{name}: .* is not a "):
            AXES.get(name).parse(value, DIGITS)


@pytest.mark.parametrize("field", ["training.batch_size", "training.learning_rate", "data.path", "model.block"])
def test_a_switch_where_none_is_wanted(field: str) -> None:
    with pytest.raises(UserError, match=rf"^baseline\.overrides: {field}: (a number|text) is wanted, given true$"):
        ablation_study("s", ["position"], overrides={field: True})
    assert expand(ablation_study("s", ["position"], overrides={"training.ema_warmup": False}))
