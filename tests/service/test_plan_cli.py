"""Written plans at the command line: what is open ends with its own exit code, and everything prints as JSON."""

import json
from pathlib import Path

import pytest
from tiny_study import dit_ablate, write_study

from search_spaces.axes import all_axes
from search_spaces.load import load_study
from search_spaces.plan_import import import_plan
from search_spaces.profiles import DIGITS
from service.cli.exit_codes import DONE, INCOMPLETE, USER_ERROR

ONE = "### A\n- **Part**: patch size\n- **Options**: 4\n"
REFUSED = "### B\n- **Part**: VAE decoder\n- **Action**: remove\n"
ASKED = "### C\n- **Part**: scale\n- **Action**: change\n- **Options**: 1.5\n"


def write(folder: Path, *entries: str) -> Path:
    path = folder / "plan.md"
    path.write_text("".join(entries))
    return path


def test_import_always_writes_a_study_file(tmp_path: Path) -> None:
    study = tmp_path / "study.yaml"
    done = dit_ablate("import", write(tmp_path, ONE, REFUSED, ASKED), "-o", study)
    assert done.exit_code == INCOMPLETE
    text = study.read_text()
    assert text.index("name: A") < text.index("# Left out: B:") < text.index("# To settle: C:")
    assert [item.name for item in load_study(study).ablations] == ["A"]
    assert dit_ablate("import", write(tmp_path, ONE), "-o", study).exit_code == USER_ERROR
    assert dit_ablate("import", write(tmp_path, ONE), "-o", study, "--force").exit_code == DONE


def test_json_prints_whatever_was_understood(tmp_path: Path) -> None:
    for entries, asked, code in (
        ((ONE,), 0, DONE),
        ((ONE, REFUSED), 0, INCOMPLETE),
        ((ONE, ASKED), 1, INCOMPLETE),
        ((ASKED,), 1, INCOMPLETE),
        ((REFUSED,), 0, INCOMPLETE),
    ):
        path = write(tmp_path, *entries)
        for command in (("plan", "--store", tmp_path / "none"), ("import",)):
            done = dit_ablate(command[0], path, "--json", *command[1:])
            data = json.loads(done.stdout)
            assert done.exit_code == code
            assert data["ready"] is (code == DONE) and len(data["questions"]) == asked
            assert bool(data["not_understood"]) is (code == INCOMPLETE)


def test_a_guess_is_taken_when_asked_for_and_shown_as_one(tmp_path: Path) -> None:
    path = write(tmp_path, ONE, ASKED)
    done = dit_ablate("plan", path, "--accept-guesses", "--store", tmp_path / "none")
    assert done.exit_code == DONE and "Guesses that were accepted" in done.stdout
    assert "guidance_scale=1.5" in done.stdout


def test_axes_as_json_have_all_there_is() -> None:
    data = {item["name"]: item for item in json.loads(dit_ablate("axes", "--json").stdout)}
    assert set(data) == {axis.name for axis in all_axes()}
    position = data["position"]
    assert position["remove_value"] == "none" and position["add_values"] == ["sincos-plus-rotary"]
    assert "rope" in position["value_aliases"]["rotary"] and "rotary" in position["legal_values"]
    assert "spatial information" in position["vocabulary"]
    assert "vae decoder" in data["decoder"]["unlike"] and data["num_heads"]["units"] == ["head"]


def test_a_plan_as_the_prompt_wants_it_compiles(tmp_path: Path) -> None:
    text = dit_ablate("prompt").stdout
    example = next(line for line in text.splitlines() if line.startswith('{"name"'))
    rows = [example]
    assert "- alignment:" not in text, "it needs features, which the baseline has none of"
    for axis in (axis for axis in all_axes() if axis.name != "alignment"):
        assert f"- {axis.name}: {axis.description}. Values: " in text
        values = [axis.label(value) for value in axis.values(DIGITS) if value != axis.current(DIGITS.config, DIGITS)]
        entry = {"name": f"of {axis.name}", "axis": axis.name, "action": "REPLACE", "replacement": values[:1]}
        rows += [json.dumps(entry)] if values else []
    grid = {"name": "both", "action": "REPLACE", "replacement": {"patch_size": [2, 4], "size": ["S", "B"]}}
    path = tmp_path / "answer.jsonl"
    path.write_text("\n".join([*rows, json.dumps(grid)]))
    plan = import_plan(path)
    assert plan.not_understood == () and plan.questions == ()
    assert len(plan.study.ablations) == len(rows) + 1
    assert plan.study.ablations[-1].grid == {"patch_size": (2, 4), "size": ("S", "B")}


@pytest.mark.parametrize("width", [80, 200])
def test_a_plan_breaks_no_arm_s_name_inside_a_word_and_ends_with_the_next_command(width: int, tmp_path: Path) -> None:
    study = write_study(tmp_path, ablations=["decoder", "block"], policy="none")
    result = dit_ablate("plan", study, "--seeds", "0", "--store", tmp_path / "s", env={"COLUMNS": str(width)})
    for name in ("decoder=conv-upsample", "block=cross-attention"):
        assert name in result.stdout
    assert result.stdout.splitlines()[-1] == f"Next  dit-ablate run {study} --seeds 0 --store {tmp_path / 's'}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rich.console.Console.is_terminal", True)
        shown = dit_ablate("plan", study, "--store", tmp_path / "s", env={"COLUMNS": str(width), "TERM": "dumb"}).stdout
    for name in ("decoder=conv-upsample", "block=cross-attention"):
        assert name in shown
