"""A user's mistake at the command line: one clear sentence on standard error, code 2, and nothing has started."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tiny_study import BATCH, dit_ablate, overrides, write_study

from service.cli.exit_codes import INCOMPLETE


def refused(*arguments: object, says: tuple[str, ...], store: Path, code: int = 2) -> str:
    """Runs a command that must be refused, and returns its sentence."""
    result = dit_ablate(*arguments, "--store", store)
    assert result.exit_code == code, result.output
    sentence = result.stderr.strip()
    assert "Traceback" not in result.output + result.stderr
    assert sentence.startswith("error: ") and "\n" not in sentence, sentence
    for phrase in says:
        assert phrase in sentence, f"{phrase!r} is not in {sentence!r}"
    assert not (store / "trials").exists(), "a trial was started"
    return sentence


def study(**changes: Any) -> dict[str, Any]:
    return changes


WRONG: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "unknown axis": (
        study(ablations=[{"axis": "patchsizes", "values": [2]}]),
        ("axis", "'patchsizes'", "patch_size"),
    ),
    "unknown value": (
        study(ablations=[{"axis": "block", "values": ["adaln-zerro"]}]),
        ("'adaln-zerro'", "in-context", "did you mean 'adaln-zero'"),
    ),
    "patch size that does not divide": (
        study(ablations=[{"axis": "patch_size", "values": [3]}]),
        ("patch_size", "3", "does not divide the input size 8", "1, 2, 4, 8"),
    ),
    "empty grid": (study(ablations=[], grid={"patch_size": []}), ("grid.patch_size", "empty")),
    "nothing varied": (study(ablations=[]), ("varies nothing",)),
    "duplicate names": (
        study(ablations=[{"name": "A", "axis": "block"}, {"name": "A", "axis": "decoder"}]),
        ("ablations", "'A'", "2"),
    ),
    "repeated seeds": (study(seeds=[0, 1, 0]), ("seeds", "0 repeats")),
    "budget below one batch": (study(budget_images=BATCH // 2, rungs=[]), ("budget_images", "16", "batch", "32")),
    "rungs out of order": (study(rungs=[96, 64]), ("rungs", "[96, 64]", "increasing")),
    "rung beyond the budget": (study(rungs=[4 * BATCH]), ("rungs", "128", "budget_images")),
    "unknown field": (study(seed=[0]), ("seed", "unknown field", "did you mean 'seeds'")),
    "unknown policy": (study(policy="rung"), ("policy", "'rung'", "did you mean 'rungs'")),
    "unknown policy option": (study(policy={"name": "rungs", "stop": 0.5}), ("stop", "stop_fraction")),
    "metric not measured": (study(primary_metric="fid"), ("primary_metric", "'fid'", "fd_digits_cnn")),
    "workers that do not divide the batch": (study(resources={"workers": 3}), ("resources.workers", "3", "32")),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_study_is_refused_in_one_sentence(name: str, tmp_path: Path) -> None:
    changes, says = WRONG[name]
    refused("run", write_study(tmp_path, **changes), "--executor", "local", says=says, store=tmp_path / "store")
    assert not (tmp_path / "store").exists(), "a mistake left a store behind"


@pytest.mark.parametrize(
    ("option", "says"),
    [
        (("--seeds", "0,one"), ("--seeds", "'0,one'", "0,1,2")),
        (("--seeds", "0,0"), ("seeds", "0 repeats")),
        (("--seeds", "3"), ("--seeds: 3 given; write 0,1,2 for 3 seeds, or 3, (with the comma) for seed number 3",)),
        (("--rungs", "x"), ("--rungs: 'x' is not a list of whole numbers; write it like 12800,25600, or none",)),
        (("--budget", "100"), ("budget_images", "100", "multiple", "96 or 128")),
        (("--set", "size"), ("--set", "'size'", "NAME=VALUE")),
        (("--set", "sizes=HUGE"), ("HUGE", "S, B, L, XL")),
        (("--set", "traning.batch_size=8"), ("traning", "did you mean")),
        (("--set", "training.batch_size=many"), ("training.batch_size", "'many'")),
        (("--profile", "paper"), ("--profile", "digits", "plans")),
        (("--address", "http://127.0.0.1:8265"), ("address", "dit-ablate submit")),
        (("--address", "somewhere"), ("address", "'somewhere'", "host:port")),
    ],
)
def test_a_wrong_option_is_refused_in_one_sentence(
    option: tuple[str, ...], says: tuple[str, ...], tmp_path: Path
) -> None:
    executor = "ray" if "--address" in option else "local"
    refused("run", write_study(tmp_path), "--executor", executor, *option, says=says, store=tmp_path / "store")


def test_a_study_that_is_not_there_names_the_nearest_preset(tmp_path: Path) -> None:
    refused("run", "dit-digit", says=("dit-digit", "did you mean 'dit-digits'"), store=tmp_path / "store")


def test_a_name_that_no_file_can_have(tmp_path: Path) -> None:
    for name in ("x" * 300, "x" * 300 + ".md"):
        refused("run", name, says=("xxx...: a file's name cannot be that long",), store=tmp_path / "store")


def test_a_file_that_is_no_yaml_says_where(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text("name: x\nseeds: [0, 1\nrungs: []\n")
    refused("plan", path, says=("broken.yaml", "line 3"), store=tmp_path / "store")


def test_a_missing_data_folder(tmp_path: Path) -> None:
    path = images_study(tmp_path, tmp_path / "nowhere")
    refused("run", path, "--executor", "local", says=("data.path", "nowhere"), store=tmp_path / "store")


def test_corrupt_images_are_named_and_refused_and_skipped_when_asked(tmp_path: Path) -> None:
    folder = image_folder(tmp_path / "images")
    (folder / "one" / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n torn")
    path = images_study(tmp_path, folder)
    store = tmp_path / "store"
    refused("run", path, "--executor", "local", says=("torn.png", "1", "data.corrupt"), store=store)
    # skipped when asked: the next thing in the way is another one
    skip = ("run", path, "--executor", "local", "--set", "data.corrupt=skip")
    assert "torn.png" not in refused(*skip, says=("inception_weights",), store=store)


def test_a_metric_without_weights_is_refused_before_any_training(tmp_path: Path) -> None:
    weights = tmp_path / "inception.pth"
    folder = image_folder(tmp_path / "images")
    path = images_study(tmp_path, folder, evaluation__inception_weights=str(weights))
    refused("run", path, "--executor", "local", says=("inception_weights", str(weights)), store=tmp_path / "store")


def test_a_ray_that_does_not_answer_is_told_within_seconds(tmp_path: Path) -> None:
    address = f"127.0.0.1:{closed_port()}"
    began = time.monotonic()
    refused("run", write_study(tmp_path), "--address", address, says=("address", address), store=tmp_path / "store")
    refused("submit", write_study(tmp_path), "--address", address, says=("address", address), store=tmp_path / "store")
    assert time.monotonic() - began < 60


@pytest.mark.slow
def test_something_else_at_the_address_of_a_cluster_is_told_within_seconds(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        refused(
            "submit", write_study(tmp_path), "--address", address,
            says=("address", "not as a Ray cluster"), store=tmp_path / "store",
        )  # fmt: skip


def test_a_folder_that_is_something_else_is_no_store(tmp_path: Path) -> None:
    other = tmp_path / "thesis"
    other.mkdir()
    (other / "chapter1.tex").write_text("keep me")
    path = write_study(tmp_path)
    for command in ("run", "plan", "status", "report", "stop"):
        arguments = (command,) if command == "status" else (command, path)
        refused(*arguments, says=("store", str(other), "not a dit-ablate store"), store=other)
    assert [item.name for item in other.iterdir()] == ["chapter1.tex"]


def test_a_store_that_is_not_there_is_said_and_not_made(tmp_path: Path) -> None:
    store = tmp_path / "none"
    refused("status", says=("store", str(store)), store=store)
    refused("report", "tiny", says=("store", str(store)), store=store)
    refused("ui", says=("store", str(store)), store=store)
    assert not store.exists()


def test_a_plan_with_an_unknown_part_waits_until_it_is_settled(tmp_path: Path) -> None:
    plan = tmp_path / "plan.md"
    plan.write_text(
        "### Patch\n- **Ablated Part**: patch size\n- **Action**: REPLACE\n- **Replacement**:\n  - 2\n  - 4\n"
        "- **Metrics**: FID\n\n### Teacher\n- **Ablated Part**: teacher network\n- **Action**: REMOVE\n"
        "- **Metrics**: FID\n"
    )
    store = tmp_path / "store"
    says = ("teacher network", "--skip-unknown")
    refused("run", plan, "--executor", "local", says=says, store=store, code=INCOMPLETE)
    shown = dit_ablate("plan", plan, "--store", store)
    assert shown.exit_code == INCOMPLETE
    assert "Not understood" in shown.stdout and "teacher network" in shown.stdout
    assert dit_ablate("plan", plan, "--skip-unknown", "--json").exit_code == 0


@pytest.mark.slow
def test_the_real_command_shows_no_traceback_either(tmp_path: Path) -> None:
    path = write_study(tmp_path, seeds=[0, 0])
    done = subprocess.run(
        [str(Path(sys.executable).with_name("dit-ablate")), "run", str(path), "--store", str(tmp_path / "store")],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1


@pytest.mark.slow
def test_a_truncated_checkpoint_costs_only_its_own_stretch(tmp_path: Path) -> None:
    store = tmp_path / "store"
    path = write_study(tmp_path, ablations=[{"axis": "patch_size", "values": [4]}], seeds=[0], policy="none")
    assert dit_ablate("run", path, "--executor", "local", "--store", store).exit_code == 0
    newest = [sorted((trial / "checkpoints").glob("*.safetensors"))[-1] for trial in (store / "trials").iterdir()]
    assert len(newest) == 2
    for checkpoint in newest:
        checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    result = dit_ablate("run", path, "--executor", "local", "--budget", 6 * BATCH, "--store", store)
    assert result.exit_code == 0, result.stderr
    assert "damaged checkpoint" in result.stdout
    assert "2 completed" in result.stdout
    assert "Traceback" not in result.stdout + result.stderr


def image_folder(folder: Path) -> Path:
    """Two classes of eight 8x8 images."""
    generator = np.random.default_rng(0)
    for label in ("one", "two"):
        (folder / label).mkdir(parents=True)
        for index in range(8):
            pixels = generator.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / label / f"{index}.png")
    return folder


def images_study(folder: Path, images: Path, **more: Any) -> Path:
    """A study of an image folder, scored by FID with weights that lie somewhere."""
    weights = {"evaluation__inception_weights": str(folder / "weights.pth"), **more}
    baseline = overrides(
        data__name="image-folder", data__path=str(images), model__in_channels=3, model__num_classes=2,
        evaluation__metrics=["fid"], evaluation__allow_few_samples=True, **weights,
    )  # fmt: skip
    return write_study(folder, baseline=baseline, primary_metric="fid")


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
