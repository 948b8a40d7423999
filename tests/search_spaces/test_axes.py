"""Every way to write an axis and its values, and what REPLACE, REMOVE and ADD do to it."""

from pathlib import Path

import pytest
from given_features import digits_features

from dit_core.errors import UserError
from dit_core.gflops import count
from dit_core.parts import BLOCKS, DECODERS
from search_spaces.axes import AXES, all_axes, find_axis, nearest_axes
from search_spaces.axes.choice import ChoiceAxis
from search_spaces.expand import expand
from search_spaces.fields import with_fields
from search_spaces.profiles import PROFILES, Profile
from search_spaces.study import Ablation, Baseline, Study
from search_spaces.words import words

DIGITS = PROFILES.get("digits")
PAPER = PROFILES.get("paper")
PROFILE_LIST = [DIGITS, PAPER]

EVERY_ALIAS = [(alias, axis.name) for axis in all_axes() for alias in axis.names]
EVERY_VALUE_ALIAS = [
    (axis.name, alias, value)
    for axis in all_axes()
    if isinstance(axis, ChoiceAxis)
    for value in axis.legal_values(DIGITS)
    for alias in (value, *axis.value_aliases.get(value, ()))
]


@pytest.mark.parametrize(("alias", "name"), EVERY_ALIAS)
def test_every_alias_finds_its_axis(alias: str, name: str) -> None:
    assert find_axis(alias).name == name
    assert find_axis(alias.upper()).name == name
    assert find_axis(f"the {alias.replace(' ', '-')}").name == name


def test_no_two_axes_share_a_name() -> None:
    taken: dict[tuple[str, ...], str] = {}
    for axis in all_axes():
        for alias in axis.names:
            assert taken.setdefault(words(alias), axis.name) == axis.name


@pytest.mark.parametrize(("axis", "alias", "value"), EVERY_VALUE_ALIAS)
def test_every_value_alias_names_its_value(axis: str, alias: str, value: str) -> None:
    found = AXES.get(axis)
    assert found.parse(alias, DIGITS) == value
    assert found.parse(alias.upper(), PAPER) == value
    assert found.parse(f"{alias} {found.title}", DIGITS) == value


@pytest.mark.parametrize(
    ("axis", "text", "value"),
    [
        ("block", "adaLN-Zero block", "adaln-zero"),
        ("block", "in-context conditioning", "in-context"),
        ("conditioning", "adaLN", "adaln"),
        ("size", "DiT-XL", "XL"),
        ("size", "DiT-B/2", "B"),
        ("patch_size", "2x2", 2),
        ("patch_size", "4 × 4 patches", 4),
        ("patch_size", "patch size 4", 4),
        ("patch_size", "p = 8", 8),
        ("patch_size", "/8", 8),
        ("patch_size", 4, 4),
        ("decoder", "standard linear decoder", "linear"),
        ("decoder", "U-ViT decoder", "conv"),
        ("learning_rate", "lr=1e-4", 1e-4),
        ("learning_rate", "3 x 10^-4", 3e-4),
        ("depth", "12 layers", 12),
    ],
)
def test_values_as_people_write_them(axis: str, text: object, value: object) -> None:
    assert AXES.get(axis).parse(text, DIGITS) == value


@pytest.mark.parametrize("text", ["PatchSize", "Patch_Size", "the size of the patches", "the model's patch size"])
def test_axes_as_people_write_them(text: str) -> None:
    assert find_axis(text).name == "patch_size"


@pytest.mark.parametrize(
    ("axis", "text"),
    [
        ("decoder", "non-linear decoder"),
        ("decoder", "linear decoder with layer norm"),
        ("block", "no adaLN"),
        ("block", "adaLN-Zero without gates"),
        ("block", "vanilla transformer block"),
        ("size", "DiT-XL/4"),
        ("size", "DiT-XXL"),
        ("patch_size", "4x8"),
        ("patch_size", "2.5"),
        ("patch_size", True),
        ("learning_rate", "nan"),
        ("learning_rate", "inf"),
        ("depth", "half"),
    ],
)
def test_words_that_could_change_the_meaning_name_no_value(axis: str, text: object) -> None:
    with pytest.raises(UserError, match=f"^{axis}: "):
        AXES.get(axis).parse(text, DIGITS)


