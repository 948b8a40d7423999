"""Names in studies, plans and commands reach nothing outside the store."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from tiny_study import dit_ablate, study_data, write_study

from dit_core.errors import UserError
from search_spaces.load import study_from_data
from service.jobs.submit import job_name
from service.records.backend import FolderBackend

BAD = ("../x", "/etc/x", "a/b", "a\0b", "..", ".", "x" * 300, "a\nb", "~root", "a b", "", "-rf", ".hidden", "é" * 10)


@pytest.mark.parametrize("name", BAD)
def test_a_studys_name_is_checked_wherever_it_is_given(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        study_from_data(study_data(name=name))
    assert "name" in str(error.value) and "\n" not in str(error.value)
    (tmp_path / "store").mkdir()
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(study_data(name=name)))
    result = dit_ablate("run", path, "--store", tmp_path / "store", "--executor", "local")
    assert result.exit_code == 2 and result.stderr.startswith("error: ") and result.stderr.count("\n") == 1
    assert sorted(item.name for item in tmp_path.rglob("*")) == ["store", "study.yaml"]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a study, and a file outside it that a name could reach."""
    folder = tmp_path_factory.mktemp("names")
    path = write_study(folder, seeds=[0], ablations=[{"name": "../../Patch\0/x", "axis": "patch_size", "values": [4]}])
    done = dit_ablate("run", path, "--store", folder / "store", "--executor", "local")
    assert done.exit_code in (0, 2), done.output
    if done.exit_code:  # the ablation's name was refused: run it with another
        path = write_study(folder, seeds=[0], ablations=[{"name": "../../Patch", "axis": "patch_size", "values": [4]}])
        done = dit_ablate("run", path, "--store", folder / "store", "--executor", "local")
        assert done.exit_code == 0, done.output
    return folder


def test_an_ablations_name_is_text_and_no_path(ran: Path) -> None:
    assert sorted(item.name for item in ran.iterdir()) == ["store", "study.yaml"]


@pytest.mark.parametrize("name", [name for name in BAD if name not in ("", "-rf") and "\0" not in name])
@pytest.mark.parametrize("command", ["status", "stop", "report"])
def test_a_name_that_is_typed_reaches_nothing(command: str, name: str, ran: Path) -> None:
    before = sorted(ran.rglob("*"))
    result = dit_ablate(command, name, "--store", ran / "store")
    assert result.exit_code == 2 and "Traceback" not in result.output
    assert sorted(ran.rglob("*")) == before


def test_a_key_stays_below_the_store(tmp_path: Path) -> None:
    backend = FolderBackend(tmp_path / "store")
    for key in ("../x", "/etc/x", "a/../../x"):
        with pytest.raises((ValueError, UserError, OSError)):
            backend.put(key, b"x")
    assert not (tmp_path / "x").exists()


def test_a_jobs_name_is_one_word() -> None:
    assert "/" not in job_name("../../ann", "../x") and "\0" not in job_name("a\0", "b")
