"""The arm that a study settles on, registered with a real MLflow and loaded again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from finished_study import BUDGET, PATCHES, run_locally, tiny_study
from safetensors import safe_open
from typer.testing import CliRunner

from dit_core.errors import UserError
from dit_core.interop.export import averaged
from dit_core.training.checkpoint import Checkpoints
from service.cli.app import app
from service.client import Client
from service.preflight import Prepared
from service.records.store import Store

STOPPING = {"policy": {"name": "none"}, "rungs": [], "seeds": [0, 1]}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Prepared, Store]:
    store = Store(tmp_path_factory.mktemp("promote") / "store")
    blocks = {"name": "Block", "axis": "block", "values": ["cross-attention"]}
    return run_locally(tiny_study(ablations=[{**PATCHES, "values": [4]}, blocks], **STOPPING), store), store


@pytest.mark.slow
def test_what_a_study_settles_on_is_a_version_that_loads_again(finished: tuple[Prepared, Store]) -> None:
    prepared, store = finished
    client = Client(store=store.path)
    found = client.promote("tiny")
    best = client.status("tiny").verdicts.best
    assert best is not None and (found.arm, found.seed, found.images) == (best.arm, 0, BUDGET)
    assert (found.model, found.version, found.uri) == ("tiny", "1", "models:/tiny/1")
    assert [note for note in found.notes if "may be as good" in note] or len(best.candidates) == 1

    model, config = client.load_promoted("tiny")
    trial = next(t for t in prepared.expansion.trials if (t.arm.name, t.seed) == (found.arm, found.seed))
    assert config == trial.config and not model.training
    folder = store.trial_dir(prepared.train_ids[trial.name]) / "checkpoints"
    images, path = Checkpoints(folder, None).found()[0]
    weights, tensors = averaged(trial.config, path, images)
    assert (weights, images) == (found.weights, BUDGET)
    state = model.state_dict()
    assert tensors and all(torch.equal(state[name], tensor) for name, tensor in tensors.items())

    again = client.promote("tiny")
    assert again == found, "the same weights are the same version"


@pytest.mark.slow
def test_any_arm_can_be_promoted_and_the_newest_is_the_one_that_loads(finished: tuple[Prepared, Store]) -> None:
    _, store = finished
    run = CliRunner().invoke(
        app,
        [
            *("promote", "tiny", "--arm", "block=cross-attention", "--seed", "1", "--model", "mine", "--json"),
            *("--store", str(store.path)),
        ],
    )
    assert run.exit_code == 0, run.output
    said = json.loads(run.stdout)
    assert (said["arm"], said["seed"], said["uri"]) == ("block=cross-attention", 1, "models:/mine/1")
    model, config = Client(store=store.path).load_promoted("mine")
    assert config.model.block == model.config.block == "cross-attention" and config.seed == 1
    records = []
    for kept in Path(store.path / "mlflow-artifacts").glob("*/artifacts/model/model.safetensors"):
        with safe_open(kept, "pt") as opened:
            records.append(json.loads(opened.metadata()["dit_ablate"]))
    record = next(found for found in records if found["arm"] == "block=cross-attention")
    assert (record["study"], record["arm"], record["images"]) == ("tiny", "block=cross-attention", BUDGET)


@pytest.mark.parametrize(
    ("which", "says"),
    [
        ({"arm": "patch_size=5"}, "patch_size=4"),
        ({"arm": "baseline", "seed": 7}, "seed"),
        ({"model": "a/b"}, "a/b"),
    ],
)
def test_what_is_not_there_is_one_sentence(
    finished: tuple[Prepared, Store], which: dict[str, object], says: str
) -> None:
    with pytest.raises(UserError, match=says) as caught:
        Client(store=finished[1].path).promote("tiny", **which)
    assert "\n" not in str(caught.value)


def test_a_model_that_was_never_promoted_is_one_sentence(finished: tuple[Prepared, Store]) -> None:
    with pytest.raises(UserError, match="no such version of 'nobody'"):
        Client(store=finished[1].path).load_promoted("nobody")
