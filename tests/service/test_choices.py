"""What is chosen when a study is opened acts before it is checked; a command that is printed reproduces it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from tiny_study import BATCH, TINY, dit_ablate, study_data, write_study

from dit_core.errors import UserError
from search_spaces.load import study_from_data
from service import Baseline, Client, Study
from service.choices import chosen
from service.cli.options import choices as from_options
from service.command_text import arguments_of, from_here, parse_setting, parse_settings, setting_argument
from service.sources import open_study


def settings(*texts: str) -> dict[str, Any]:
    return {"settings": parse_settings(texts)}


def opened(data: dict[str, Any], *texts: str, **more: Any) -> Study:
    return chosen(data, {**settings(*texts), **more}, "study.yaml")[0]


def test_a_choice_mends_a_value_of_the_file(tmp_path: Path) -> None:
    bad = study_data(policy={"name": "rungs", "stop_fraction": 0.5}, seeds=[0, 0], rungs="none")
    with pytest.raises(UserError, match=r"^study\.yaml: "):
        opened(bad)
    study = opened(bad, "seeds=[3]", "rungs=[]")
    assert (study.seeds, study.rungs) == ((3,), ())
    with pytest.raises(UserError, match=r"^study\.yaml: seeds: 0 repeats"):  # the choice is not at fault
        opened(bad, "rungs=[]")


def test_a_file_that_is_whole_only_with_a_choice() -> None:
    data = study_data(budget_images=100, rungs=[])
    with pytest.raises(UserError, match="not a multiple of the batch size, 32"):
        opened(data)
    assert opened(data, "batch_size=20").budget_images == 100
    assert opened(data, budget_images=128).budget_images == 128


def test_a_choice_replaces_what_the_file_sets_under_another_name() -> None:
    study = opened(study_data(), "training.batch_size=64", "model size=B")
    assert study.baseline.overrides["training.batch_size"] == 64
    assert study.baseline.overrides["model size"] == "B" and "size" not in study.baseline.overrides
    with pytest.raises(UserError, match=r"^--set model\.depth: the study sets 'size', which sets model\.depth among"):
        opened(study_data(), "model.depth=5")


@pytest.mark.parametrize("baseline", [None, "digits", {"profile": "digits"}, Baseline(profile="digits")])
def test_short_forms_of_a_baseline_take_choices(baseline: Any) -> None:
    data = {"name": "x", "ablations": ["block"], **({"baseline": baseline} if baseline else {})}
    assert opened(data, "size=S").baseline.overrides == {"size": "S"}


def test_what_the_profile_supplies_is_there_to_be_changed() -> None:
    data = {"name": "x", "baseline": "paper", "ablations": ["block"]}
    study = opened(data, "resources.lanes=3", "policy.risk=0.25", "data.path=/d")
    assert (study.resources.lanes, study.resources.workers, study.resources.gpus_per_worker) == (3, 8, 1)
    assert study.policy.name == "futility" and study.policy.options == {"risk": 0.25}
    assert opened(data, "policy.name=none").policy.options == {}
    assert opened(data, "policy=none").rungs == study.rungs


@pytest.mark.parametrize(
    "how",
    [
        {"budget_images": 38_400},
        {"budget_images": "38400"},
        {"budget_images": np.int64(38_400)},
        {"settings": {"budget_images": 38_400.0}},
    ],
)
def test_a_smaller_budget_drops_the_rungs_beyond_it_and_says_so(how: dict[str, Any]) -> None:
    study, notes = chosen(
        {"name": "x", "ablations": ["block"], "budget_images": 51_200, "rungs": [12_800, 38_400]}, how
    )
    assert (study.rungs, study.budget_images) == ((12_800,), 38_400)
    assert notes == ("Rungs at or beyond the budget of 38,400 images are dropped: 38,400.",)


WRONG: dict[str, tuple[tuple[str, ...], dict[str, Any], str]] = {
    "a list": (("lr=[1]",), {}, "--set lr: learning_rate: [1] is not a number"),
    "a mapping": (("lr={a: 1}",), {}, "--set lr: learning_rate: {'a': 1} is not a number"),
    "a switch": (("policy.stop_fraction=false",), {}, "--set policy.stop_fraction: policy rungs: stop_fraction: false"),
    "a section": (
        ("training={lr: 1}",),
        {},
        "--set: training is a section; write its fields one by one, e.g.",
    ),
    "a policy": (("policy=rung",), {}, "--set policy: policy.name: unknown value 'rung'"),
    "a policy's option": (("policy.stop_fraction=2",), {}, "--set policy.stop_fraction: policy rungs: stop_fraction: "),
    "a value": (("size=HUGE",), {}, "--set size: unknown value 'HUGE'; allowed: S, B, L, XL"),
    "a field": (("training.batch_size=many",), {}, "--set training.batch_size: input should be a whole number"),
    "a field that is none": (("traning.batch_size=8",), {}, "--set traning.batch_size: traning: unknown field"),
    "an axis that is none": (("sise=S",), {}, "--set: unknown axis 'sise'"),
    "the one of several": (("lr=1e-3", "batch_size=.inf"), {}, "--set batch_size: inf is not a whole number"),
    "a study's field": (("seeds=[0, 0]",), {}, "--set seeds: 0 repeats"),
    "a part": (("resources.workers=x",), {}, "--set resources.workers: input should be a whole number"),
    "a part of nothing": (("name.x=1",), {}, "--set name.x: name has no parts"),
    "an option": ((), {"seeds": [0, 0]}, "seeds: 0 repeats"),
    "two names": (("size=S", "model.depth=5"), {}, "--set: 'size' and 'model.depth' both set model.depth"),
    "two names, two axes": (("block=adaln", "conditioning=adaln"), {}, "--set: 'block' and 'conditioning' both set"),
    "a setting and an option": (("seeds=[1]",), {"seeds": [0]}, "--set seeds: --seeds sets seeds as well"),
    "a whole and a part": (("policy=none", "policy.stop_fraction=0.5"), {}, "--set policy.stop_fraction: --set policy"),
    "what it is about": (("ablations=[block]",), {}, "--set ablations: this is what the study is about"),
    "its profile": (("baseline.profile=paper",), {}, "--set baseline.profile: this is what the study is about"),
    "a seed": (("seed=1",), {}, "--set seed: a seed is not part of an arm; give --seeds"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_choice_that_is_at_fault_is_named(case: str) -> None:
    texts, more, says = WRONG[case]
    with pytest.raises(UserError) as error:
        opened(study_data(), *texts, **more)
    assert str(error.value).startswith(says) and "\n" not in str(error.value)


def test_the_same_name_twice_in_one_command() -> None:
    with pytest.raises(UserError, match=r"^--set size: given twice; keep one of them$"):
        from_options(settings=["size=S", "size=S"])


def test_plans_and_studies_of_python_take_choices_as_well(tmp_path: Path) -> None:
    plan = tmp_path / "plan.md"
    plan.write_text("### A\n- **Ablated Part**: patch size\n- **Action**: REPLACE\n- **Replacement**: 4\n")
    assert open_study(plan, settings("size=S")).study.baseline.overrides == {"size": "S"}
    study = study_from_data(study_data())
    assert open_study(study, settings("size=B", "seeds=[5]")).study.seeds == (5,)
    with pytest.raises(UserError, match=r"^--set size: unknown value 'HUGE'"):
        open_study(study, settings("size=HUGE"))


def test_arguments_that_nobody_knows_are_refused(tmp_path: Path) -> None:
    client, study = Client(store=tmp_path / "store"), study_from_data(study_data())
    path = write_study(tmp_path)
    for method in (client.plan, client.run, client.start, client.submit):
        with pytest.raises(UserError) as error:
            method(path if method == client.submit else study, budget=640)  # type: ignore[operator]
        assert str(error.value) == (
            "budget: unknown argument; allowed: seeds, budget_images, rungs, settings, profile, skip_unknown, "
            "accept_guesses, plugins, trust; did you mean 'budget_images'?"
        )
    with pytest.raises(UserError, match=r"^lay_out: unknown argument; allowed: layout, .*; did you mean 'layout'\?$"):
        client.export("tiny", tmp_path / "out", lay_out="official")  # type: ignore[call-arg]
    with pytest.raises(UserError, match=r"^layout: required and missing$"):
        client.export("tiny", tmp_path / "out")  # type: ignore[call-arg]
    with pytest.raises(UserError, match=r"^study: 5 is no study; give a preset's name, a file, or a Study$"):
        client.plan(5)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"^study: 'tiny' is a Study, which does not travel with a job; write it to a"):
        client.submit(study)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"^profile: the study 'tiny' names its own, digits; it is for plans$"):
        client.plan(study, profile="paper")
    assert not (tmp_path / "store" / "trials").exists()


TYPED = [
    "data.path=/d/flat #2", "data.path=2024", "data.path=010", "data.path=a: b", 
    "data.path=true", 'data.path="[old] images"', "training.initial_weights=null", "description=#1: why?", "name=2024",
    "size=S", "lr=1e-5", "seeds=[0, 1]", "rungs=[]", "model.qk_norm=true", "policy={name: rungs, stop_fraction: 0.25}",
    "evaluation.metrics=[fid, kid]", "training.learning_rate=5", "resources.lanes=null", "data.path= 5",
]  # fmt: skip


@pytest.mark.parametrize("text", TYPED)
def test_a_setting_that_is_printed_is_read_as_the_same(text: str) -> None:
    name, value = parse_setting(text)
    assert parse_setting(setting_argument(name, value)) == (name, value)


def test_fields_of_text_take_their_values_as_typed() -> None:
    assert [parse_setting(f"data.path={text}")[1] for text in ("/d/flat #2", "2024", "010", "true", "a: b")] == [
        "/d/flat #2", "2024", "010", "true", "a: b",
    ]  # fmt: skip
    assert parse_setting("training.batch_size=010")[1] == 10 and parse_setting("data.path=")[1] is None


def test_a_printed_command_opens_the_same_study_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, elsewhere = tmp_path / "he re", tmp_path / "elsewhere"
    here.mkdir()
    elsewhere.mkdir()
    (here / "flat #2").mkdir()
    write_study(here)
    monkeypatch.chdir(here)
    chosen_here = from_options(
        seeds="0,1",
        budget=6 * BATCH,
        rungs=f"{2 * BATCH}",
        settings=["data.path=flat #2", "description=yes: #1", "lr=1e-5"],
    )
    first = open_study("study.yaml", chosen_here)
    monkeypatch.chdir(elsewhere)
    words = shlex.split(shlex.join(first.arguments))
    options = {word: value for word, value in zip(words[1::2], words[2::2], strict=True) if word != "--set"}
    again = open_study(
        words[0],
        from_options(
            seeds=options["--seeds"], budget=int(options["--budget"]), rungs=options["--rungs"],
            settings=[value for word, value in zip(words[1::2], words[2::2], strict=True) if word == "--set"],
        ),
    )  # fmt: skip
    assert again.arguments == first.arguments
    assert again.study.baseline.overrides.pop("data.path") == str(here / "flat #2")
    assert first.study.baseline.overrides.pop("data.path") == "flat #2"
    assert again.study == first.study
    assert arguments_of("x", {"rungs": ()}) == ("x", "--rungs", "none")


def test_the_store_is_named_unless_every_folder_takes_it_anyway(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DIT_ABLATE_STORE", raising=False)
    monkeypatch.chdir(tmp_path)
    command = f"dit-ablate run x --store {tmp_path}/dit-ablate-store --executor local"
    assert from_here(command) == command  # the default store of another folder is another one
    for elsewhere in ("dit-ablate-store", str(tmp_path / "other")):
        monkeypatch.setenv("DIT_ABLATE_STORE", elsewhere)
        assert from_here(command) == command
    monkeypatch.chdir("/")
    assert from_here(f"dit-ablate run x --store {tmp_path}/other") == "dit-ablate run x"


@pytest.mark.slow
def test_status_from_elsewhere_names_the_store_it_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    here.mkdir()
    elsewhere.mkdir()
    data = study_data(seeds=[0], rungs=[], budget_images=BATCH, policy="none", ablations=["decoder"], name="away")
    data["ablations"] = [{"axis": "decoder", "values": ["mlp"]}]
    (here / "study.yaml").write_text(yaml.safe_dump(data))
    monkeypatch.chdir(here)
    done = dit_ablate("run", "study.yaml", "--executor", "local", "--store", "mystore", "--set", "description=#1")
    assert done.exit_code == 0, done.output
    monkeypatch.chdir(elsewhere)
    shown = dit_ablate("status", "away", "--store", here / "mystore")
    again = next(line for line in shown.stdout.splitlines() if line.startswith("Again"))
    words = shlex.split(again)[1:]
    assert words[:3] == ["dit-ablate", "run", str(here / "study.yaml")] and words[-1] == str(here / "mystore")
    repeated = dit_ablate(*words[1:])
    assert repeated.exit_code == 0 and "nothing is left to run" in repeated.stdout
    assert not (elsewhere / "mystore").exists()


def test_tiny_overrides_have_one_name_each() -> None:
    assert study_from_data(study_data()).baseline.overrides == TINY
