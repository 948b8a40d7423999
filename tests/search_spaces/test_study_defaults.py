"""What a profile supplies is supplied however a study is made, and a study that is written down keeps it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dit_core.errors import UserError
from search_spaces.expand import expand
from search_spaces.load import dump_study, presets, read_study_file, study_from_yaml
from search_spaces.study import Ablation, Baseline, LadderStep, PolicySpec, Resources, Study
from search_spaces.study_defaults import STUDY_DEFAULTS, completed
from search_spaces.text_files import read_yaml, write_yaml

ROOT = Path(__file__).resolve().parents[2]


def written() -> dict[str, dict[str, Any]]:
    """The plain data of every preset, example file and study of the documentation, by name."""
    found = {name: read_study_file(name) for name in presets()}
    found |= {path.stem: read_study_file(path) for path in (ROOT / "examples").glob("*.yaml")}
    for page in ("README.md", "docs/study-files.md"):
        for block in re.findall(r"```yaml\n(name:.*?)```", (ROOT / page).read_text(), re.S):
            data = read_yaml(block, page)
            found[f"{page}: {data['name']}"] = data
    return found


WRITTEN = written()


def in_python(data: dict[str, Any]) -> Study:
    """The same study as somebody writes it in Python, with a class for every part."""
    parts: dict[str, Any] = dict(data)
    if isinstance(baseline := data.get("baseline"), dict):
        parts["baseline"] = Baseline(**baseline)
    if "ablations" in data:
        parts["ablations"] = tuple(
            Ablation(axis=item) if isinstance(item, str) else Ablation(**item) for item in data["ablations"]
        )
    if "ladder" in data:
        parts["ladder"] = tuple(LadderStep(**step) for step in data["ladder"])
    if "resources" in data:
        parts["resources"] = Resources(**data["resources"])
    if isinstance(policy := data.get("policy"), dict):
        options = {key: value for key, value in policy.items() if key != "name"}
        parts["policy"] = PolicySpec(name=policy["name"], options=options)
    return Study(**parts)


def test_there_is_something_to_compare() -> None:
    assert len(WRITTEN) >= 15 and {"dit-paper", "block-by-patch-size"} < set(WRITTEN)


@pytest.mark.parametrize("name", WRITTEN)
def test_a_study_in_python_is_the_same_study_in_yaml(name: str) -> None:
    data = WRITTEN[name]
    from_file = study_from_yaml(write_yaml(data))
    study = in_python(data)
    assert study == from_file
    assert [(arm.name, arm.config) for arm in expand(study).arms] == [
        (arm.name, arm.config) for arm in expand(from_file).arms
    ]


def test_the_paper_s_profile_brings_its_gpus_seeds_metric_and_budget() -> None:
    study = Study(name="x", baseline=Baseline(profile="paper"), ablations=(Ablation(axis="block"),))
    assert study.resources == Resources(workers=8, cpus_per_worker=4, gpus_per_worker=1)
    assert (study.seeds, study.primary_metric, study.budget_images) == ((0, 1), "fid", 102_400_000)
    assert (study.rungs, study.checkpoint_images) == ((25_600_000, 51_200_000), 2_560_000)
    assert study.policy == PolicySpec(name="futility")
    assert Study(name="x", ablations=(Ablation(axis="block"),)).primary_metric == "fd_digits_cnn"


@pytest.mark.parametrize("resources", [{"lanes": 2}, Resources(lanes=2)])
def test_resources_are_completed_one_by_one(resources: Any) -> None:
    study = Study(name="x", baseline=Baseline(profile="paper"), resources=resources)
    assert study.resources == Resources(lanes=2, workers=8, cpus_per_worker=4, gpus_per_worker=1)


def test_rungs_and_checkpoints_belong_to_a_budget() -> None:
    study = Study(name="x", baseline=Baseline(profile="paper"), budget_images=25_600)
    assert (study.rungs, study.checkpoint_images) == ((), None)


@pytest.mark.parametrize("name", WRITTEN)
def test_a_study_written_down_stays_what_it_was_when_the_profile_changes(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = in_python(WRITTEN[name])
    text, dump, through_json = dump_study(study), study.model_dump(), json.loads(study.model_dump_json())
    changed = {"seeds": (7,), "budget_images": 64, "rungs": (32,), "primary_metric": "kid", "policy": {"name": "none"},
               "resources": {"lanes": 3, "workers": 5, "gpus_per_worker": 2}, "checkpoint_images": 32}  # fmt: skip
    for profile in STUDY_DEFAULTS:
        monkeypatch.setitem(STUDY_DEFAULTS, profile, changed)
    assert Study(name="fresh").seeds == (7,)
    assert study_from_yaml(text) == study == Study.model_validate(dump) == Study.model_validate(through_json)
    assert completed(dump) == dump


def test_numbers_of_other_libraries_are_numbers() -> None:
    study = Study(
        name="x",
        baseline=Baseline(
            overrides={"training.batch_size": np.int64(32), "lr": torch.tensor(0.5), "data.path": Path("d")}
        ),
        ablations=(Ablation(axis="depth", values=(np.int32(3), np.float64(7))),),
        grid={"patch_size": np.array([2, 4])},
        ladder=(LadderStep(name="a", set={"beta2": np.float32(0.5)}),),
        seeds=range(2),
        budget_images=np.int64(1280),
        policy=PolicySpec(options={"stop_fraction": np.float64(0.25)}),
    )  # fmt: skip
    assert study_from_yaml(dump_study(study)) == study
    assert study.baseline.overrides == {"training.batch_size": 32, "lr": 0.5, "data.path": "d"}
    assert json.loads(study.model_dump_json())["seeds"] == [0, 1]


def test_a_mistake_in_python_is_one_sentence() -> None:
    for make, says in (
        (lambda: Study(name="x", seeds=(0, 0)), "seeds: 0 repeats; every seed may appear once"),
        (lambda: Study(name="x", baseline=Baseline(profile="papr")),
         "baseline.profile: unknown value 'papr'; allowed: paper, digits, pixels-16, pixels-32, "
         "pixels-64, small-latents; did you mean 'paper'?"),
        (lambda: Study(name="x", budget_images=True), "budget_images: true is not a number"),
        (lambda: Study(name="x", policy=5),
         "policy: 5 given; write a policy's name, or a mapping with name and options"),
        (lambda: Ablation(axis="block", action="X"), "action: unknown value 'X'; allowed: REPLACE, REMOVE, ADD"),
        (lambda: Baseline(overrides={"size": object}),
         "overrides.size: <class 'object'> is no name, number, true, false, or list of those"),
    ):  # fmt: skip
        with pytest.raises(UserError) as error:
            make()
        assert str(error.value) == says


@pytest.mark.slow
def test_making_a_study_waits_for_no_network() -> None:
    code = "import sys, search_spaces.study; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=600).returncode == 0
