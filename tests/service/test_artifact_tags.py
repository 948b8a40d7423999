"""The list of a run's artifacts fits into MLflow's tags however many there are."""

from __future__ import annotations

import json

from service.mlflow_sync.artifact_tags import LONGEST, ArtifactTags
from service.mlflow_sync.ownership import ARTIFACTS_TAG

GRIDS = {f"samples/{images:09d}.png": f"{images:012x}" for images in range(1000)}


def test_a_thousand_grids_stand_in_tags_that_mlflow_takes() -> None:
    tags: dict[str, str] = {}
    for name, version in GRIDS.items():
        key, text = ArtifactTags(tags).with_artifact(name, version)
        assert len(text) <= LONGEST
        tags[key] = text
    assert list(tags)[:2] == [ARTIFACTS_TAG, f"{ARTIFACTS_TAG}.1"] and 9 < len(tags) < 20
    read = ArtifactTags(tags)
    assert {name: read.version(name) for name in GRIDS} == GRIDS and read.version("report.html") is None


def test_another_version_takes_the_place_of_the_one_before() -> None:
    tags: dict[str, str] = {}
    for name, version in [*GRIDS.items(), *((name, "f" * 12) for name in GRIDS)]:
        tags.update([ArtifactTags(tags).with_artifact(name, version)])
    assert sum(len(json.loads(text)) for text in tags.values()) == len(GRIDS)
    assert {ArtifactTags(tags).version(name) for name in GRIDS} == {"f" * 12}


def test_the_one_tag_of_an_earlier_version_is_read_and_gone_on_from() -> None:
    tags = {ARTIFACTS_TAG: json.dumps({name: GRIDS[name] for name in list(GRIDS)[:150]}), "other": "x"}
    assert len(tags[ARTIFACTS_TAG]) > LONGEST
    listed = ArtifactTags(tags)
    assert listed.version("samples/000000149.png") == GRIDS["samples/000000149.png"]
    key, text = listed.with_artifact("report/report.html", "a" * 12)
    assert (key, json.loads(text)) == (f"{ARTIFACTS_TAG}.1", {"report/report.html": "a" * 12})
