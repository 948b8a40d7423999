"""Every way the weights of Inception-v3 can be wrong, or too few images be there for ``fid``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from networks import random_inception
from PIL import Image

from dit_core.config import TrialConfig
from dit_core.data import load_dataset
from dit_core.errors import UserError
from dit_core.metrics.features.inception import load_inception
from dit_core.parts import METRICS

CPU = torch.device("cpu")
HELPERS = str(Path(__file__).parent.parent / "helpers")


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    return random_inception(tmp_path_factory.mktemp("inception") / "weights.pth")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("images")
    generator = torch.Generator().manual_seed(0)
    for i in range(12):
        pixels = torch.randint(0, 256, (8, 8, 3), generator=generator, dtype=torch.uint8)
        Image.fromarray(pixels.numpy()).save(root / f"{i}.png")
    return root


def config(folder: Path | None, weights: str | None, **evaluation: object) -> TrialConfig:
    data = {} if folder is None else {"name": "image-folder", "path": str(folder), "held_out_fraction": 0.25}
    settings = {"metrics": ["fid"], "inception_weights": weights, "num_samples": 10, "allow_few_samples": True}
    return TrialConfig.model_validate({"data": data, "evaluation": {**settings, **evaluation}})


def check(trial: TrialConfig) -> None:
    METRICS.get("fid").check(trial, load_dataset(trial.data))


def test_few_samples_are_refused(weights: str, folder: Path) -> None:
    with pytest.raises(UserError, match=r"evaluation\.num_samples: 10 given, but fid compares 2048 features"):
        check(config(folder, weights, allow_few_samples=False))
    with pytest.raises(
        UserError,
        match=r"needs 2049 or more reference images, but the training split has 9",
    ):
        check(config(folder, weights, allow_few_samples=False, num_samples=4096))


def test_a_missing_reference_folder(weights: str, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"evaluation\.reference_images: data\.path: '.*nowhere' does not exist"):
        check(config(folder, weights, reference_images=str(tmp_path / "nowhere")))


def test_weights_that_are_no_weights(weights: str, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "text.pth").write_text("hello")
    (tmp_path / "cut.pth").write_bytes(Path(weights).read_bytes()[:1_000_000])
    torch.save({"fc.weight": torch.zeros(3)}, tmp_path / "other.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    torch.save(torch.nn.Linear(2, 2), tmp_path / "code.pth")
    (tmp_path / "empty.pth").write_bytes(b"")
    for name, message in (
        ("nowhere.pth", "'.*nowhere.pth' does not exist"),
        ("", "is not a file"),
        ("text.pth", "does not hold torch-fidelity's Inception-v3 weights"),
        ("cut.pth", "does not hold torch-fidelity's Inception-v3 weights"),
        ("empty.pth", "does not hold torch-fidelity's Inception-v3 weights"),
        ("code.pth", "does not hold torch-fidelity's Inception-v3 weights"),
        ("other.pth", "does not hold torch-fidelity's Inception-v3 weights"),
        ("list.pth", "holds no state dict of tensors"),
    ):
        with pytest.raises(UserError, match=f"evaluation.inception_weights: .*{message}") as raised:
            check(config(folder, str(tmp_path / name)))
        assert "\n" not in str(raised.value), name


def test_weights_are_loaded_once(weights: str) -> None:
    assert load_inception(weights, CPU, "fid") is load_inception(weights, CPU, "kid")


@pytest.mark.slow
def test_no_weights_and_no_network(folder: Path, tmp_path: Path) -> None:
    """A real attempt to download, through a proxy where nobody listens."""
    code = (
        f"from test_fid import check, config\nfrom dit_core.errors import UserError\n"
        f"from pathlib import Path\n"
        f"try: check(config(Path({str(folder)!r}), None))\n"
        f"except UserError as error: print(error)"
    )
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    environment = {
        **os.environ,
        **nowhere,
        "no_proxy": "",
        "NO_PROXY": "",
        "TORCH_HOME": str(tmp_path),
        "PYTHONPATH": HELPERS,
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, env=environment, timeout=600, cwd=Path(__file__).parent,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("evaluation.metrics: fid needs Inception-v3 weights and they cannot be downloaded (")
    assert "weights-inception-2015-12-05-6726825d.pth" in done.stdout
    assert done.stdout.strip().endswith("give its local path as evaluation.inception_weights")
    assert len(done.stdout.strip().splitlines()) == 1
