"""Studies from presets, files, Python and documentation; written down and read again."""

import re
from pathlib import Path

import pytest
from studies import ablation_study, grid_study

from search_spaces.expand import expand
from search_spaces.load import dump_study, is_plan, load_study, presets, study_from_yaml
from search_spaces.profiles import PROFILES
from search_spaces.study import Ablation, Baseline, PolicySpec, Resources, Study

ROOT = Path(__file__).resolve().parents[2]
DOCS = (ROOT / "docs" / "study-files.md").read_text()
YAML_EXAMPLES = re.findall(r"```yaml\n(.*?)```", DOCS, re.S)

STUDIES = {
    "python": ablation_study("s", ["patch size", Ablation(name="D", axis="decoder", action="ADD", values=("conv",))]),
    "grid": grid_study("g", {"patch_size": [2, 4], "lr": [1e-3, "2e-3"]}, overrides={"size": "S"}, seeds=[5]),
    "full": Study(
        name="full.1",
        description="a: b # c — é",
        baseline=Baseline(profile="digits", overrides={"size": "S", "training.learning_rate": 5e-4}),
        ablations=(Ablation(axis="block", action="REMOVE"),),
        grid={"patch_size": (2, "4x4")},
        seeds=(3, 1),
        budget_images=1280,
        rungs=(256,),
        policy=PolicySpec(name="rungs", options={"stop_fraction": 0.25}),
        resources=Resources(lanes=2, workers=2, cpus_per_worker=3, gpus_per_worker=0.5),
        checkpoint_images=128,
    ),
    "plain": ablation_study("p", ["block"], policy="none", budget_images=1280),
}


def test_the_presets_are_the_two_scales_and_the_recent_additions() -> None:
    assert presets() == ("dit-digits", "dit-modern", "dit-paper")
    digits, paper = load_study("dit-digits"), load_study("dit-paper")
    assert (digits.budget_images, digits.rungs, digits.seeds) == (51_200, (12_800, 25_600), (0, 1))
    assert digits.milestones == (12_800, 25_600, 51_200)
    assert digits.policy == PolicySpec(name="futility")
    assert digits.primary_metric == "fd_digits_cnn" and paper.primary_metric == "fid"
    assert [ablation.axis for ablation in digits.ablations] == [ablation.axis for ablation in paper.ablations]


def test_the_paper_profile_is_the_paper_s_recipe() -> None:
    config = PROFILES.get("paper").config
    training, diffusion, evaluation = config.training, config.diffusion, config.evaluation
    assert (training.batch_size, training.learning_rate, training.weight_decay) == (256, 1e-4, 0.0)
    assert (training.beta1, training.beta2, training.ema_decays, training.ema_warmup) == (0.9, 0.999, (0.9999,), False)
    assert training.class_dropout == 0.1
    assert (diffusion.num_timesteps, diffusion.beta_start, diffusion.beta_end) == (1000, 1e-4, 0.02)
    assert (evaluation.metrics, evaluation.num_samples, evaluation.sampling_steps) == (("fid",), 50_000, 250)
    model = config.model
    assert (model.input_size, model.in_channels, model.num_classes, model.learn_sigma) == (32, 4, 1000, True)
    assert (config.data.name, config.data.path, config.data.random_flip) == ("latents", None, True)


@pytest.mark.parametrize("name", [*STUDIES, *presets()])
def test_a_study_written_down_is_the_same_study(name: str, tmp_path: Path) -> None:
    study = STUDIES[name] if name in STUDIES else load_study(name)
    path = tmp_path / "again.yaml"
    path.write_text(dump_study(study, ["one comment\non two lines"]))
    again = load_study(path)
    assert again == study
    assert dump_study(again) == dump_study(study)
    assert [arm.config for arm in expand(again).arms] == [arm.config for arm in expand(study).arms]


def test_a_study_object_is_checked_and_returned() -> None:
    study = STUDIES["full"]
    assert load_study(study) is study


@pytest.mark.parametrize("text", YAML_EXAMPLES, ids=lambda text: text.split("\n")[0])
def test_every_example_of_the_documentation_loads(text: str) -> None:
    study = study_from_yaml(text)
    assert text.startswith(f"name: {study.name}\n")
    assert study_from_yaml(dump_study(study)) == study


def test_what_the_documentation_says_of_its_examples() -> None:
    studies = {study.name: study for study in map(study_from_yaml, YAML_EXAMPLES)}
    assert len(studies) == len(YAML_EXAMPLES) == 11
    names = [arm.name for arm in expand(studies["does-patch-size-matter"]).arms]
    assert names == ["baseline", "patch_size=4", "patch_size=8"]
    assert len(expand(studies["does-patch-size-matter"]).trials) == 6
    assert [arm.name for arm in expand(studies["take-away-and-add"]).arms] == [
        "baseline",
        "block=in-context",
        "decoder=mlp",
        "decoder=conv",
        "ema_decay=0",
    ]
    assert len(expand(studies["block-by-patch-size"]).arms) == 6
    ladder = expand(studies["from-dit-to-a-newer-recipe"])
    assert [arm.name for arm in ladder.arms] == [
        "baseline",
        "ladder 1: rectified flow",
        "ladder 2: larger batch",
        "ladder 3: SwiGLU",
    ]
    controlled = expand(studies["blocks-at-equal-gflops"])
    assert "control for cross-attention" in [label for label, _ in controlled.ablations[0].arms]
    sampled = expand(studies["how-to-sample"])
    assert set(sampled.weights_of) == {arm.name for arm in sampled.arms[1:]}
    assert set(sampled.weights_of.values()) == {"baseline"}
    for field in Study.model_fields:
        assert f"| `{field}` |" in DOCS


def test_the_documentation_s_python_runs() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", DOCS, re.S)
    scope: dict[str, Study] = {}
    exec(code, scope)  # the repository's own documentation
    assert len(expand(scope["blocks"]).arms) == 4 and scope["blocks"].seeds == (0, 1, 2)
    assert [arm.name for arm in expand(scope["decoders"]).arms][1:] == [
        "decoder=mlp",
        "decoder=conv",
        "decoder=conv-upsample",
    ]


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_example_file_loads(path: Path) -> None:
    assert load_study(path).name == path.stem


def test_a_file_without_a_name_is_called_by_its_own(tmp_path: Path) -> None:
    path = tmp_path / "my-question.yaml"
    path.write_text("ablations: [block]\n")
    assert load_study(path).name == "my-question"


def test_short_forms() -> None:
    short = study_from_yaml("name: x\nbaseline: digits\nablations: [block]\nseeds: [3]\nrungs: 12800\npolicy: none\n")
    assert short.seeds == (3,) and short.rungs == (12_800,) and short.policy == PolicySpec(name="none")
    one = study_from_yaml("name: x\nablations: [{axis: block, action: remove}, {axis: patch, values: 4}]\n")
    assert [(a.action, a.values) for a in one.ablations] == [("REMOVE", ()), ("REPLACE", (4,))]


def test_what_counts_as_a_plan() -> None:
    assert is_plan("a.md") and is_plan(Path("b.JSON")) and is_plan("c.jsonl")
    assert not is_plan("a.yaml") and not is_plan("dit-digits")
