"""The benchmarks time equals against equals, and run with torch, numpy, pydantic and safetensors alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

ROOT = Path(__file__).parents[2]
BENCHMARKS = ROOT / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import contest  # noqa: E402
from peers import plain_diffusion, plain_dit, same_function  # noqa: E402

from dit_core.config import TrialConfig  # noqa: E402

LATENTS = TrialConfig.model_validate(
    {"model": {"input_size": 8, "patch_size": 2, "hidden_size": 32, "depth": 2, "num_heads": 4, "num_classes": 7}}
)


@pytest.mark.parametrize("fused", [True, False])
def test_the_plain_model_computes_what_ours_does(fused: bool) -> None:
    assert same_function.check(LATENTS, fused_attention=fused).startswith("same function")


def test_a_plain_network_that_differs_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_dit, "modulated", lambda x, shift, scale: x * scale.unsqueeze(1) + shift.unsqueeze(1))
    with pytest.raises(AssertionError, match="the losses of the plain model and of ours differ by"):
        same_function.check(LATENTS, fused_attention=True)


def test_a_plain_sampler_that_differs_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        plain_diffusion.PlainDiffusion,
        "respaced",
        lambda self, steps: plain_diffusion.PlainDiffusion(self.betas[:steps]),
    )
    with pytest.raises(AssertionError, match="the samples of the plain model and of ours differ by"):
        same_function.check(LATENTS, fused_attention=True)


def test_ratios_are_taken_round_by_round() -> None:
    outcomes = {
        "plain": contest.Outcome(seconds=[2.0, 40.0, 9.0]),
        "ours": contest.Outcome(seconds=[1.0, 10.0, 3.0]),
        "broken": contest.Outcome(problem="out of memory"),
    }
    assert contest.ratios(outcomes, "plain", "ours") == (3.0, 2.0, 4.0)
    assert contest.ratios(outcomes, "broken", "ours") is None


@pytest.mark.slow
def test_every_contestant_runs_without_the_heavy_packages() -> None:
    code = (
        "import sys; sys.path.insert(0, 'benchmarks')\n"
        "import train_step, sampling; from workload import Workload\n"
        "work = Workload('digits', 2, 4, 2, 'float32', False, True, 'cpu', 1.5, 1)\n"
        "for contestant in (train_step.plain, train_step.switched, train_step.ours,\n"
        "                   sampling.plain, sampling.switched, sampling.ours):\n"
        "    turns = contestant(work); next(turns); assert next(turns) > 0; turns.close()\n"
        "heavy = {'ray', 'mlflow', 'sklearn', 'diffusers', 'torchmetrics', 'torchvision', 'transformers', 'scipy',\n"
        "         'PIL', 'yaml', 'rich', 'matplotlib'}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_command_lets_all_take_turns_and_writes_what_it_measured(tmp_path: Path) -> None:
    written = tmp_path / "found.json"
    options = ["--batch", "2", "--steps", "1", "--rounds", "2", "--no-compile", "--threads", "1", "--device", "cpu"]
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / "train_step.py"), *options, "--json", str(written)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = SimpleNamespace(**json.loads(written.read_text()))
    assert set(found.outcomes) == {"plain", "switched", "ours"}
    for outcome in found.outcomes.values():
        assert outcome["problem"] is None
        assert len(outcome["seconds"]) == 2
        assert outcome["peak_bytes"] > 2**20
    assert found.options["precision"] == "float32"
    assert found.peak_flops > 1e8
    assert "DiT-digits/2" in done.stdout


def test_a_contestant_that_fails_is_said_to(capsys: pytest.CaptureFixture[str]) -> None:
    class Line:
        """The far end of a pipe: one order, then nothing."""

        def __init__(self) -> None:
            self.orders, self.said = ["start"], []

        def recv(self) -> str:
            if not self.orders:
                raise EOFError
            return self.orders.pop()

        def send(self, message: tuple[str, object]) -> None:
            self.said.append(message)

    def full(options: object):
        raise torch.OutOfMemoryError("no room")
        yield

    line = Line()
    contest._serve(line, full, None, "cpu")
    assert line.said == [("problem", "out of memory")]


@pytest.mark.slow
def test_noise_is_timed_beside_the_way_it_was_drawn_before() -> None:
    code = (
        "import sys; sys.path.insert(0, 'benchmarks'); sys.argv = ['noise.py', '--rounds', '1', '--device', 'cpu']\n"
        "import noise; noise.main()\n"
        "heavy = {'ray', 'mlflow', 'sklearn', 'diffusers', 'scipy', 'PIL'}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    rows = [line.split(" | ") for line in done.stdout.splitlines() if line.startswith("| 64x1x8x8")]
    assert [row[1] for row in rows] == ["1", "8"]
    assert all(float(figure) > 0 for row in rows for column in row[2:4] for figure in column.split(", "))
