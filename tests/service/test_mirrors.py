"""TensorBoard's and W&B's copies of a real study: what they hold, that nothing is there twice, what is refused."""

from __future__ import annotations

import json
import shutil
import struct
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from finished_study import BUDGET, PATCHES, RUNG, run_locally, tiny_study, up_to_rung
from tiny_study import dit_ablate

from service.client import Client
from service.mirrors.mirroring import mirror_study
from service.mirrors.tensorboard import events
from service.records.store import Store


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Client:
    """A finished study of two arms and one seed."""
    store = Store(tmp_path_factory.mktemp("mirrored") / "store")
    patches = {**PATCHES, "values": [4]}
    run_locally(tiny_study(ablations=[patches], seeds=[0], policy={"name": "none"}), store)
    return Client(store=store.path)


def trial_values(client: Client) -> dict[tuple[str, str, int], float]:
    """(trial, metric, images) -> value, of all measurements, from the study's own frames."""
    frame = client.status("tiny").evaluations
    return {(f"{row.arm} seed={row.seed}", row.metric, row.images): row.value for row in frame.itertuples(index=False)}


def loss_curves(client: Client) -> dict[tuple[str, str, int], float]:
    trials, store = client.status("tiny").trials, client.require_store()
    return {
        (f"{row.arm} seed={row.seed}", "train_loss", point.images): point.loss
        for row in trials.itertuples(index=False)
        for point in store.curve_points(row.train_id)
    }


def in_tensorboard(folder: Path) -> tuple[dict[tuple[str, str, int], float], Counter[tuple[str, str, int]]]:
    """Every scalar, and how often each scalar and image is there, under the trials' names."""
    scalars, seen = {}, Counter[tuple[str, str, int]]()
    for path in sorted(folder.rglob("events.out.tfevents.*")):
        run = path.parent.name.rpartition("-")[0]
        for event in events(path):
            for value in event.summary.value:
                if value.metadata.plugin_data.plugin_name == "text":
                    continue
                seen[run, value.tag, event.step] += 1
                if value.HasField("simple_value"):
                    scalars[run, value.tag, event.step] = value.simple_value
    return scalars, seen


def test_tensorboard_holds_the_records_once(client: Client, tmp_path: Path) -> None:
    first = mirror_study(client, "tiny", "tensorboard", tmp_path)
    scalars, seen = in_tensorboard(tmp_path)
    for (trial, metric, images), value in {**trial_values(client), **loss_curves(client)}.items():
        assert scalars[trial.replace(" ", "_"), metric, images] == pytest.approx(value, rel=1e-6)
    assert first.runs == 3 and set(seen.values()) == {1} and first.added.points == len(scalars)
    assert {key[2] for key in seen if key[1] == "samples"} == {RUNG, BUDGET} and first.added.grids == 4
    files = sorted(tmp_path.rglob("events*"))
    again = mirror_study(client, "tiny", "tensorboard", tmp_path)
    assert (again.runs, again.added.points, again.added.grids, again.added.texts) == (3, 0, 0, 0)
    assert sorted(tmp_path.rglob("events*")) == files
    texts = {
        value.tag
        for path in files
        for event in events(path)
        for value in event.summary.value
        if value.tensor.string_val
    }
    assert texts == {f"{name}/text_summary" for name in ("config", "status", "verdicts", "arms")}


def test_what_a_killed_process_left_is_completed(client: Client, tmp_path: Path) -> None:
    mirror_study(client, "tiny", "tensorboard", tmp_path)
    whole, _ = in_tensorboard(tmp_path)
    cut = max(tmp_path.rglob("events*"), key=lambda path: path.stat().st_size)
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 8])
    assert len(in_tensorboard(tmp_path)[0]) < len(whole)
    mirror_study(client, "tiny", "tensorboard", tmp_path)
    scalars, seen = in_tensorboard(tmp_path)
    assert scalars == whole and set(seen.values()) == {1}


