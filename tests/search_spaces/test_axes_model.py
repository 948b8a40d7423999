"""The axes of today's networks: as people write them, what they set and nothing else, what REMOVE and ADD mean."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from studies import ablation_study

from dit_core.errors import UserError
from dit_core.gflops import count
from dit_core.parts import DECODERS, GATE_INITS, MLPS, NORMS, POSITIONS
from dit_core.registry import Registry
from search_spaces.axes import AXES, find_axis
from search_spaces.axes.choice import ChoiceAxis
from search_spaces.controls import control_for
from search_spaces.expand import expand
from search_spaces.fields import with_fields
from search_spaces.plan_import import import_plan
from search_spaces.plan_import.values import read_values
from search_spaces.profiles import PROFILES, Profile
from search_spaces.study import Ablation

DIGITS = PROFILES.get("digits")
PAPER = PROFILES.get("paper")


@pytest.mark.parametrize(
    ("text", "axis"),
    [
        ("positional embedding", "position"),
        ("Positional Encodings", "position"),
        ("the position embeddings", "position"),
        ("normalization layers", "norm"),
        ("QK-Norm", "qk_norm"),
        ("query-key normalization", "qk_norm"),
        ("QKNorm", "qk_norm"),
        ("MLP", "mlp"),
        ("feed-forward network", "mlp"),
        ("activation function", "mlp"),
        ("MLP ratio", "mlp_ratio"),
        ("gate initialization", "gate_init"),
        ("residual gates", "gate_init"),
        ("register tokens", "registers"),
        ("number of registers", "registers"),
        ("U-shaped skip connections", "long_skips"),
        ("long skip connections", "long_skips"),
        ("U-ViT skip connections", "long_skips"),
    ],
)
def test_axes_as_people_write_them(text: str, axis: str) -> None:
    assert find_axis(text).name == axis


@pytest.mark.parametrize("text", ["skip connections", "norm of the gradient", "relative position bias", "MLP head"])
def test_what_may_mean_something_else_is_no_axis(text: str) -> None:
    with pytest.raises(UserError, match="unknown axis"):
        find_axis(text)


@pytest.mark.parametrize(
    ("axis", "text", "value"),
    [
        ("position", "RoPE", "rotary"),
        ("position", "rotary position embedding", "rotary"),
        ("position", "2D axial RoPE", "rotary"),
        ("position", "rotary position embeddings (RoPE)", "rotary"),
        ("position", "learnable positional embeddings", "learned"),
        ("position", "fixed 2-D sin-cos", "sincos"),
        ("position", "sinusoidal positional encoding", "sincos"),
        ("position", "no positional encoding", "none"),
        ("position", "without positional embeddings", "none"),
        ("position", "sin-cos plus RoPE", "sincos-plus-rotary"),
        ("position", "relative position bias", "relative"),
        ("position", "Swin relative position bias", "relative"),
        ("norm", "RMSNorm", "rmsnorm"),
        ("norm", "Group Normalization", "groupnorm"),
        ("norm", "Layer Normalization", "layernorm"),
        ("norm", "root mean square normalisation", "rmsnorm"),
        ("qk_norm", "with QK-Norm", True),
        ("qk_norm", "no QK-Norm", False),
        ("qk_norm", "without query-key normalisation", False),
        ("qk_norm", "QK-Norm off", False),
        ("qk_norm", True, True),
        ("qk_norm", "off", False),
        ("mlp", "SwiGLU", "swiglu"),
        ("mlp", "SwiGLU feed-forward network", "swiglu"),
        ("mlp", "GELU MLP", "gelu"),
        ("mlp", "ReLU activation", "relu"),
        ("mlp", "SiLU", "silu"),
        ("mlp", "Swish activation function", "silu"),
        ("mlp", "exact GELU", "gelu-exact"),
        ("mlp", "tanh-approximated GELU", "gelu"),
        ("gate_init", "zero-init gates", "zero"),
        ("gate_init", "zero-initialised gates", "zero"),
        ("gate_init", "random initialization", "random"),
        ("gate_init", "gates initialised to one", "ones"),
        ("registers", "4 register tokens", 4),
        ("registers", "16 registers", 16),
        ("long_skips", "U-shaped skip connections", True),
        ("long_skips", "no long skip connections", False),
        ("block", "adaLN-single", "adaln-single"),
        ("conditioning", "PixArt adaLN", "adaln-single"),
        ("decoder", "DDT decoder", "ddt"),
        ("decoder", "decoupled diffusion transformer", "ddt"),
    ],
)
def test_values_as_people_write_them(axis: str, text: object, value: object) -> None:
    for profile in (DIGITS, PAPER):
        found = _read(axis, text)
        assert found == value and type(found) is type(value)
        assert AXES.get(axis).apply(profile.config, found, profile) is not None


def _read(axis: str, text: object) -> Any:
    """Reads a value, brackets included, as plans do."""
    if isinstance(text, str):
        (value,), _ = read_values(text, AXES.get(axis), DIGITS.config, DIGITS)
        return value
    return AXES.get(axis).parse(text, DIGITS)


@pytest.mark.parametrize(
    ("axis", "text"),
    [
        ("position", "relative to the image"),
        ("position", "learned rotary"),
        ("position", "rotary without frequencies"),
        ("norm", "batch norm"),
        ("norm", "no layer norm"),
        ("norm", "adaptive layer norm"),
        ("qk_norm", "half"),
        ("qk_norm", 2),
        ("mlp", "ReLU6"),
        ("mlp", "Mish"),
        ("mlp", "no GELU"),
        ("gate_init", "0.5"),
        ("registers", "four"),
        ("long_skips", "short"),
        ("decoder", "transformer"),
    ],
)
def test_what_is_no_value_is_refused_with_the_allowed_ones(axis: str, text: object) -> None:
    with pytest.raises(UserError, match=f"^{axis}: ") as caught:
        AXES.get(axis).parse(text, DIGITS)
    assert "\n" not in str(caught.value)


def test_a_switch_names_its_values() -> None:
    with pytest.raises(UserError) as error:
        AXES.get("qk_norm").parse("sometimes", DIGITS)
    assert str(error.value) == "qk_norm: unknown value 'sometimes'; allowed: off, on"
    assert [AXES.get("qk_norm").label(value) for value in AXES.get("qk_norm").values(DIGITS)] == ["off", "on"]


MODEL_AXES = ["position", "norm", "qk_norm", "mlp", "gate_init", "registers", "long_skips"]


@pytest.mark.parametrize("name", MODEL_AXES)
def test_an_axis_sets_its_field_and_nothing_else(name: str) -> None:
    axis = AXES.get(name)
    assert axis.fields == (f"model.{name}",)
    for profile in (DIGITS, PAPER):
        own = axis.current(profile.config, profile)
        for value in axis.alternatives(profile, profile.config):
            changed = axis.apply(profile.config, value, profile)
            assert changed != profile.config
            assert axis.apply(changed, own, profile) == profile.config
            model = changed.model.model_dump()
            assert {key for key, was in profile.config.model if model[key] != was} == {name}


@pytest.mark.parametrize(
    ("name", "registry"), [("position", POSITIONS), ("norm", NORMS), ("mlp", MLPS), ("gate_init", GATE_INITS)]
)
def test_a_registered_variant_is_legal_at_once(name: str, registry: Registry[Any]) -> None:
    axis = AXES.get(name)
    assert isinstance(axis, ChoiceAxis)
    assert axis.legal_values(DIGITS) == tuple(registry.names())


@pytest.mark.parametrize("profile", [DIGITS, PAPER], ids=lambda profile: profile.name)
@pytest.mark.parametrize("name", ["num_heads", "mlp_ratio"])
def test_heads_and_mlp_ratio_try_what_the_profile_allows(name: str, profile: Profile) -> None:
    axis, model = AXES.get(name), profile.config.model
    values = axis.values(profile)
    assert len(values) == 3 and axis.current(profile.config, profile) in values
    for value in values:
        changed = axis.apply(profile.config, value, profile).model
        assert changed.hidden_size == model.hidden_size and changed.hidden_size % changed.num_heads == 0
        other, own = count(changed), count(model)
        if name == "num_heads":  # the heads' widths add up to the token's
            assert (other.gmacs, other.params) == (own.gmacs, own.params)
        else:
            assert other.parts["mlp"] == pytest.approx(own.parts["mlp"] * value / model.mlp_ratio)
            assert {**other.parts, "mlp": 0} == {**own.parts, "mlp": 0}
    with pytest.raises(
        UserError, match=r"num_heads: 5 does not divide the hidden size 72; nearest that do: 3, 4, 6, 8"
    ):
        AXES.get("num_heads").apply(DIGITS.config, 5, DIGITS)


def test_a_plan_that_names_no_activation_tries_the_plain_and_the_gated_network() -> None:
    assert AXES.get("mlp").values(DIGITS) == ("gelu", "swiglu")


@pytest.mark.parametrize("name", [*MODEL_AXES, "block", "decoder"])
def test_every_axis_says_where_it_comes_from(name: str) -> None:
    assert "arXiv" in AXES.get(name).citation
    assert AXES.get(name).group == "architecture"


def test_remove() -> None:
    assert AXES.get("position").remove(DIGITS.config, DIGITS) == ("none",)
    assert AXES.get("gate_init").remove(DIGITS.config, DIGITS) == ("random",)
    for name, value in (("qk_norm", True), ("long_skips", True), ("registers", 4)):
        axis = AXES.get(name)
        with pytest.raises(UserError, match="REMOVE changes nothing"):
            axis.remove(DIGITS.config, DIGITS)
        (removed,) = axis.remove(axis.apply(DIGITS.config, value, DIGITS), DIGITS)
        assert removed == axis.current(DIGITS.config, DIGITS)
    for name in ("norm", "mlp"):
        with pytest.raises(UserError, match=f"REMOVE has no meaning for {name}: "):
            AXES.get(name).remove(DIGITS.config, DIGITS)


def test_weights_can_be_tied_at_equal_gflops() -> None:
    axis = AXES.get("weight_tying")
    assert find_axis("cross-layer parameter sharing") is axis
    assert [axis.parse(text, DIGITS) for text in ("shared across all layers", "adjacent pairs", "untied")] == [
        "all", "pairs", "none",
    ]  # fmt: skip
    assert axis.add(DIGITS.config, DIGITS) == ("pairs", "all")
    found = expand(ablation_study("s", [{"axis": "weight tying", "action": "ADD", "controls": "iso-gflops"}]))
    assert [arm.name for arm in found.arms] == ["baseline", "weight_tying=pairs", "weight_tying=all"]
    costs = [count(arm.config.model) for arm in found.arms]
    assert len({cost.gmacs for cost in costs}) == 1 and costs[0].params > 1.5 * costs[1].params
    assert costs[1].params > 2 * costs[2].params
    tied = found.arms[2].config
    assert axis.remove(tied, DIGITS) == ("none",)
    assert control_for(with_fields(tied, {"model.patch_size": 4}), tied) is not None, "a tied baseline has controls"


def test_labels_can_be_taken_away_where_there_are_any() -> None:
    axis = AXES.get("class_conditioning")
    assert find_axis("unconditional training") is axis
    for profile in (DIGITS, PAPER):
        assert axis.remove(profile.config, profile) == (False,)
        changed = axis.apply(profile.config, False, profile)
        assert {key for key, was in profile.config.model if getattr(changed.model, key) != was} == {"class_conditional"}
        assert axis.add(changed, profile) == (True,)
    assert [axis.parse(text, DIGITS) for text in ("unconditional", "no class labels", "class-conditional", "on")] == [
        False, False, True, True,
    ]  # fmt: skip
    unlabelled = with_fields(DIGITS.config, {"model.num_classes": 0})
    assert axis.current(unlabelled, DIGITS) is False and axis.apply(unlabelled, False, DIGITS) == unlabelled
    with pytest.raises(UserError, match="class_conditioning: on given, but the data has no labels"):
        axis.apply(unlabelled, True, DIGITS)


def test_add() -> None:
    assert AXES.get("qk_norm").add(DIGITS.config, DIGITS) == (True,)
    assert AXES.get("long_skips").add(DIGITS.config, DIGITS) == (True,)
    assert AXES.get("registers").add(DIGITS.config, DIGITS) == (4, 16)
    assert AXES.get("registers").add(DIGITS.config, DIGITS, [8]) == (8,)
    assert AXES.get("position").add(DIGITS.config, DIGITS) == ("sincos-plus-rotary",)
    with pytest.raises(UserError, match="ADD registers: 0 adds nothing; ADD means some registers: 4, 16"):
        AXES.get("registers").add(DIGITS.config, DIGITS, [0])
    with pytest.raises(UserError, match="ADD qk_norm: off adds nothing; ADD means queries and keys normalised"):
        AXES.get("qk_norm").add(DIGITS.config, DIGITS, [False])


def test_arms_of_switches_are_named_on() -> None:
    study = ablation_study(
        "s",
        ["qk_norm", Ablation(axis="long skips", action="ADD"), Ablation(axis="position", values=("rotary", "none"))],
    )
    assert [arm.name for arm in expand(study).arms] == [
        "baseline", "qk_norm=on", "long_skips=on", "position=rotary", "position=none"
    ]  # fmt: skip


def test_gates_of_a_block_without_gates_are_refused_by_the_arm_s_name() -> None:
    with pytest.raises(UserError, match=r"model\.gate_init: 'ones' means nothing to the block 'adaln'"):
        expand(ablation_study("s", [Ablation(axis="gates", values=("ones",))], overrides={"block": "adaln"}))


PLAN = """
## Positions
- **Ablated Part**: positional encoding
- **Action**: REPLACE
- **Replacement**:
  - learned positional embedding
  - RoPE
  - none
