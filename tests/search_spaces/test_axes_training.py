"""The axes of optimisation: each changes its own field, alone, and says what REMOVE and ADD mean."""

from __future__ import annotations

from typing import Any

import pytest

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from dit_core.gflops import count
from dit_core.identity import eval_id, train_id
from search_spaces.axes import AXES, find_axis
from search_spaces.expand import expand
from search_spaces.fields import get_field, with_fields
from search_spaces.profiles import PROFILES, Profile
from search_spaces.study import Ablation, Baseline, Study

DIGITS, PAPER = PROFILES.get("digits"), PROFILES.get("paper")
PROFILE_LIST = [DIGITS, PAPER]


def differing(one: TrialConfig, other: TrialConfig) -> set[str]:
    """Returns the dotted fields in which two configurations differ."""
    left, right = one.model_dump(), other.model_dump()
    sections = {section for section in left if isinstance(left[section], dict)}
    found = {name for name in left if name not in sections and left[name] != right[name]}
    return found | {f"{s}.{field}" for s in sections for field in left[s] if left[s][field] != right[s][field]}


@pytest.mark.parametrize("profile", PROFILE_LIST, ids=lambda profile: profile.name)
@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("learning_rate", "training.learning_rate", 5e-4),
        ("warmup_images", "training.warmup_images", 1280),
        ("beta1", "training.beta1", 0.8),
        ("beta2", "training.beta2", 0.99),
        ("weight_decay", "training.weight_decay", 0.1),
        ("batch_size", "training.batch_size", 128),
        ("class_dropout", "training.class_dropout", 0.2),
        ("optimizer", "training.optimizer", "muon"),
        ("precision", "training.precision", "bfloat16"),
        ("gradient_clip", "training.gradient_clip", 1.0),
        ("attention_dropout", "training.attention_dropout", 0.1),
        ("mlp_dropout", "training.mlp_dropout", 0.1),
    ],
)
def test_it_changes_its_field_and_nothing_else(profile: Profile, name: str, field: str, value: Any) -> None:
    axis = AXES.get(name)
    assert axis.group == "optimisation"
    changed = axis.apply(profile.config, value, profile)
    assert differing(profile.config, changed) == {field}
    assert get_field(changed, field) == value
    assert train_id(changed, "") != train_id(profile.config, "")


@pytest.mark.parametrize("profile", PROFILE_LIST, ids=lambda profile: profile.name)
def test_masking_sets_the_ratio_and_the_token_and_cuts_the_cost_of_training(profile: Profile) -> None:
    axis = AXES.get("mask_ratio")
    changed = axis.apply(profile.config, 0.5, profile)
    assert differing(profile.config, changed) == {"training.mask_ratio", "model.mask_token"}
    assert axis.apply(changed, 0.0, profile) == profile.config
    plain, cheaper = count(profile.config.model), count(changed.model, changed.training.mask_ratio)
    assert cheaper.gmacs == plain.gmacs  # sampling costs what it did
    assert cheaper.trained_gmacs < 0.7 * plain.trained_gmacs
    assert cheaper.trainable_params == plain.trainable_params + profile.config.model.hidden_size
    assert axis.remove(changed, profile) == (0.0,)
    assert axis.add(profile.config, profile) == (0.25, 0.5)
    assert find_axis("token masking") is axis


