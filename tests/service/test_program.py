"""A command that is printed can be pasted in any folder, however the program was called."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from service.cli.program import as_called


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in a folder below the one that the shell is in."""
    program = tmp_path / "env" / "bin" / "dit-ablate"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    return program


def test_a_program_that_path_finds_has_its_bare_name(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(installed.parent))
    monkeypatch.setattr(sys, "argv", [str(installed)])
    assert as_called("dit-ablate run s") == "dit-ablate run s"


@pytest.mark.parametrize("path", ["/nowhere", "env/bin", "other"])
def test_another_has_its_whole_path(path: str, installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = installed.parents[2] / "other" / "dit-ablate"
    other.parent.mkdir()
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", str(other.parent) if path == "other" else path)
    monkeypatch.setattr(sys, "argv", ["env/bin/dit-ablate"])
    assert as_called("dit-ablate run s") == f"{installed} run s"


def test_what_is_no_command_of_it_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["env/bin/dit-ablate"])
    assert as_called("http://mlflow:5000") == "http://mlflow:5000"
    monkeypatch.setattr(sys, "argv", ["service/__main__.py"])
    assert as_called("dit-ablate run s") == "dit-ablate run s"
