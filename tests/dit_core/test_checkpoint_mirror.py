"""Checkpoints that are published: a cache is only a cache, and what cannot be reached is not taken for missing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from small_trials import tiny

from dit_core.training.checkpoint import Checkpoints, CorruptCheckpoint
from dit_core.training.state import TrainState

CPU = torch.device("cpu")


class FolderMirror:
    """Publishes into another folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir()
        self.up = True
        self.fetched: list[str] = []

    def names(self) -> list[str]:
        return [path.name for path in self.folder.iterdir()]

    def fetch(self, name: str, path: Path) -> str:
        self._reach()
        self.fetched.append(name)
        path.parent.mkdir(exist_ok=True)
        shutil.copy(self.folder / name, path)
        return ""

    def publish(self, name: str, path: Path) -> None:
        self._reach()
        shutil.copy(path, self.folder / name)

    def remove(self, name: str) -> None:
        self._reach()
        (self.folder / name).unlink(missing_ok=True)

    def _reach(self) -> None:
        if not self.up:
            raise ConnectionError("nothing answers")


@pytest.fixture
def mirror(tmp_path: Path) -> FolderMirror:
    return FolderMirror(tmp_path / "published")


def state() -> TrainState:
    return TrainState.fresh(tiny(), CPU)


def test_a_cache_keeps_the_newest_and_what_is_published_stays(mirror: FolderMirror, tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "cache", mirror)
    for images, partial in ((32, True), (64, False), (96, True), (128, False)):
        checkpoints.save(state(), images, partial=partial)
    assert sorted(mirror.names()) == [f"{images:012d}.safetensors" for images in (64, 128)]
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [f"{128:012d}.safetensors"]
    other = Checkpoints(tmp_path / "other", mirror)
    assert other.restore(state(), 100) == (64, ())
    assert other.restore(state(), 200) == (128, ()) and mirror.fetched == [
        "000000000064.safetensors",
        "000000000128.safetensors",
    ]


def test_a_partial_one_becomes_a_kept_one_there_as_well(mirror: FolderMirror, tmp_path: Path) -> None:
    Checkpoints(tmp_path / "cache", mirror).save(state(), 64, partial=True)
    other = Checkpoints(tmp_path / "other", mirror)
    assert other.restore(state(), 64) == (64, ())
    other.keep(64)
    assert mirror.names() == ["000000000064.safetensors"]


def test_one_that_could_not_be_published_is_published_by_the_next_who_finds_it(
    mirror: FolderMirror, tmp_path: Path
) -> None:
    checkpoints = Checkpoints(tmp_path / "cache", mirror)
    mirror.up = False
    with pytest.raises(ConnectionError):
        checkpoints.save(state(), 64, partial=False)
    assert mirror.names() == []
    mirror.up = True
    assert checkpoints.restore(state(), 64) == (64, ())
    assert mirror.names() == ["000000000064.safetensors"]


def test_what_cannot_be_reached_is_no_reason_to_train_again(mirror: FolderMirror, tmp_path: Path) -> None:
    Checkpoints(tmp_path / "cache", mirror).save(state(), 64, partial=False)
    other = Checkpoints(tmp_path / "other", mirror)
    mirror.up = False
    with pytest.raises(ConnectionError):
        other.restore(state(), 64)


def test_one_that_was_damaged_where_it_is_published_is_passed_over(mirror: FolderMirror, tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "cache", mirror)
    checkpoints.save(state(), 64, partial=False)
    checkpoints.save(state(), 128, partial=False)
    newest = mirror.folder / "000000000128.safetensors"
    newest.write_bytes(newest.read_bytes()[:-1])
    images, ignored = Checkpoints(tmp_path / "other", mirror).restore(state(), 128)
    assert images == 64 and "000000000128.safetensors ignored" in ignored[0]
    fetch = mirror.fetch
    mirror.fetch = lambda name, path: "it is damaged" if "128" in name else fetch(name, path)  # type: ignore[method-assign]
    images, ignored = Checkpoints(tmp_path / "third", mirror).restore(state(), 128)
    assert (images, ignored) == (64, ("checkpoint 000000000128.safetensors ignored: it is damaged",))


def test_one_that_another_process_tidies_away_is_fetched_again(mirror: FolderMirror, tmp_path: Path) -> None:
    Checkpoints(tmp_path / "cache", mirror).save(state(), 64, partial=False)
    away = [True, True]
    fetch = mirror.fetch

    def and_gone(name: str, path: Path) -> str:
        fetch(name, path)
        if away:
            away.pop()
            path.unlink()
        return ""

    mirror.fetch = and_gone  # type: ignore[method-assign]
    assert Checkpoints(tmp_path / "other", mirror).restore(state(), 64) == (64, ())
    away[:] = [True] * 100
    with pytest.raises(OSError, match=r"is removed from .* as often as it is fetched"):
        Checkpoints(tmp_path / "third", mirror).restore(state(), 64)


def test_removing_one_removes_it_everywhere(mirror: FolderMirror, tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "cache", mirror)
    path = checkpoints.save(state(), 64, partial=False)
    checkpoints.remove(path)
    assert mirror.names() == [] and checkpoints.found() == []
    with pytest.raises((CorruptCheckpoint, OSError)):
        checkpoints.fetch(path)