@pytest.mark.parametrize("text", ["block size", "timestep conditioning", "VAE decoder", "timestep embedding", "", "2"])
def test_what_is_no_axis_is_not_taken_for_one(text: str) -> None:
    with pytest.raises(UserError, match="unknown axis"):
        find_axis(text)


def test_an_unknown_axis_is_named_with_the_nearest() -> None:
    with pytest.raises(UserError) as error:
        find_axis("pach size", "grid")
    assert str(error.value).startswith(
        "grid: unknown axis 'pach size' (did you mean 'patch_size'?); axes: patch_size, block, size, conditioning, "
    )
    assert nearest_axes("attention head count")[0] == "num_heads"


def test_an_unknown_value_is_named_with_the_nearest() -> None:
    with pytest.raises(UserError) as error:
        AXES.get("block").parse("adaln-zro", DIGITS)
    assert str(error.value) == (
        "block: unknown value 'adaln-zro'; allowed: in-context, cross-attention, adaln, adaln-zero, adaln-single; "
        "did you mean 'adaln-zero'?"
    )


@pytest.mark.parametrize("profile", PROFILE_LIST, ids=lambda profile: profile.name)
@pytest.mark.parametrize("name", [name for name in AXES if name != "alignment"])  # it needs features, see below
def test_applying_a_value_makes_it_the_current_one(name: str, profile: Profile) -> None:
    axis = AXES.get(name)
    values = axis.values(profile)
    choices = 1 if name == "guidance_channels" and profile is DIGITS else 2  # digits have one channel
    assert len(values) >= choices and len(set(values)) == len(values)
    for value in values:
        assert set(axis.settings(value, profile, profile.config)) == set(axis.fields)
        changed = axis.apply(profile.config, value, profile)
        assert axis.current(changed, profile) == value
        assert axis.parse(axis.label(value), profile) == value
    own = axis.current(profile.config, profile)
    assert own is not None
    assert axis.apply(profile.config, own, profile) == profile.config
    assert axis.alternatives(profile, profile.config) == tuple(value for value in values if value != own)


def test_a_registered_variant_is_a_value_at_once_and_tried_by_itself_only_where_it_is_listed() -> None:
    for name, registry in (("block", BLOCKS), ("conditioning", BLOCKS), ("decoder", DECODERS)):
        axis = AXES.get(name)
        assert isinstance(axis, ChoiceAxis)
        assert axis.legal_values(DIGITS) == tuple(registry.names())
        assert set(axis.values(DIGITS)) < set(registry.names())
    assert AXES.get("block").values(DIGITS) == ("in-context", "cross-attention", "adaln", "adaln-zero")
    assert AXES.get("decoder").values(DIGITS) == ("linear", "mlp", "conv", "conv-upsample")


def test_tokens_are_aligned_with_features_that_the_baseline_names(tmp_path: Path) -> None:
    axis = AXES.get("alignment")
    assert find_axis("REPA") is axis
    with pytest.raises(
        UserError, match=r"alignment: 0\.5 needs features of the training images; set data\.features in"
    ):
        axis.apply(DIGITS.config, 0.5, DIGITS)
    given = with_fields(DIGITS.config, {"data.features": digits_features(tmp_path / "f", width=6)})
    changed = axis.apply(given, 0.5, DIGITS)
    assert axis.current(changed, DIGITS) == 0.5 and axis.current(given, DIGITS) == 0.0
    assert (changed.model.alignment_layer, changed.model.alignment_width) == (2, 6)
    assert axis.add(given, DIGITS) == (0.5,) and axis.remove(changed, DIGITS) == (0.0,)
    assert axis.apply(changed, 0.0, DIGITS) == given
    paper = with_fields(PAPER.config, {"data.features": str(tmp_path / "f")})
    assert axis.apply(paper, 0.5, PAPER).model.alignment_layer == 8, "as in the paper"
    with pytest.raises(UserError, match=r"data\.features: .*nothing is no file of features"):
        axis.apply(with_fields(given, {"data.features": str(tmp_path / "nothing")}), 0.5, DIGITS)
    baseline = Baseline(profile="digits", overrides={"data.features": str(tmp_path / "f")})
    study = Study(name="s", baseline=baseline, budget_images=640, ablations=(Ablation(axis="REPA", action="ADD"),))
    found = expand(study)
    assert [arm.name for arm in found.arms] == ["baseline", "alignment=0.5"]
    costs = [count(arm.config.model) for arm in found.arms]
    assert costs[0].gmacs == costs[1].gmacs and costs[0].trained_gmacs < costs[1].trained_gmacs


