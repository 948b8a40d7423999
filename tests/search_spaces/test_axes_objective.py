"""The axes of objective and sampling: what each changes, that sampling never retrains, and how arms are called."""

from __future__ import annotations

from typing import Any

import pytest

from dit_core.config import TrialConfig
from dit_core.diffusion.config import DiffusionConfig
from dit_core.diffusion.gaussian import Diffusion
from dit_core.errors import UserError
from dit_core.identity import eval_id, train_id
from search_spaces.axes import AXES, find_axis
from search_spaces.expand import expand
from search_spaces.fields import flat, with_fields
from search_spaces.profiles import PROFILES, Profile
from search_spaces.study import Ablation, Baseline, Study

DIGITS, PAPER = PROFILES.get("digits"), PROFILES.get("paper")
PROFILE_LIST = [DIGITS, PAPER]


def changes(axis: str, value: Any, profile: Profile, baseline: TrialConfig | None = None) -> dict[str, Any]:
    """Returns the dotted fields that applying a value changes, with their new values."""
    before = baseline or profile.config
    after = flat(AXES.get(axis).apply(before, value, profile))
    own = flat(before)
    return {name: setting for name, setting in after.items() if setting != own[name]}


@pytest.mark.parametrize("profile", PROFILE_LIST, ids=lambda profile: profile.name)
@pytest.mark.parametrize(
    ("axis", "value", "expected"),
    [
        ("objective", "x0", {"diffusion.objective": "x0"}),
        ("objective", "v", {"diffusion.objective": "v"}),
        ("objective", "flow", {"diffusion.objective": "flow", "model.learn_sigma": False}),
        ("variance", "fixed", {"model.learn_sigma": False}),
        ("noise_schedule", "cosine", {"diffusion.noise_schedule": "cosine"}),
        ("timestep_sampling", "logit-normal", {"diffusion.timestep_sampling": "logit-normal"}),
        ("loss_weighting", "min-snr", {"diffusion.loss_weighting": "min-snr"}),
    ],
)
def test_an_axis_of_the_objective_changes_its_fields_and_retrains(
    profile: Profile, axis: str, value: str, expected: dict[str, Any]
) -> None:
    assert changes(axis, value, profile) == expected
    assert AXES.get(axis).group == "objective"
    changed = AXES.get(axis).apply(profile.config, value, profile)
    assert train_id(changed, "data") != train_id(profile.config, "data")


@pytest.mark.parametrize("profile", PROFILE_LIST, ids=lambda profile: profile.name)
@pytest.mark.parametrize(
    ("axis", "value", "expected"),
    [
        ("sampler", "ddim", {"evaluation.sampler": "ddim"}),
        ("sampler", "dpm-solver++", {"evaluation.sampler": "dpm-solver++"}),
        ("sampling_steps", 25, {"evaluation.sampling_steps": 25}),
        ("guidance_scale", 1.5, {"evaluation.guidance_scale": 1.5}),
        ("guidance_interval", (0.1, 0.5), {"evaluation.guidance_interval": (0.1, 0.5)}),
    ],
)
def test_an_axis_of_sampling_changes_one_field_and_never_retrains(
    profile: Profile, axis: str, value: Any, expected: dict[str, Any]
) -> None:
    guided = with_fields(profile.config, {"evaluation.guidance_scale": 2.0})
    assert changes(axis, value, profile, guided) == expected
    assert AXES.get(axis).group == "sampling"
    changed = AXES.get(axis).apply(guided, value, profile)
    assert train_id(changed, "data") == train_id(guided, "data")
    assert eval_id("train", 100, changed, "fid") != eval_id("train", 100, guided, "fid")


def test_guidance_channels_are_the_paper_s_three_unless_told_otherwise() -> None:
    axis, guided = AXES.get("guidance_channels"), with_fields(PAPER.config, {"evaluation.guidance_scale": 1.5})
    assert axis.current(guided, PAPER) == 3
    assert axis.values(PAPER) == (3, 4)
    assert changes("guidance_channels", 4, PAPER, guided) == {"evaluation.guidance_channels": 4}
    assert changes("guidance_channels", 3, PAPER, guided) == {}
    assert axis.values(DIGITS) == (1,)


def test_every_axis_here_has_a_source_and_says_what_it_is() -> None:
    for name in AXES:
        axis = AXES.get(name)
        if axis.group in ("objective", "sampling"):
            assert "arXiv" in axis.citation, name
            assert 20 < len(axis.description) < 120, name


