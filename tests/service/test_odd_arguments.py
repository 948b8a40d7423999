"""Odd arguments of the Python interface and of the command line: one sentence, or what was meant."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_study import dit_ablate, study_data, write_study

from dit_core.errors import UserError
from search_spaces.plain_data import plain
from search_spaces.study import Study
from service import Client
from service.cli.console import say_text
from service.cli.options import choices
from service.command_text import arguments_of
from service.executors import refuse_unused_address


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (np.float32(0.001), 0.001),
        (np.float16(0.1), 0.1),
        (np.float64(0.001), 0.001),
        (torch.tensor([0.001, 3e-4]), [0.001, 3e-4]),
        (np.float32(1 / 3), 0.33333334),
        (np.float32(123456792), 123456792.0),
        (np.int64(32), 32),
        (np.bool_(True), True),
        (np.float32("inf"), float("inf")),
    ],
)
def test_a_number_of_another_library_is_the_one_that_was_written(given: Any, meant: Any) -> None:
    assert plain(given) == meant
    assert type(plain(given)) is type(meant)


def test_a_value_may_be_asked_for_once() -> None:
    for changes in (
        {"ablations": [], "grid": {"patch_size": [2, 2]}},
        {"ablations": [{"axis": "patch_size", "values": [4, 0, 0]}]},
    ):
        with pytest.raises(UserError, match=r"[20] repeats; every value may appear once"):
            Study(**study_data(**changes))


@pytest.mark.parametrize("skip", ["no", 1, None])
def test_skip_unknown_is_true_or_false(skip: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^skip_unknown: true or false is wanted, given"):
        Client(store=tmp_path / "store").plan(write_study(tmp_path), skip_unknown=skip)


@pytest.mark.parametrize("name", ["a\0b", "a\0b.md", b"tiny"])
def test_a_study_is_called_as_a_file_can_be(name: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^study: "):
        Client(store=tmp_path / "store").plan(name)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("plan", "x", "--sed", "3"), "No such option: --sed"),
        (("plan", "x", "--budget", "many"), "--budget: a whole number is wanted, given 'many'"),
        (("run", "x", "--ask-above", "many"), "--ask-above: a number is wanted, given 'many'"),
        (("run", "x", "--ask-above", "nan"), "--ask-above: nan is not a number of device-hours; allowed: 0 or more"),
        (("run", "x", "--ask-above", "-1"), "--ask-above: -1 is not a number of device-hours; allowed: 0 or more"),
        (("run", "x", "--executor", "rya"), "--executor: 'rya' is not one of 'ray', 'local'"),
        (("plan",), "Missing argument 'STUDY'"),
        (("export", "x"), "Missing option '--to'"),
        (("plna",), "No such command 'plna'"),
        (("--sotre", "x"), "No such option: --sotre"),
        (("plan", "x", "--set"), "Option '--set' requires an argument; `dit-ablate plan --help`"),
    ],
)
def test_a_command_that_is_written_wrongly_is_told_in_one_sentence(arguments: tuple[str, ...], says: str) -> None:
    result = dit_ablate(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1
    assert says in result.stderr and "--help` shows what can be given" in result.stderr


@pytest.mark.parametrize(
    ("value", "says"),
    [("abc", "a number is wanted, given 'abc'"), ("inf", "inf is not a number of device-hours; allowed: 0 or more")],
)
def test_a_wrong_value_of_a_variable_names_the_variable(value: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIT_ABLATE_ASK_ABOVE", value)
    result = dit_ablate("run", "x")
    assert result.exit_code == 2 and result.stderr.startswith(f"error: DIT_ABLATE_ASK_ABOVE: {says}; ")


def test_one_seed_is_written_so_that_it_is_read_as_one() -> None:
    for seeds in ((0,), (3,), (0, 1)):
        source, option, text = arguments_of("s.yaml", {"seeds": seeds})
        assert (source, option) == ("s.yaml", "--seeds") and choices(seeds=text) == {"seeds": seeds}


@pytest.mark.parametrize("given", ["0,,1", ",0", "0,1,,"])
def test_a_seed_that_is_left_out_of_a_list_is_not_passed_over(given: str) -> None:
    with pytest.raises(UserError, match=rf"^--seeds: '{given}' is not a list of whole numbers; write it like 0,1,2$"):
        choices(seeds=given)
    assert choices(seeds="0,1,") == {"seeds": (0, 1)}


def test_plan_of_a_study_that_is_not_ready_says_so_in_its_exit_code(tmp_path: Path) -> None:
    path = write_study(tmp_path)
    options = (path, "--store", tmp_path / "store", "--set", "data.path=nowhere")
    assert dit_ablate("plan", path, "--store", tmp_path / "store").exit_code == 0
    for more in ((), ("--json",)):
        assert dit_ablate("plan", *options, *more).exit_code == 4


@pytest.mark.parametrize("command", ["run", "retry"])
def test_an_address_that_would_be_ignored_is_refused(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = dit_ablate(command, "x", "--executor", "local", "--address", "nowhere:1", "--store", tmp_path / "s")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: --address: nowhere:1 given with --executor local, ")
    with pytest.raises(UserError, match=r"^--address: nowhere:1 given with --executor local, "):
        refuse_unused_address("nowhere:1", "local")
    refuse_unused_address("nowhere:1", "ray")
    monkeypatch.setenv("RAY_ADDRESS", "nowhere:1")  # which is there for other commands
    refuse_unused_address("nowhere:1", "local")


def test_a_study_file_is_not_imported(tmp_path: Path) -> None:
    path = write_study(tmp_path)
    result = dit_ablate("import", path)
    assert result.exit_code == 2
    assert (
        result.stderr == f"error: {path}: is a study file already; `dit-ablate plan {path}` shows what it would run\n"
    )


def test_what_is_quoted_stays_one_short_line(tmp_path: Path) -> None:
    path = write_study(tmp_path, name="two\nlines \x1b[31m")
    sentence = dit_ablate("plan", path, "--store", tmp_path / "store").stderr
    assert sentence.count("\n") == 1 and "\x1b" not in sentence and "two" in sentence
    sentence = dit_ablate("plan", path, "--seeds", "x" * 5000, "--store", tmp_path / "store").stderr
    assert len(sentence) < 1100 and sentence.endswith("write it like 0,1,2\n")


@pytest.mark.parametrize("path", ["~nobody-is-called-so/x", "a\0b"])
def test_a_path_that_no_file_can_have(path: str, tmp_path: Path) -> None:
    from dit_core.paths import expanded

    with pytest.raises(UserError, match=r"^data.path: "):
        expanded(path, "data.path")
    for name in ("data.path", "training.initial_weights", "evaluation.reference_statistics"):
        changes = {"data.name": "image-folder", name: path} if name == "data.path" else {name: path}
        with pytest.raises(UserError, match=r"no name that a file can have|a user that this machine does not have"):
            Client(store=tmp_path / "store").start(write_study(tmp_path), settings=changes)
    with pytest.raises(UserError, match=r"no name that a file can have|a user that this machine does not have"):
        Client(store=tmp_path / "store").start(f"{path}.md")


@pytest.mark.parametrize("command", ["status", "plan"])
@pytest.mark.parametrize("place", ["~nobody-is-called-so", "a\ud800b"])
def test_a_store_that_cannot_be_called_so(command: str, place: str, tmp_path: Path) -> None:
    arguments = [command, *([write_study(tmp_path)] if command == "plan" else []), "--store", place]
    result = dit_ablate(*arguments)
    assert result.exit_code == 2 and result.stderr.startswith("error: store: ")


def test_a_budget_beyond_all_measure(tmp_path: Path) -> None:
    result = dit_ablate("plan", write_study(tmp_path, budget_images=10**60), "--store", tmp_path / "store")
    assert result.exit_code == 2 and "budget_images: input should be less than or equal to" in result.stderr


COMMANDS = "\u202e\u2066\x1b[2J\x9b\u200f"
"""What turns text around, and what clears a screen."""


def test_a_title_does_nothing_to_the_terminal(tmp_path: Path) -> None:
    named = [{"name": f"Pat{COMMANDS}ch", "axis": "patch_size", "values": [4]}]
    path = write_study(tmp_path, description=f"ti{COMMANDS}tle", ablations=named)
    shown = dit_ablate("plan", path, "--store", tmp_path / "store").stdout
    assert "ti[2Jtle" in shown and "Pat[2Jch" in shown and not set(COMMANDS) - set("[2J") & set(shown)
    plan = tmp_path / "plan.md"
    plan.write_text(f"### Patch{COMMANDS} Size\n- **Ablated Part**: patch{COMMANDS} size\n- **Replacement**:\n  - 4\n")
    for arguments in (("plan", plan, "--store", tmp_path / "store"), ("import", plan, "-o", tmp_path / "new.yaml")):
        told = dit_ablate(*arguments)
        assert "Patch" in told.output and not set(COMMANDS) - set("[2J") & set(told.output)


def test_what_is_printed_as_data_is_the_data_unless_somebody_looks_at_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    say_text(f"a{COMMANDS}b\n\tc")
    assert capsys.readouterr().out == f"a{COMMANDS}b\n\tc"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    say_text(f"a{COMMANDS}b\n\tc")
    assert capsys.readouterr().out == "a[2Jb\n\tc"