@pytest.mark.parametrize("budget", [640, 1280])
def test_a_learning_rate_falls_until_the_study_s_own_budget(budget: int) -> None:
    def study(**more: Any) -> Study:
        return Study(name="s", budget_images=budget, **{"baseline": Baseline(profile="digits"), **more})

    axis = AXES.get("learning_rate_schedule")
    ablation = Ablation(axis="lr decay", action="ADD")
    found = expand(study(ablations=(ablation,)))
    assert [arm.name for arm in found.arms] == [
        "baseline", "learning_rate_schedule=cosine", "learning_rate_schedule=linear",
    ]  # fmt: skip
    assert [arm.config.training.decay_images for arm in found.arms] == [0, budget, budget]
    falling = Baseline(profile="digits", overrides={"learning_rate_schedule": "cosine"})
    found = expand(study(baseline=falling, ablations=(Ablation(axis="lr schedule", action="REMOVE"),)))
    assert [arm.config.training.decay_images for arm in found.arms] == [budget, 0]
    grid = {"learning_rate_schedule": ("constant", "linear"), "warmup_images": (0, 128)}
    assert [arm.config.training.decay_images for arm in expand(study(grid=grid)).arms] == [0, 0, budget, budget]
    steps = ({"name": "a", "set": {"lr schedule": "linear"}},)
    assert expand(study(ladder=steps)).arms[1].config.training.decay_images == budget
    sooner = {"learning_rate_schedule": "cosine", "training.decay_images": 320}
    found = expand(study(baseline=Baseline(profile="digits", overrides=sooner), ablations=(ablation,)))
    assert found.baseline.config.training.decay_images == 320
    assert axis.values(DIGITS) == ("constant", "linear", "cosine")
    with pytest.raises(UserError, match="from the end of its warm-up at 5120"):
        late = Baseline(profile="digits", overrides={"warmup_images": 5120})
        expand(study(baseline=late, ablations=(ablation,)))


def test_dropout_is_both_and_each_of_them_can_be_varied_alone() -> None:
    both, attention = AXES.get("dropout"), AXES.get("attention_dropout")
    changed = both.apply(DIGITS.config, 0.1, DIGITS)
    assert differing(DIGITS.config, changed) == {"training.attention_dropout", "training.mlp_dropout"}
    assert both.current(attention.apply(DIGITS.config, 0.1, DIGITS), DIGITS) is None
    assert both.add(DIGITS.config, DIGITS) == attention.add(DIGITS.config, DIGITS) == (0.1, 0.2)
    assert both.add(DIGITS.config, DIGITS, [0.3]) == (0.3,)
    assert both.remove(changed, DIGITS) == (0.0,)
    assert count(changed.model) == count(DIGITS.config.model)  # evaluation drops nothing
    with pytest.raises(UserError, match=r"training\.attention_dropout: .*less than 1"):
        attention.apply(DIGITS.config, 1.0, DIGITS)
    ablations = (Ablation(axis="dropout", action="ADD"), Ablation(axis="attention dropout", values=(0.1,)))
    study = Study(name="s", baseline=Baseline(profile="digits"), budget_images=640, ablations=ablations)
    assert [arm.name for arm in expand(study).arms] == [
        "baseline", "dropout=0.1", "dropout=0.2", "attention_dropout=0.1",
    ]  # fmt: skip


def test_flips_can_be_taken_from_the_paper_and_added_to_the_digits() -> None:
    axis = AXES.get("random_flip")
    assert axis.remove(PAPER.config, PAPER) == (False,)
    assert axis.add(DIGITS.config, DIGITS) == (True,)
    assert differing(PAPER.config, axis.apply(PAPER.config, False, PAPER)) == {"data.random_flip"}
    with pytest.raises(UserError, match="REMOVE changes nothing: for random_flip it means no flips"):
        axis.remove(DIGITS.config, DIGITS)


