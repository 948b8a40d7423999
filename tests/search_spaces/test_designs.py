"""Designs beyond one axis: which arms they ask for, what the preview says of them, and what is refused."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from dit_core.errors import UserError
from search_spaces.expand import expand
from search_spaces.load import dump_study, study_from_yaml
from search_spaces.study import Ablation, Study
from search_spaces.types import AblationView, Expansion

DOCS = Path(__file__).parents[2] / "docs"
TWO_LEVELS = {
    "block": ["adaln-zero", "adaln"],
    "norm": ["layernorm", "rmsnorm"],
    "mlp": ["gelu", "swiglu"],
    "position": ["sincos", "learned"],
}
COMPONENTS = [
    {"name": "flow", "set": {"objective": "flow"}},
    {"name": "SwiGLU", "set": {"mlp": "swiglu"}},
    {"name": "RMSNorm", "set": {"norm": "rmsnorm"}},
]


def asked(**fields: Any) -> tuple[Expansion, AblationView]:
    expansion = expand(Study(name="design", ablations=[Ablation(**fields)]))
    return expansion, expansion.ablations[0]


def arms(view: AblationView) -> list[str]:
    return [arm for _, arm in view.arms]


def test_a_fraction_runs_a_part_and_says_what_it_cannot_tell_apart() -> None:
    expansion, view = asked(grid=TWO_LEVELS, generators={"position": ["block", "norm", "mlp"]})
    assert len(expansion.arms) == 8 and view.action == "FACTORIAL"
    assert view.notes[0] == "2^(4-1) fractional factorial: 8 of 16 combinations, resolution IV"
    assert view.notes[1] == (
        "interactions that cannot be told apart: block x norm = mlp x position; block x mlp = norm x position; "
        "block x position = mlp x norm"
    )
    for place in range(4):  # every value in half of the cells, and every pair of values in a quarter
        assert set(Counter(cell[place] for cell in view.cells.values()).values()) == {4}
        for other in range(place):
            assert set(Counter((cell[place], cell[other]) for cell in view.cells.values()).values()) == {2}


def test_resolution_three_names_the_main_effects_that_are_mixed() -> None:
    _, view = asked(grid={k: TWO_LEVELS[k] for k in ("block", "norm", "mlp")}, generators={"mlp": ["block", "norm"]})
    assert "resolution III" in view.notes[0]
    assert view.notes[1].startswith("main effects that cannot be told from others: block with mlp x norm")


def test_zipped_values_change_together() -> None:
    expansion, view = asked(zip={"batch_size": [64, 128], "training.learning_rate": [4e-3, 8e-3]})
    assert next(label for label, _ in view.arms) == "batch_size=64,training.learning_rate=0.004"
    assert len(expansion.arms) == 2
    changed = expansion.arms[1].config.training
    assert (changed.batch_size, changed.learning_rate) == (128, 8e-3)
    assert view.notes == ("batch_size and training.learning_rate change together",)


def test_a_conditional_axis_exists_only_with_the_value_of_another() -> None:
    expansion, view = asked(
        grid={"objective": ["eps", "v", "flow"], "noise_schedule": ["linear", "cosine"]},
        when={"noise_schedule": {"objective": "v"}},
    )
    assert [label for label, _ in view.arms] == [
        "objective=noise",
        "objective=v,noise_schedule=linear",
        "objective=v,noise_schedule=cosine",
        "objective=flow",
    ]
    assert len(expansion.arms) == 4
    assert view.notes[-1] == "noise_schedule is varied only where objective is v; elsewhere it is the baseline's"


def test_a_sample_of_a_large_grid_is_balanced_and_the_same_every_time() -> None:
    grid = {**TWO_LEVELS, "learning_rate": [1e-3 + 1e-6 * step for step in range(500)], "depth": list(range(1, 9))}
    _, view = asked(grid=grid, sample=12)
    points = view.cells
    assert len(points) == 12 and len(set(points.values())) == 12
    for place in range(4):
        assert set(Counter(cell[place] for cell in points.values()).values()) <= {5, 6, 7}
    assert asked(grid=grid, sample=12)[1].cells == points
    assert asked(grid=grid, sample=12, draw=1)[1].cells != points
    few = asked(grid={"norm": ["layernorm", "rmsnorm"], "mlp": ["gelu", "swiglu"]}, sample=50)[1]
    assert len(few.cells) == 4, "no more than there are"


@pytest.mark.parametrize("of_ladder", [False, True])
def test_a_full_system_less_one_component_at_a_time(of_ladder: bool) -> None:
    if of_ladder:
        study = Study(name="x", ladder=COMPONENTS, ablations=[Ablation(leave_one_out="ladder")])
    else:
        study = Study(name="x", ablations=[Ablation(leave_one_out=COMPONENTS)])
    expansion = expand(study)
    view = expansion.ablations[0]
    assert [label for label, _ in view.arms] == ["baseline", "full system", "less flow", "less SwiGLU", "less RMSNorm"]
    config = expansion.arm(dict(view.arms)["less SwiGLU"]).config
    assert (config.model.mlp, config.model.norm, config.diffusion.objective) == ("gelu", "rmsnorm", "flow")
    assert view.beside == {f"less {name}": "full system" for name in ("flow", "SwiGLU", "RMSNorm")}
    assert view.notes[0] == "the full system is the baseline with flow, SwiGLU, RMSNorm"


def test_a_question_within_the_values_of_another_has_a_reference_at_each() -> None:
    expansion, view = asked(axis="block", values=["adaln-zero", "adaln"], within={"size": ["XL", "S"]})
    assert [label for label, _ in view.arms] == ["size=XL", "size=XL: block=adaln", "size=S", "size=S: block=adaln"]
    assert view.beside == {"size=XL: block=adaln": "size=XL", "size=S: block=adaln": "size=S"}
    small = expansion.arm(dict(view.arms)["size=S: block=adaln"]).config
    assert (small.model.depth, small.model.block) == (3, "adaln") and arms(view)[0] == "baseline"
    assert view.notes == ("block is asked anew at each of 2 values of size",)


def test_the_baseline_may_be_a_point_of_the_grid() -> None:
    grid = {"patch_size": [4, 8], "block": ["adaln"]}
    beside = expand(Study(name="x", grid=grid))
    within = expand(Study(name="x", grid=grid, baseline={"profile": "digits", "point": "grid"}))
    assert (len(beside.arms), len(within.arms)) == (3, 2)
    assert within.baseline.config.model.patch_size == 4 and within.baseline.config.model.block == "adaln"


@pytest.mark.parametrize(
    "fields",
    [
        {"grid": TWO_LEVELS, "generators": {"position": ["block", "norm", "mlp"]}},
        {"grid": TWO_LEVELS, "sample": 5, "draw": 3},
        {"grid": {"norm": ["layernorm", "rmsnorm"], "mlp": ["gelu", "swiglu"]}, "effects": True},
        {"zip": {"batch_size": [64, 128], "learning_rate": [4e-3, 8e-3]}},
        {"grid": {"objective": ["eps", "v"], "noise_schedule": ["linear", "cosine"]},
         "when": {"noise_schedule": {"objective": ["v"]}}},
        {"leave_one_out": COMPONENTS},
        {"axis": "block", "within": {"size": ["S", "B"]}},
    ],
)  # fmt: skip
def test_python_and_yaml_are_one_language(fields: dict[str, Any]) -> None:
    study = Study(name="x", ablations=[Ablation(name="Question", **fields)])
    assert study_from_yaml(dump_study(study)) == study


WHEN = {"grid": {"objective": ["eps", "flow"], "noise_schedule": ["linear", "cosine"]}}


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({**WHEN, "when": {"noise_schedule": {"objective": "v"}}}, "never is v; its values here are noise, flow"),
        ({**WHEN, "when": {"noise_schedule": {"block": "adaln"}}}, "when.noise_schedule: unknown value 'block'"),
        ({**WHEN, "when": {"size": {"objective": "flow"}}}, "when: unknown value 'size'"),
        ({**WHEN, "when": {"objective": {"objective": "flow"}}}, "under a condition on itself"),
        ({**WHEN, "when": {"noise_schedule": "v"}}, "is not axes with conditions"),
        ({"axis": "block", "when": {"block": {"objective": "v"}}}, "when: it belongs to a grid"),
        ({"grid": TWO_LEVELS, "generators": {"position": ["block"]}}, "at least two other axes"),
        ({"grid": TWO_LEVELS, "generators": {"position": ["block", "size"]}}, "unknown value 'size'"),
        ({"grid": TWO_LEVELS | {"depth": [1, 2, 3]}, "generators": {"mlp": ["block", "norm"]}}, "depth has 3 values"),
        (
            {"grid": TWO_LEVELS, "generators": {"position": ["block", "norm"], "mlp": ["block", "norm"]}},
            "two axes would always change together",
        ),
        (
            {"grid": TWO_LEVELS, "generators": {"position": ["block", "mlp"], "mlp": ["block", "norm"]}},
            "mlp is generated itself",
        ),
        ({"grid": TWO_LEVELS, "generators": {"mlp": ["block", "norm"]}, "sample": 2}, "generators or sample"),
        ({"grid": {"depth": list(range(1, 101)), "learning_rate": [i / 1e4 for i in range(1, 202)]}}, "sample some of"),
        ({"grid": TWO_LEVELS, "sample": 0}, "sample"),
        ({"zip": {"batch_size": [64, 128], "learning_rate": [1e-3]}}, "batch_size has 2, learning_rate has 1"),
        ({"zip": {"batch_size": 64}}, "zip: {'batch_size': 64} is not axes with lists"),
        ({"zip": {"batch_size": [64]}, "grid": TWO_LEVELS}, "an ablation has one form"),
        ({"leave_one_out": COMPONENTS[:1]}, "at least two components"),
        ({"leave_one_out": [COMPONENTS[0], COMPONENTS[0]]}, "2 components are called 'flow'"),
        ({"leave_one_out": "ladder"}, "the study has no ladder"),
        ({"leave_one_out": "size"}, "a list of components is wanted"),
        (
            {"leave_one_out": [COMPONENTS[0], {"name": "nothing", "set": {"mlp": "gelu"}}]},
            "the full system is the same without 'nothing'",
        ),
        ({"axis": "depth", "values": [2], "within": {"size": ["S"]}}, "within.size sets model.depth"),
        ({"axis": "block", "values": ["adaln-zero"], "within": {"size": ["S"]}}, "no other value than the baseline's"),
        ({"axis": "block", "action": "REMOVE", "within": {"size": ["S"]}}, "within: it belongs to an axis"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError) as error:
        asked(**fields)
    assert sentence in str(error.value) and "\n" not in str(error.value)
    assert len(str(error.value)) < 400


def test_a_baseline_at_a_grid_that_is_not_there() -> None:
    with pytest.raises(UserError, match=r"baseline\.point: it is the first point of the study's grid"):
        expand(Study(name="x", ablations=["block"], baseline={"point": "grid"}))
    with pytest.raises(UserError, match=r"baseline\.point"):
        Study(name="x", ablations=["block"], baseline={"point": "nowhere"})


@pytest.mark.parametrize("page", ["designs.md", "searches.md"])
def test_the_examples_of_the_documentation_are_studies(page: str) -> None:
    examples = re.findall(r"```yaml\n(.*?)```", (DOCS / page).read_text(), re.S)
    studies = [study_from_yaml(text, page) for text in examples]
    assert len(studies) == len({study.name for study in studies}) >= 3
    for study in studies:
        assert study_from_yaml(dump_study(study)) == study
    for code in re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.S):
        exec(compile(code, page, "exec"), {})


def test_what_the_documentation_says_of_its_designs() -> None:
    examples = re.findall(r"```yaml\n(.*?)```", (DOCS / "designs.md").read_text(), re.S)
    sizes = {study.name: len(expand(study).arms) for study in map(study_from_yaml, examples)}
    assert sizes == {
        "three-parts-at-once": 8,
        "grid-alone": 4,
        "half-of-sixteen": 8,
        "a-dozen-of-many": 13,
        "schedules-under-v": 4,
        "linear-scaling-of-the-learning-rate": 3,
        "from-dit-and-back": 6,
        "does-the-best-block-depend-on-size": 5,
    }
