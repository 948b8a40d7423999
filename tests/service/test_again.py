"""The command that runs a recorded study again names the store that was looked into."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.again import again
from service.records.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "here")


def test_a_store_in_its_place_keeps_its_command(store: Store, tmp_path: Path) -> None:
    (tmp_path / "q.yaml").write_text("")
    command = f"dit-ablate run {tmp_path}/q.yaml --seeds 0,1 --executor local --store {store.place}"
    assert again(store, "q", command) == command


def test_elsewhere_the_store_is_this_one(store: Store, tmp_path: Path) -> None:
    (tmp_path / "q.yaml").write_text("")
    command = f"dit-ablate run {tmp_path}/q.yaml --seeds 0,1 --executor local --store"
    assert again(store, "q", f"{command} /their/store") == f"{command} {store.place}"
    assert again(store, "q", "dit-ablate run dit-digits --store /their/store") == (
        f"dit-ablate run dit-digits --store {store.place}"
    )


@pytest.mark.parametrize("place", ["/their/store", "here"])
def test_without_the_file_the_study_is_called_by_its_name(place: str, store: Store) -> None:
    place = store.place if place == "here" else place
    command = f"dit-ablate run /their/q.md --profile digits --seeds 0, --executor local --store {place}"
    assert again(store, "q", command) == f"dit-ablate run q --executor local --store {store.place}"


def test_a_file_of_the_store_that_it_was_copied_from_is_not_this_ones(store: Store, tmp_path: Path) -> None:
    theirs = tmp_path / "original" / "studies" / "q" / "study.yaml"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("")
    command = f"dit-ablate run {theirs} --store {tmp_path}/original"
    assert again(store, "q", command) == f"dit-ablate run q --store {store.place}"


def test_a_name_that_a_preset_has_opens_the_stores_own_file(store: Store) -> None:
    store.records.backend.write("studies/dit-digits/study.yaml", b"x")
    command = "dit-ablate run /their/q.yaml --store /their/store"
    file = f"{store.place}/studies/dit-digits/study.yaml"
    assert again(store, "dit-digits", command) == f"dit-ablate run {file} --store {store.place}"


def test_what_was_submitted_is_submitted_again_unless_the_store_is_another(store: Store) -> None:
    command = f"dit-ablate submit q.yaml --address http://head:8265 --store {store.place}"
    assert again(store, "q", command) == command
    theirs = "dit-ablate submit q.yaml --address http://head:8265 --store /their/store"
    assert again(store, "q", theirs) == f"dit-ablate run q --store {store.place}"