def test_every_axis_of_optimisation_has_a_source() -> None:
    for name in AXES:
        axis = AXES.get(name)
        if axis.group == "optimisation":
            assert "arXiv" in axis.citation, name
            assert len(axis.description) > 20, name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("optimiser", "optimizer"),
        ("warm-up", "warmup_images"),
        ("learning rate warmup", "warmup_images"),
        ("LR warm-up", "warmup_images"),
        ("beta 2", "beta2"),
        ("Adam beta2", "beta2"),
        ("adamw beta_1", "beta1"),
        ("exponential moving average", "ema_decay"),
        ("Mixed-precision training", "precision"),
        ("horizontal flips", "random_flip"),
        ("dropout rate", "dropout"),
        ("gradient-norm clipping", "gradient_clip"),
        ("learning rate decay", "learning_rate_schedule"),
        ("LR scheduler", "learning_rate_schedule"),
        ("attention-weight dropout", "attention_dropout"),
        ("dropout in the MLP", "mlp_dropout"),
        ("label dropout", "class_dropout"),
        ("Data augmentation", "random_flip"),
    ],
)
def test_axes_as_people_write_them(text: str, name: str) -> None:
    assert find_axis(text).name == name


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("optimizer", "the Muon optimizer", "muon"),
        ("optimizer", "Adam-W", "adamw"),
        ("warmup_images", "10000 images", 10_000),
        ("warmup_images", "warm-up = 1e4", 10_000),
        ("beta2", "0.95", 0.95),
        ("beta2", "beta2 = 0.95", 0.95),
        ("ema_decay", "EMA decay 0.999", 0.999),
        ("precision", "bf16 mixed precision", "bfloat16"),
        ("precision", "full fp32", "float32"),
        ("gradient_clip", "clip grad norm = 1.0", 1.0),
        ("learning_rate_schedule", "cosine annealing to zero", "cosine"),
        ("learning_rate_schedule", "linear decay", "linear"),
        ("learning_rate_schedule", "constant learning rate", "constant"),
        ("random_flip", "no random horizontal flips", False),
        ("random_flip", "with horizontal flipping", True),
    ],
)
def test_values_as_people_write_them(name: str, text: str, value: Any) -> None:
    assert AXES.get(name).parse(text, DIGITS) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("optimizer", "SGD"),
        ("precision", "fp16"),
        ("random_flip", "vertical"),
        ("optimizer", "no Muon"),
        ("warmup_images", "some"),
    ],
)
def test_what_is_no_value_is_refused(name: str, text: str) -> None:
    with pytest.raises(UserError, match=f"^{name}: "):
        AXES.get(name).parse(text, DIGITS)


def test_what_remove_means() -> None:
    assert AXES.get("beta1").remove(DIGITS.config, DIGITS) == (0.0,)
    with pytest.raises(UserError, match="REMOVE changes nothing: for warmup_images it means the learning rate is cons"):
        AXES.get("warmup_images").remove(DIGITS.config, DIGITS)
    warm = AXES.get("warmup_images").apply(DIGITS.config, 640, DIGITS)
    assert AXES.get("warmup_images").remove(warm, DIGITS) == (0,)
    for name in ("beta2", "optimizer"):
        with pytest.raises(UserError, match=f"REMOVE has no meaning for {name}: "):
            AXES.get(name).remove(DIGITS.config, DIGITS)


def test_what_add_means() -> None:
    assert AXES.get("gradient_clip").add(DIGITS.config, DIGITS) == (0.1, 1.0)
    assert AXES.get("optimizer").add(DIGITS.config, DIGITS) == ("muon",)
    warmup = AXES.get("warmup_images")
    assert warmup.add(DIGITS.config, DIGITS) == (1280, 5120)
    assert warmup.add(PAPER.config, PAPER) == (2_560_000, 10_240_000)
    assert warmup.add(DIGITS.config, DIGITS, [640]) == (640,)
    with pytest.raises(
        UserError, match="ADD warmup_images: 0 adds nothing; ADD means a linear rise of the learning rat"
    ):
        warmup.add(DIGITS.config, DIGITS, [0])


