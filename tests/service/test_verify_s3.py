"""A store on S3 is verified and mended as one on a disk is."""

from __future__ import annotations

from pathlib import Path

import pytest
from observed import losses
from s3_server import client, s3_server
from whole_store import make_whole

from service.records.store import Store
from service.verify.finding import Remedy
from service.verify.inspect import verify
from service.verify.repair import repair

pytestmark = pytest.mark.slow

PLACE = "s3://studies/a"


def test_a_store_on_s3_is_verified_and_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIT_ABLATE_CACHE", str(tmp_path / "cache"))
    with s3_server() as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        s3 = client()
        s3.create_bucket(Bucket="studies")
        _, prepared = make_whole(tmp_path, PLACE)
        assert verify(Store(PLACE)).is_sound and verify(Store(PLACE)).checkpoints == 4
        before = {trial.name: losses(Store(PLACE), prepared, trial.name) for trial in prepared.expansion.trials}
        backend = Store(PLACE).records.backend
        (folder, _) = backend.list("trials/")
        for key in (f"{folder}/curve/0002.json", f"{folder}/trial.json", *backend.list(f"{folder}/grids/")[:1]):
            backend.delete(key)
        key = f"{folder}/checkpoints/000000000128.safetensors"
        backend.write(key, (backend.get(key) or b"")[:-9])
        found = verify(Store(PLACE)).findings
        remedies = [Remedy.RECORD, Remedy.TRAIN, Remedy.EVALUATE, Remedy.TRAIN]
        assert [item.remedy for item in found] == remedies
        assert repair(Store(PLACE), train=True).left == [] and verify(Store(PLACE)).is_sound
        assert {name: losses(Store(PLACE), prepared, name) for name in before} == before
        assert s3.head_object(Bucket="studies", Key=f"a/{key}")["Metadata"]["sha256"], "a run may take it"