def test_what_does_not_fit_an_objective_is_changed_with_it() -> None:
    ddim = with_fields(DIGITS.config, {"evaluation.sampler": "ddim"})
    assert changes("objective", "flow", DIGITS, ddim) == {
        "diffusion.objective": "flow", "model.learn_sigma": False, "evaluation.sampler": None,
    }  # fmt: skip
    assert changes("objective", "v", DIGITS, ddim) == {"diffusion.objective": "v"}
    fixed = with_fields(DIGITS.config, {"model.learn_sigma": False})
    assert changes("objective", "x0", DIGITS, fixed) == {"diffusion.objective": "x0"}


def test_the_sampler_in_use_follows_the_objective() -> None:
    sampler, flow = AXES.get("sampler"), AXES.get("objective").apply(DIGITS.config, "flow", DIGITS)
    assert (sampler.current(DIGITS.config, DIGITS), sampler.current(flow, DIGITS)) == ("ddpm", "euler")
    assert sampler.apply(DIGITS.config, "ddpm", DIGITS) == DIGITS.config
    assert sampler.apply(flow, "heun", DIGITS).evaluation.sampler == "heun"
    with pytest.raises(UserError, match="ddim cannot sample a model trained with the objective flow; allowed: euler"):
        sampler.apply(flow, "ddim", DIGITS)
    with pytest.raises(UserError, match="the objective flow has no variance to learn"):
        AXES.get("variance").apply(flow, "learned", DIGITS)
    assert AXES.get("variance").current(flow, DIGITS) is None
    assert AXES.get("noise_schedule").current(flow, DIGITS) is None
    with pytest.raises(UserError, match="the objective flow follows a straight path and has no betas"):
        AXES.get("noise_schedule").apply(flow, "cosine", DIGITS)


@pytest.mark.parametrize(
    ("axis", "removed", "added"),
    [
        ("variance", ("fixed",), None),
        ("loss_weighting", None, ("min-snr",)),
        ("timestep_sampling", None, ("logit-normal",)),
        ("guidance_scale", None, (1.25, 1.5, 4.0)),
        ("guidance_interval", None, ((0.0, 0.7), (0.1, 0.5))),
    ],
)
def test_remove_and_add_mean_what_the_axis_says(axis: str, removed: Any, added: Any) -> None:
    found = AXES.get(axis)
    for act, expected in ((found.remove, removed), (found.add, added)):
        if expected is None:
            with pytest.raises(UserError, match="changes nothing"):
                act(DIGITS.config, DIGITS)
        else:
            assert act(DIGITS.config, DIGITS) == expected


def test_remove_undoes_what_add_did() -> None:
    for name in ("loss_weighting", "timestep_sampling", "guidance_scale", "guidance_interval"):
        axis = AXES.get(name)
        for value in axis.add(DIGITS.config, DIGITS):
            changed = axis.apply(DIGITS.config, value, DIGITS)
            (removed,) = axis.remove(changed, DIGITS)
            assert axis.apply(changed, removed, DIGITS) == DIGITS.config


@pytest.mark.parametrize("name", ["objective", "noise_schedule", "sampler", "sampling_steps", "guidance_channels"])
def test_what_a_model_cannot_be_without_refuses_remove(name: str) -> None:
    with pytest.raises(UserError, match=f"REMOVE has no meaning for {name}"):
        AXES.get(name).remove(DIGITS.config, DIGITS)


@pytest.mark.parametrize(
    ("axis", "text", "value"),
    [
        ("objective", "epsilon prediction", "noise"),
        ("objective", "ε-prediction", "noise"),
        ("objective", "v-prediction", "v"),
        ("objective", "x0 prediction", "x0"),
        ("objective", "predicting x_0", "x0"),
        ("objective", "rectified flow", "flow"),
        ("objective", "flow matching objective", "flow"),
        ("noise_schedule", "cosine noise schedule", "cosine"),
        ("noise_schedule", "squaredcos_cap_v2", "cosine"),
        ("noise_schedule", "scaled linear betas", "scaled-linear"),
        ("noise_schedule", "linear schedule", "linear"),
        ("timestep_sampling", "logit-normal timestep sampling", "logit-normal"),
        ("timestep_sampling", "lognorm", "logit-normal"),
        ("loss_weighting", "min-SNR-γ weighting", "min-snr"),
        ("loss_weighting", "Min-SNR loss weighting", "min-snr"),
        ("variance", "fixed variance", "fixed"),
        ("variance", "learned variance", "learned"),
        ("sampler", "DDIM sampler", "ddim"),
        ("sampler", "DPM-Solver++", "dpm-solver++"),
        ("sampler", "the Heun solver", "heun"),
        ("sampling_steps", "50 steps", 50),
        ("sampling_steps", "NFE = 20", 20),
        ("guidance_scale", "cfg 1.5", 1.5),
        ("guidance_scale", "CFG scale of 4.0", 4.0),
        ("guidance_channels", "3 channels", 3),
        ("guidance_interval", "0.1-0.5", (0.1, 0.5)),
        ("guidance_interval", "0 to 0.7", (0.0, 0.7)),
        ("guidance_interval", "guidance interval [0.1, 0.5]", (0.1, 0.5)),
        ("guidance_interval", [0, 0.7], (0.0, 0.7)),
        ("guidance_interval", "Everywhere", (0.0, 1.0)),
    ],
)
def test_values_as_people_write_them(axis: str, text: object, value: object) -> None:
    assert AXES.get(axis).parse(text, PAPER) == value