- **Metrics**: FID

## No positions
- **Ablated Part**: positional encoding
- **Action**: REMOVE
- **Replacement**: none
- **Metrics**: FID

## Norm
- **Ablated Part**: LayerNorm
- **Action**: REPLACE
- **Replacement**: RMSNorm
- **Metrics**: FID

## Query-key norm
- **Ablated Part**: QK-Norm
- **Action**: ADD
- **Metrics**: FID

## MLP
- **Ablated Part**: MLP
- **Action**: REPLACE
- **Replacement**: SwiGLU
- **Metrics**: FID, Gflops

## Gates
- **Ablated Part**: zero-init gates
- **Action**: REMOVE
- **Metrics**: FID

## Registers
- **Ablated Part**: register tokens
- **Action**: ADD
- **Replacement**: 4 register tokens
- **Metrics**: FID

## Skips
- **Ablated Part**: U-shaped skip connections
- **Action**: ADD
- **Metrics**: FID

## Conditioning
- **Ablated Part**: transformer block
- **Action**: REPLACE
- **Replacement**: adaLN-single
- **Metrics**: FID

## Decoder
- **Ablated Part**: decoder
- **Action**: REPLACE
- **Replacement**: DDT
- **Metrics**: FID
"""


@pytest.mark.parametrize("profile", ["digits", "paper"])
def test_a_plan_of_today(tmp_path: Path, profile: str) -> None:
    path = tmp_path / "plan.md"
    path.write_text(PLAN)
    plan = import_plan(path, profile=profile)
    assert plan.not_understood == ()
    assert [arm.name for arm in expand(plan.require_complete()).arms] == [
        "baseline", "position=learned", "position=rotary", "position=none", "norm=rmsnorm", "qk_norm=on",
        "mlp=swiglu", "gate_init=random", "registers=4", "long_skips=on", "block=adaln-single", "decoder=ddt",
    ]  # fmt: skip


def test_the_decoder_that_needs_asking_is_not_among_the_alternatives() -> None:
    assert "ddt" in DECODERS
    axis = AXES.get("decoder")
    assert axis.alternatives(DIGITS, DIGITS.config) == ("mlp", "conv", "conv-upsample")
    assert axis.parse("ddt", DIGITS) == "ddt"