def test_a_shape_off_the_ladder_has_no_size() -> None:
    config = AXES.get("hidden_size").apply(DIGITS.config, 32, DIGITS)
    assert AXES.get("size").current(config, DIGITS) is None


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("patch_size", (1,)),
        ("block", ("in-context",)),
        ("conditioning", ("in-context",)),
        ("class_dropout", (0.0,)),
        ("ema_decay", (0.0,)),
    ],
)
def test_remove_means_what_the_axis_says(name: str, values: tuple[object, ...]) -> None:
    assert AXES.get(name).remove(DIGITS.config, DIGITS) == values


@pytest.mark.parametrize(
    ("name", "values"),
    [("decoder", ("mlp", "conv", "conv-upsample")), ("weight_decay", (0.01, 0.1)), ("ema_decay", (0.999,))],
)
def test_add_means_what_the_axis_says(name: str, values: tuple[object, ...]) -> None:
    assert AXES.get(name).add(DIGITS.config, DIGITS) == values


def test_add_takes_the_values_that_add_something() -> None:
    decoder = AXES.get("decoder")
    assert decoder.add(DIGITS.config, DIGITS, ["conv"]) == ("conv",)
    with pytest.raises(UserError) as error:
        decoder.add(DIGITS.config, DIGITS, ["linear"])
    assert str(error.value) == (
        "ADD decoder: linear adds nothing; ADD means layers on top of the linear decoder: mlp, conv, conv-upsample"
    )
    with pytest.raises(UserError, match="ADD changes nothing: the baseline's decoder is conv already"):
        decoder.add(decoder.apply(DIGITS.config, "conv", DIGITS), DIGITS, ["conv"])


def test_every_axis_acts_or_refuses_in_a_sentence() -> None:
    for axis in (axis for axis in all_axes() if axis.name != "alignment"):  # it needs features, see above
        for act, word in ((axis.remove, "REMOVE"), (axis.add, "ADD")):
            try:
                values = act(DIGITS.config, DIGITS)
            except UserError as error:
                assert str(error).startswith(f"{word} has no meaning for {axis.name}: ") or "changes nothing" in str(
                    error
                )
            else:
                own = axis.current(DIGITS.config, DIGITS)
                assert values and own not in values
                for value in values:
                    assert axis.apply(DIGITS.config, value, DIGITS) != DIGITS.config


def test_remove_refuses_what_the_baseline_has_already() -> None:
    with pytest.raises(UserError) as error:
        AXES.get("decoder").remove(DIGITS.config, DIGITS)
    assert str(error.value) == (
        "REMOVE changes nothing: for decoder it means the paper's single linear layer, which the baseline has already; "
        "use REPLACE"
    )


def test_the_ladders_are_the_paper_s_and_the_demo_s() -> None:
    shapes = [(size.hidden_size, size.depth, size.num_heads) for size in PAPER.sizes.values()]
    assert shapes == [(384, 12, 6), (768, 12, 12), (1024, 24, 16), (1152, 28, 16)]
    assert [(size.hidden_size, size.depth) for size in DIGITS.sizes.values()] == [(24, 3), (48, 3), (64, 6), (72, 7)]
    assert list(PAPER.sizes) == list(DIGITS.sizes) == ["S", "B", "L", "XL"]
    for profile in PROFILE_LIST:
        model = profile.config.model
        assert (model.patch_size, model.block, model.decoder) == (2, "adaln-zero", "linear")
        assert AXES.get("size").current(profile.config, profile) == "XL"