@pytest.mark.parametrize(
    "text", ["0.7", "0.7-0.1", "0.1-1.5", "not 0.1-0.5", "somewhere", "0.1-0.5-0.7", "not everywhere"]
)
def test_what_is_no_interval_is_refused(text: str) -> None:
    with pytest.raises(UserError) as error:
        AXES.get("guidance_interval").parse(text, DIGITS)
    assert str(error.value) == (
        f"guidance_interval: {text!r} is not two rising noise levels from 0 (data) to 1 (noise); "
        "values are written like everywhere, 0-0.7, 0.1-0.5"
    )


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("prediction target", "objective"),
        ("parameterization", "objective"),
        ("CFG scale", "guidance_scale"),
        ("classifier-free guidance", "guidance_scale"),
        ("number of sampling steps", "sampling_steps"),
        ("ODE solver", "sampler"),
        ("learned variance", "variance"),
        ("Min-SNR weighting", "loss_weighting"),
        ("timestep distribution", "timestep_sampling"),
        ("beta schedule", "noise_schedule"),
        ("the variance schedule", "noise_schedule"),
    ],
)
def test_axes_as_people_write_them(text: str, name: str) -> None:
    assert find_axis(text).name == name


def study(*ablations: Ablation, **options: Any) -> Study:
    return Study(name="s", baseline=Baseline(profile="digits", **options), budget_images=640, ablations=ablations)


def test_arms_are_called_by_what_was_varied() -> None:
    found = expand(
        study(
            Ablation(axis="objective", action="REPLACE"),
            Ablation(axis="variance", action="REMOVE"),
            Ablation(axis="sampler", action="REPLACE"),
            Ablation(axis="guidance_interval", action="ADD"),
            overrides={"guidance_scale": 1.5},
        )
    )
    assert [arm.name for arm in found.arms] == [
        "baseline",
        *("objective=x0", "objective=v", "objective=flow"),
        "variance=fixed",
        *("sampler=ddim", "sampler=dpm-solver++"),
        *("guidance_interval=0-0.7", "guidance_interval=0.1-0.5"),
    ]
    ids = {arm.name: train_id(arm.config, "data") for arm in found.arms}
    assert len(set(ids.values())) == 5  # the last four arms are the baseline's weights
    for name in ("sampler=ddim", "sampler=dpm-solver++", "guidance_interval=0-0.7", "guidance_interval=0.1-0.5"):
        assert ids[name] == ids["baseline"]


def test_a_grid_never_mislabels_a_sampler_that_an_objective_would_change() -> None:
    grid = {"objective": ("noise", "flow"), "sampler": ("ddpm", "ddim")}
    with pytest.raises(UserError, match=r"grid: 'objective' and 'sampler' both set evaluation\.sampler"):
        expand(Study(name="s", baseline=Baseline(profile="digits"), budget_images=640, grid=grid))


@pytest.mark.parametrize(("objective", "told"), [("noise", 1), ("v", 0), ("x0", 0)])
def test_cosine_under_noise_prediction_comes_with_a_caution(objective: str, told: int) -> None:
    asked = study(Ablation(axis="noise schedule", values=("cosine", "sigmoid")), overrides={"objective": objective})
    (view,) = expand(asked).ablations
    assert len(view.notes) == told
    assert all(note.startswith("cosine: its last step keeps 0.005 % of the signal") for note in view.notes)
    kept = Diffusion(DiffusionConfig(noise_schedule="cosine")).alphas_cumprod[-1].sqrt().item()
    assert kept == pytest.approx(5e-5, rel=0.02)


def test_a_flow_baseline_is_one_word_away() -> None:
    found = expand(study(Ablation(axis="sampler", values=("heun",)), overrides={"objective": "flow"}))
    assert [arm.name for arm in found.arms] == ["baseline", "sampler=heun"]
    assert found.baseline.config.model.learn_sigma is False
