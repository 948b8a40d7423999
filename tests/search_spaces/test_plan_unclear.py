"""What may mean two numbers, what leaves values open, and what is crossed out or switched off in a plan."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dit_core.errors import UserError
from search_spaces.axes import AXES
from search_spaces.plan_import import ImportedPlan, import_plan
from search_spaces.plan_import.commas import TwoWays
from search_spaces.plan_import.numerals import plain_numbers
from search_spaces.plan_import.values import read_values
from search_spaces.plan_import.written import split_items
from search_spaces.profiles import DIGITS

ENTRY = (
    "### {title}\n- **Ablated Part**: {part}\n- **Action**: {action}\n- **Replacement**: {values}\n- **Metrics**: FID\n"
)
OTHER = ENTRY.format(title="Other", part="patch size", action="REPLACE", values="4")


def plan_of(tmp_path: Path, text: str, name: str = "p.md") -> ImportedPlan:
    """Reads a text as a plan."""
    path = tmp_path / name
    path.write_text(text)
    return import_plan(path)


def entry_of(
    tmp_path: Path, part: str, values: str, action: str = "REPLACE", title: str = "It", more: str = ""
) -> ImportedPlan:
    """Reads an entry beside one that is always understood."""
    return plan_of(tmp_path, f"{ENTRY.format(title=title, part=part, action=action, values=values)}{more}\n\n{OTHER}")


def values_in(plan: ImportedPlan, axis: str) -> tuple[object, ...]:
    """The values of an axis in a plan that are not only of the entry that is always there."""
    return next((one.values for one in plan.study.ablations if one.axis == axis and one.name != "Other"), ())


@pytest.mark.parametrize(
    ("axis", "text", "values"),
    [
        ("learning_rate", "0,002", (0.002,)),
        ("learning_rate", "0,0001 and 0,001", (0.0001, 0.001)),
        ("learning_rate", "0,5", (0.5,)),
        ("weight_decay", "0,05", (0.05,)),
        ("weight_decay", "(0,05)", (0.05,)),
        ("beta2", "0,99", (0.99,)),
        ("ema_decay", "0,999", (0.999,)),
        ("ema_decay", "99,5 %", (0.995,)),
        ("class_dropout", "0,2", (0.2,)),
        ("guidance_scale", "2,05", (2.05,)),
        ("guidance_scale", "1,2,4", (1.0, 2.0, 4.0)),
        ("guidance_scale", "[1,4]", (1.0, 4.0)),
        ("guidance_scale", "1.5,4.0", (1.5, 4.0)),
        ("mlp_ratio", "2,0 and 8,0", (2.0, 8.0)),
        ("patch_size", "4,8", (4, 8)),
        ("batch_size", "32,64,128", (32, 64, 128)),
        ("sampling_steps", "10,50,100,250", (10, 50, 100, 250)),
        ("sampling_steps", "1,000", (1000,)),
        ("warmup_images", "0,640", (0, 640)),
        ("warmup_images", "6,400 images", (6400,)),
    ],
)
def test_a_comma_is_what_it_can_be_on_the_axis(axis: str, text: str, values: tuple[object, ...]) -> None:
    assert read_values(text, AXES.get(axis), DIGITS.config, DIGITS)[0] == pytest.approx(values)


@pytest.mark.parametrize(
    ("axis", "text", "ways"),
    [
        ("guidance_scale", "1,5", ("1.5", "1, 5")),
        ("guidance_scale", "1,500", ("1500", "1.500", "1, 500")),
        ("weight_decay", "0,1", ("0.1", "0, 1")),
        ("batch_size", "64,128", ("64128", "64, 128")),
        ("sampling_steps", "1.000", ("1", "1000")),
        ("warmup_images", "12.800 images", ("12800 images",)),
        ("sampling_steps", "100,200,400", ("100200400", "100, 200, 400")),
        ("guidance_scale", "1,5 and 2.5", ("1.5 and 2.5", "1, 5 and 2.5")),
    ],
)
def test_a_number_that_may_be_two_is_asked_about(axis: str, text: str, ways: tuple[str, ...]) -> None:
    with pytest.raises(TwoWays) as asked:
        read_values(text, AXES.get(axis), DIGITS.config, DIGITS)
    assert asked.value.ways == ways


def test_the_question_names_both_readings(tmp_path: Path) -> None:
    plan = entry_of(tmp_path, "guidance scale", "1,5")
    assert [question.settle for question in plan.questions] == ['"Replacement: 1.5" or "Replacement: 1, 5"']
    assert plan.not_understood and not values_in(plan, "guidance_scale")


def test_a_comma_is_a_decimals_where_one_beside_it_can_be_nothing_else(tmp_path: Path) -> None:
    plan = entry_of(tmp_path, "weight decay", "0,03; 0,1")
    assert values_in(plan, "weight_decay") == (0.03, 0.1) and not plan.not_understood


def test_points_beside_decimal_commas_are_asked_about(tmp_path: Path) -> None:
    plan = entry_of(tmp_path, "learning rate", "0,001; 1.000")
    assert plan.questions and not values_in(plan, "learning_rate")


@pytest.mark.parametrize("action", ["set it to 0,03", "lower it to 0,03"])
def test_an_action_has_decimal_commas_too(tmp_path: Path, action: str) -> None:
    assert values_in(entry_of(tmp_path, "weight decay", "", action), "weight_decay") == (0.03,)


def test_a_leading_zero_groups_no_thousands() -> None:
    assert plain_numbers("0,001") == "0.001" and plain_numbers("0,125") == "0,125"
    assert split_items("0,01; 0,1") == ["0,01", "0,1"]
    assert split_items("0,500,1000") == ["0", "500", "1000"]


def test_a_long_number_is_named_as_written(tmp_path: Path) -> None:
    plan = entry_of(tmp_path, "number of heads", "88888888888888888888888")
    assert any("88888888888888888888888" in missed.reason for missed in plan.not_understood)


@pytest.mark.parametrize(
    ("part", "values", "read"),
    [
        ("depth", "3, ..., 14", (3, 14)),
        ("depth", "3, […], 14", (3, 14)),
        ("depth", "\n  - 3\n  - …\n  - 14", (3, 14)),
        ("depth", "3, 14...", (3,)),
        ("depth", "3, 14 (and others)", (3,)),
        ("depth", "3, 14?", (3,)),
        ("activation", "?", ()),
        ("position embedding", "\n  - learned\n  - ...", ("learned",)),
        ("position embedding", "???", ()),
        ("position embedding", "learned, ..., none", ("learned", "none")),
        ("decoder", "mlp / …", ()),
        ("position embedding", "learned? or rope", ()),
    ],
)
def test_what_is_left_open_is_named_and_makes_no_arm(
    tmp_path: Path, part: str, values: str, read: tuple[object, ...]
) -> None:
    plan = entry_of(tmp_path, part, values)
    assert any(missed.ablation == "It" for missed in plan.not_understood)
    assert tuple(one.values for one in plan.study.ablations if one.name == "It") == ((read,) if read else ())


@pytest.mark.parametrize(
    "text",
    [
        "- Depth: 3, …, 14\n- Decoder: conv\n",
        "- Depth: 3\n- Decoder: conv, ...\n",
        "Vary the depth over 3, ..., 14. Replace the decoder with conv.",
        "1. Depth: try 3.\n2. Decoder: try conv and so on.\n",
    ],
)
def test_an_ellipsis_is_not_passed_over_without_labels(tmp_path: Path, text: str) -> None:
    assert plan_of(tmp_path, text).not_understood


def test_a_dash_is_nothing_still(tmp_path: Path) -> None:
    plan = entry_of(tmp_path, "position embedding", "—", "REMOVE")
    assert [one.action for one in plan.study.ablations if one.name == "It"] == ["REMOVE"] and not plan.not_understood


@pytest.mark.parametrize(
    ("values", "read", "struck"),
    [
        ("3, ~~14~~", (3,), "14"),
        ("~~3~~ 14", (14,), "3"),
        ("~~3, 5~~, 14", (14,), "3, 5"),
        ("\n  - ~~3~~\n  - 14", (14,), "3"),
        ("3, <del>14</del>", (3,), "14"),
        ("~3~, 14", (14,), "3"),
    ],
)
def test_a_value_that_is_struck_out_is_left_out_and_named(
    tmp_path: Path, values: str, read: tuple[object, ...], struck: str
) -> None:
    plan = entry_of(tmp_path, "depth", values)
    assert values_in(plan, "depth") == read and not plan.not_understood
    assert f"{struck!r} is struck out, and left out" in plan.notes


@pytest.mark.parametrize(
    ("title", "part", "values"),
    [("~~It~~", "depth", "3"), ("3. ~~It~~", "depth", "3"), ("It", "~~depth~~", "3"), ("It", "depth", "~~3~~")],
)
def test_an_entry_that_is_struck_out_does_not_run(tmp_path: Path, title: str, part: str, values: str) -> None:
    plan = entry_of(tmp_path, part, values, title=title)
    assert [one.name for one in plan.study.ablations] == ["Other"]
    assert any("struck out" in missed.reason for missed in plan.not_understood)


def test_an_entry_of_which_every_line_is_struck_out_is_named(tmp_path: Path) -> None:
    lines = ENTRY.format(title="It", part="depth", action="REPLACE", values="3").splitlines()
    struck = "\n".join(f"{line[:2]}~~{line[2:]}~~" if line[0] == "-" else f"### ~~{line[4:]}~~" for line in lines)
    plan = plan_of(tmp_path, f"{struck}\n\n{OTHER}")
    assert [one.name for one in plan.study.ablations] == ["Other"]
    assert "'It' is struck out, and left out" in plan.notes and not any("''" in note for note in plan.notes)


@pytest.mark.parametrize(
    ("title", "more"),
    [
        ("It", "- **Enabled**: false"),
        ("It", "- **Run?**: no, not this week"),
        ("It", "- **Active**: ✗"),
        ("It", "- **Skip**: yes"),
        ("It", "- **Include in sweep**: no"),
        ("It", "- **Status**: on hold"),
        ("It", "- **State**: Cancelled (too expensive)"),
        ("It", "- **Priority**: skip this one"),
        ("It", "- **Comment**: Nice to have. We will not run this."),
        ("It", "- **Remark**: postponed until the new cluster is there"),
        ("It", "\nPlease do not run this one."),
        ("(cancelled) It", ""),
        ("[SKIP] It", ""),
        ("It — postponed", ""),
        ("It (on hold)", ""),
        ("[-] It", ""),
    ],
)
def test_an_entry_that_says_that_it_is_not_to_be_run_does_not(tmp_path: Path, title: str, more: str) -> None:
    plan = entry_of(tmp_path, "depth", "3", title=title, more=more)
    assert [one.name for one in plan.study.ablations] == ["Other"]
    assert any("not to be run" in missed.reason for missed in plan.not_understood)


@pytest.mark.parametrize(
    ("title", "more"),
    [
        ("It", "- **Enabled**: yes"),
        ("It", "- **Skip**: no"),
        ("It", "- **Run**: 0"),
        ("It", "- **Status**: ready"),
        ("It", "- **Note**: skip connections are not touched"),
        ("It", "- **Rationale**: It was dropped in later work."),
        ("It", "- ~~**Status**: cancelled~~"),
        ("It (optional)", ""),
    ],
)
def test_what_only_tells_of_an_entry_leaves_it(tmp_path: Path, title: str, more: str) -> None:
    plan = entry_of(tmp_path, "depth", "3", title=title, more=more)
    assert values_in(plan, "depth") == (3,) and not plan.not_understood


def test_what_removes_is_not_switched_off(tmp_path: Path) -> None:
    plan = entry_of(tmp_path, "position embedding", "", "REMOVE", title="Positions (removed)")
    assert [one.action for one in plan.study.ablations if one.name != "Other"] == ["REMOVE"] and not plan.not_understood


def test_a_heading_or_key_switches_off_all_below_it(tmp_path: Path) -> None:
    inside = ENTRY.format(title="It", part="depth", action="REPLACE", values="3")
    plan = plan_of(tmp_path, f"# Plan\n\n## Not to be run\n\n{inside}\n## Planned\n\n{OTHER}")
    assert [one.name for one in plan.study.ablations] == ["Other"] and plan.not_understood
    entries = [{"Ablated Part": part, "Action": "REPLACE", "Replacement": "4"} for part in ("depth", "patch size")]
    data = {"postponed": entries[:1], "ablations": entries[1:]}
    plan = plan_of(tmp_path, json.dumps(data), "p.json")
    assert [one.axis for one in plan.study.ablations] == ["patch_size"] and plan.not_understood


def test_a_value_may_be_switched_off_alone(tmp_path: Path) -> None:
    plan = entry_of(tmp_path, "depth", "3, 14 (cancelled)")
    assert values_in(plan, "depth") == (3,) and plan.not_understood


@pytest.mark.parametrize("title", ["[x] It", "[ ] 2. It", "☑ It"])
def test_a_check_box_is_no_part_of_a_name(tmp_path: Path, title: str) -> None:
    plan = entry_of(tmp_path, "depth", "3", title=title)
    assert plan.entries[0] in ("It", "2. It")


def test_whole_numbers_with_points_are_no_whole_numbers() -> None:
    with pytest.raises(UserError):
        AXES.get("sampling_steps").parse("2.000", DIGITS)
