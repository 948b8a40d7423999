"""Files are verified once per machine: what is remembered, and when it is not believed."""

from __future__ import annotations

import hashlib
import logging
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dit_core.data import DataConfig, encoded, verification
from dit_core.data.image_folder import ImageFolder
from dit_core.data.paths import cache_folder
from dit_core.data.verification import verify
from dit_core.errors import UserError


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DIT_ABLATE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


class Checks:
    """Counts what is looked at; the files are the strings given."""

    def __init__(self, *contents: str) -> None:
        self.contents = contents
        self.seen: list[int] = []

    def __call__(self, index: int) -> str:
        self.seen.append(index)
        if self.contents[index] == "corrupt":
            raise ValueError("broken")
        return hashlib.sha256(self.contents[index].encode()).hexdigest()


def run(checks: Checks, stamps: list[str | None], what: str = "data") -> tuple[list[str | None], list[str]]:
    checks.seen.clear()
    return verify(what, [f"file {i}" for i in range(len(stamps))], stamps, checks)


def test_what_was_sound_is_not_looked_at_again(cache: Path) -> None:
    checks = Checks("a", "b", "c")
    first = run(checks, ["1", "1", "1"])
    assert sorted(checks.seen) == [0, 1, 2] and first[1] == []
    assert run(checks, ["1", "1", "1"]) == first and checks.seen == []
    assert run(checks, ["1", "2", "1"]) == first and checks.seen == [1], "only what looks otherwise"
    run(checks, ["1", "2", "1"], what="other data")
    assert sorted(checks.seen) == [0, 1, 2]
    assert len(list((cache / "verified").glob("*.json"))) == 2


def test_corrupt_files_and_files_without_a_stamp_are_looked_at_every_time() -> None:
    checks = Checks("a", "corrupt", "c")
    digests, bad = run(checks, ["1", "1", None])
    assert digests[1] is None and bad == ["file 1 (broken)"]
    assert run(checks, ["1", "1", None]) == (digests, bad) and checks.seen == [1, 2]


def test_a_file_that_is_gone_is_forgotten(cache: Path) -> None:
    run(Checks("a", "b"), ["1", "1"])
    verify("data", ["file 0"], ["1"], Checks("a"))
    checks = Checks("a", "b")
    run(checks, ["1", "1"])
    assert checks.seen == [1]


@pytest.mark.parametrize("damage", [b"", b"nonsense", b"\xff\xfe\n{}", None])
def test_a_damaged_memory_is_made_anew(cache: Path, damage: bytes | None) -> None:
    checks = Checks("a", "b")
    first = run(checks, ["1", "1"])
    (memory,) = (cache / "verified").glob("*.json")
    text = memory.read_bytes()
    flipped = text.replace(str(first[0][0]).encode(), b"0" * 64)  # a wrong digest that is well-formed
    assert flipped != text
    memory.write_bytes(flipped if damage is None else damage)
    assert run(checks, ["1", "1"]) == first and sorted(checks.seen) == [0, 1]
    assert run(checks, ["1", "1"]) == first and checks.seen == []


def test_a_cache_that_cannot_be_written_costs_time_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DIT_ABLATE_CACHE", str(tmp_path / "file"))
    checks = Checks("a")
    for _ in range(2):
        assert run(checks, ["1"])[1] == [] and checks.seen == [0]


def test_those_who_come_together_take_turns() -> None:
    checks = Checks(*"abcdefgh")
    slow = threading.Lock()

    def check(index: int) -> str:
        with slow:
            time.sleep(0.005)
            return checks(index)

    names = list("abcdefgh")
    workers = [threading.Thread(target=verify, args=("data", names, ["1"] * 8, check)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(checks.seen) == list(range(8)), "the others waited and believed the first"


def test_an_interrupted_verification_keeps_what_it_has(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(verification, "CHUNK", 2)
    monkeypatch.setattr(verification, "SAVE_SECONDS", -1.0)
    caplog.set_level(logging.INFO)
    checks = Checks("a", "b", "c", "d", "e")

    def interrupted(index: int) -> str:
        if index == 4:
            raise KeyboardInterrupt
        return checks(index)

    names = [f"file {i}" for i in range(5)]
    with pytest.raises(KeyboardInterrupt):
        verify("data", names, ["1"] * 5, interrupted)
    assert [record.getMessage() for record in caplog.records] == [f"{i} of 5 files verified" for i in (2, 4)]
    run(checks, ["1"] * 5)
    assert checks.seen == [4]


def test_the_folder_by_default_is_in_the_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DIT_ABLATE_CACHE")
    monkeypatch.setenv("HOME", "/somewhere")
    assert cache_folder() == Path("/somewhere/.cache/dit-ablate")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "images"
    root.mkdir()
    for i in range(6):
        pixels = np.random.default_rng(i).integers(0, 256, (9, 9, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / f"{i}.png")
    return root


def config(folder: Path, **settings: object) -> DataConfig:
    return DataConfig.model_validate({"name": "image-folder", "path": str(folder), "image_size": 8, **settings})


def test_a_second_load_decodes_nothing_and_is_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[bytes] = []
    real = encoded.open_rgb
    monkeypatch.setattr(encoded, "open_rgb", lambda content: decoded.append(content) or real(content))
    first = ImageFolder.load(config(folder))
    assert len(decoded) == 6
    again = ImageFolder.load(config(folder, image_size=4))
    assert len(decoded) == 6 and again.fingerprint == first.fingerprint
    (folder / "3.png").write_bytes((folder / "4.png").read_bytes())
    changed = ImageFolder.load(config(folder))
    assert len(decoded) == 7 and changed.content != first.content
    (folder / "3.png").write_bytes(b"nothing")
    for _ in range(2):
        with pytest.raises(UserError, match=r"1 of 6 images cannot be read: 3\.png \(not an image\)"):
            ImageFolder.load(config(folder))


@pytest.mark.slow
def test_another_process_believes_it(folder: Path) -> None:
    code = (
        "import sys\nfrom dit_core.data import DataConfig, encoded\n"
        "from dit_core.data.image_folder import ImageFolder\n"
        "count = []\nreal = encoded.open_rgb\nencoded.open_rgb = lambda content: count.append(1) or real(content)\n"
        "data = ImageFolder.load(DataConfig(name='image-folder', path=sys.argv[1], image_size=8))\n"
        "print(len(count), data.fingerprint)\n"
    )
    found = [
        subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, timeout=600).stdout
        for _ in range(2)
    ]
    fingerprint = ImageFolder.load(config(folder)).fingerprint
    assert found == [f"6 {fingerprint}\n", f"0 {fingerprint}\n"]