@pytest.mark.slow
@pytest.mark.parametrize("to", ["tensorboard", "wandb"])
def test_a_study_that_goes_on_gets_what_is_new(
    to: str, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = offline(to, tmp_path, monkeypatch)
    store = up_to_rung(client.require_store(), tmp_path / "store").path
    mirror_study(Client(store=store), "tiny", to, tmp_path / "mirror")
    before = read(tmp_path / "mirror")
    assert before and max(images for _, _, images in before) == RUNG
    for part in ("studies", "trials"):  # what the run recorded next
        shutil.copytree(client.require_store().path / part, store / part, dirs_exist_ok=True)
    mirror_study(Client(store=store), "tiny", to, tmp_path / "mirror")
    after = read(tmp_path / "mirror")
    assert set(before.values()) == set(after.values()) == {1} and set(before) < set(after)
    expected = {**trial_values(client), **loss_curves(client)}
    assert {(trial.replace(" ", "_"), metric, images) for trial, metric, images in expected} <= set(after)


def offline(to: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes W&B work without a network, and returns what counts the points of a mirror."""
    if to == "tensorboard":
        return lambda mirror: in_tensorboard(mirror)[1]
    pytest.importorskip("wandb", reason="the extra wandb is not installed")
    monkeypatch.setenv("WANDB_MODE", "offline")
    for name in ("WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR"):
        monkeypatch.setenv(name, str(folder / "home"))
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")  # where nobody answers
    return lambda mirror: in_wandb(mirror)[1]


def records(path: Path) -> Iterator[Any]:
    """Yields the records of a .wandb file: LevelDB's log format after a header of 7 bytes."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, at, part = path.read_bytes(), 7, b""
    while at + 7 <= len(data):
        if 32768 - at % 32768 < 7:  # the rest of a block is padding
            at += 32768 - at % 32768
            continue
        _, length, kind = struct.unpack_from("<IHB", data, at)
        part += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # whole, or its last part
            yield Record.FromString(part)
            part = b""


def in_wandb(folder: Path) -> tuple[dict[tuple[str, str, int], float], Counter[tuple[str, str, int]], set[str]]:
    """Every value, how often each is there, and the kinds of media."""
    values, seen, media = {}, Counter[tuple[str, str, int]](), set[str]()
    for path in sorted((folder / "wandb").glob("offline-run-*/*.wandb")):
        name, steps = "", []
        for record in records(path):
            if record.HasField("run") and record.run.display_name:
                name = record.run.display_name.replace(" ", "_")
            if record.HasField("history"):
                row: dict[str, Any] = {}
                for item in record.history.item:
                    key, *inside = item.nested_key or [item.key]
                    value = json.loads(item.value_json)
                    if inside:  # of an image or a table
                        row.setdefault(key, {})[inside[0]] = value
                    else:
                        row[key] = value
                steps.append(row["_step"])
                for key, value in row.items():
                    if isinstance(value, dict):
                        media.add(f"{key}: {value['_type']}")
                    if not key.startswith("_") and key not in ("images", "verdicts", "arms"):
                        seen[name, key, row["images"]] += 1
                        values[name, key, row["images"]] = value
        assert steps == sorted(set(steps))
    return values, seen, media


@pytest.mark.slow
def test_wandb_offline_holds_the_records_once(client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offline("wandb", tmp_path, monkeypatch)
    first = mirror_study(client, "tiny", "wandb", tmp_path / "mirror")
    values, seen, media = in_wandb(tmp_path / "mirror")
    for (trial, metric, images), value in {**trial_values(client), **loss_curves(client)}.items():
        assert values[trial.replace(" ", "_"), metric, images] == pytest.approx(value)
    assert first.runs == 3 and first.added.grids == 4 and set(seen.values()) == {1}
    assert media >= {"samples: image-file", "verdicts: table-file", "arms: table-file"}
    folders = sorted((tmp_path / "mirror/wandb").iterdir())
    again = mirror_study(client, "tiny", "wandb", tmp_path / "mirror")
    assert (again.added.points, again.added.grids, again.added.texts) == (0, 0, 0)
    assert sorted((tmp_path / "mirror/wandb").iterdir()) == folders


def test_the_command_and_its_mistakes(client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    options = ("--store", client.store_place)
    done = dit_ablate("mirror", "tiny", "--to", "tensorboard", *options)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("3 runs in mirrors/tensorboard, ") and "4 sample grids" in done.stdout
    assert done.stdout.endswith("Look at them with: tensorboard --logdir mirrors/tensorboard\n")
    again = dit_ablate("mirror", "tiny", "--to", "tensorboard", *options)
    assert "3 runs in mirrors/tensorboard, nothing is new\n" in again.stdout
    (tmp_path / "file").write_text("")
    for arguments, says in (
        (("tiny", "--to", "tensorbord"), "did you mean 'tensorboard'?"),
        (("tinny", "--to", "tensorboard"), "tinny"),
        (("tiny", "--to", "tensorboard", "--folder", "file/x"), "--folder: 'file/x/"),
    ):
        refused = dit_ablate("mirror", *arguments, *options)
        assert refused.exit_code == 2 and says in refused.stderr and refused.stderr.count("\n") == 1, refused.output


def test_a_missing_package_is_one_sentence(client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("wandb", "tensorboardX"):
        monkeypatch.setitem(sys.modules, package, None)
    for to, package, extra in (("wandb", "wandb", "wandb"), ("tensorboard", "tensorboardX", "tensorboard")):
        refused = dit_ablate("mirror", "tiny", "--to", to, "--folder", tmp_path, "--store", client.store_place)
        assert refused.exit_code == 2
        assert (
            f"--to: '{to}' needs {package}, which is not installed; install it with pip install 'dit-ablate[{extra}]'"
            in (refused.stderr)
        )