@pytest.mark.parametrize("profile", PROFILE_LIST, ids=lambda profile: profile.name)
def test_another_average_is_another_evaluation_of_the_same_training(profile: Profile) -> None:
    axis = AXES.get("ema_decay")
    base = with_fields(profile.config, {"training.ema_decays": (0.9999, 0.999)})
    assert base.evaluated_decay == profile.config.evaluated_decay == 0.9999
    trained, evaluated = set(), set()
    for value in axis.values(profile):
        arm = axis.apply(base, value, profile)
        assert differing(base, arm) == ({"evaluation.ema_decay"} if value != 0.9999 else set())
        assert arm.evaluated_decay == value
        trained.add(train_id(arm, ""))
        evaluated.add(eval_id("", 0, arm, profile.primary_metric))
    assert len(trained) == 1 and len(evaluated) == 3
    named = with_fields(base, {"evaluation.ema_decay": 0.9999})
    assert eval_id("", 0, named, profile.primary_metric) in evaluated  # naming the first one is not another measurement


def test_an_average_that_is_asked_for_is_kept() -> None:
    axis = AXES.get("ema_decay")
    changed = axis.apply(DIGITS.config, 0.99, DIGITS)
    assert differing(DIGITS.config, changed) == {"training.ema_decays", "evaluation.ema_decay"}
    assert changed.training.ema_decays == (0.9999, 0.99)
    assert axis.apply(changed, 0.9999, DIGITS).evaluated_decay == 0.9999
    raw = axis.apply(DIGITS.config, 0.0, DIGITS)
    assert differing(DIGITS.config, raw) == {"evaluation.ema_decay"}
    with pytest.raises(UserError, match="ema_decay"):
        axis.apply(DIGITS.config, 1.5, DIGITS)


def test_arms_of_a_study_that_differ_in_the_average_share_their_training() -> None:
    study = Study(name="s", baseline=Baseline(profile="digits"), budget_images=640,
                  ablations=(Ablation(axis="ema"), Ablation(axis="learning_rate", values=(1e-3,))))  # fmt: skip
    arms = expand(study).arms
    assert [arm.name for arm in arms] == ["baseline", "ema_decay=0", "ema_decay=0.999", "learning_rate=0.001"]
    assert [arm.config.evaluated_decay for arm in arms] == [0.9999, 0.0, 0.999, 0.9999]
    assert {arm.config.training.ema_decays for arm in arms} == {(0.9999, 0.999)}
    assert len({train_id(arm.config, "") for arm in arms}) == 2


def test_every_length_is_another_evaluation_of_the_same_training() -> None:
    axis = AXES.get("ema_length")
    assert find_axis("post-hoc EMA") is axis
    assert [axis.parse(text, DIGITS) for text in ("0.05", "sigma_rel = 0.1", "exponential", "none")] == [
        0.05, 0.1, 0.0, 0.0,
    ]  # fmt: skip
    ablations = (
        Ablation(axis="ema length", action="ADD", values=(0.1, 0.05)),
        Ablation(axis="ema decay", values=(0.99,)),
    )
    found = expand(Study(name="s", baseline=Baseline(profile="digits"), budget_images=640, ablations=ablations))
    assert [arm.name for arm in found.arms] == ["baseline", "ema_length=0.1", "ema_length=0.05", "ema_decay=0.99"]
    assert {arm.config.training.ema_lengths for arm in found.arms} == {(0.05, 0.1)}
    assert len({train_id(arm.config, "") for arm in found.arms}) == 1
    assert len({eval_id("", 0, arm.config, "fid") for arm in found.arms}) == 4
    assert found.weights_of == dict.fromkeys(("ema_length=0.1", "ema_length=0.05", "ema_decay=0.99"), "baseline")
    lengthy = axis.apply(DIGITS.config, 0.1, DIGITS)
    assert axis.remove(lengthy, DIGITS) == (0.0,) and AXES.get("ema_decay").current(lengthy, DIGITS) is None
    back = AXES.get("ema_decay").apply(lengthy, 0.99, DIGITS)
    assert back.evaluation.ema_length is None and back.evaluated_decay == 0.99
    with pytest.raises(UserError, match=r"training\.ema_lengths: 0\.3 given; allowed: above 0 and below 0\.289"):
        axis.apply(DIGITS.config, 0.3, DIGITS)
