"""A study on S3 over lanes that share no folder with the driver: the numbers of the same study on a disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from observed import everything
from ray_actors import left_behind
from s3_server import client, s3_server
from small_studies import expansion

from service.engine import run_segments
from service.preflight import prepare
from service.records.store import Store

if TYPE_CHECKING:
    from conftest import RayCluster

PLACE = "s3://studies/team/ray"
ARMS = {"patch_size=2": {"model": {"patch_size": 2}}}


def test_lanes_on_s3_compute_what_a_disk_would(
    ray_cluster: RayCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = prepare(expansion(ARMS, lanes=2, checkpoint_images=64))
    disk = Store(tmp_path / "disk")
    on_disk = everything(disk, prepared, run_segments(prepared, disk, executor="local"))

    with s3_server(ray_cluster.s3_port) as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        # the nodes keep the cache that they were started with
        monkeypatch.setenv("DIT_ABLATE_CACHE", str(tmp_path / "cache of the driver"))
        client().create_bucket(Bucket="studies")
        store = Store(PLACE)
        outcome = run_segments(prepared, store, address=ray_cluster.address)

        assert everything(store, prepared, outcome) == on_disk
        assert all(on_disk["losses"].values()) and on_disk["evaluations"]
        assert outcome.lanes == 2 and {timing.lane for timing in outcome.timings} == {"lane-0", "lane-1"}
        assert not outcome.failed and outcome.messages == ()
        keys = {item["Key"] for item in client().list_objects_v2(Bucket="studies")["Contents"]}
        assert not [key for key in keys if "nonce" in key or "partial" in key]
        for train_id in prepared.train_ids.values():
            assert any(f"/{train_id}/checkpoints/" in key for key in keys)
    assert not list((tmp_path / "cache of the driver").rglob("*.safetensors")), "checkpoints go from lane to lane by S3"
    assert not store.scratch.exists() and not Path("s3:").exists()
    assert left_behind(ray_cluster.dashboard) == []
