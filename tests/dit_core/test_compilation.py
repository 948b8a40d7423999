"""``training.compile``: what is compiled, how often, and what a machine without a compiler says."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import torch
import torch._dynamo
import torch._dynamo.utils
from small_trials import tiny
from torch import nn

from dit_core.data import load_dataset
from dit_core.evaluation import evaluate
from dit_core.model.dit import DiT
from dit_core.runtime import compilation
from dit_core.training.loop import run

ROOT = Path(__file__).parents[2]
B = 32


@pytest.fixture(autouse=True)
def traced_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Graphs are traced as always and then run as they are: generating kernels takes a minute and is not ours."""
    torch._dynamo.reset()
    compilation._problem.cache_clear()
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    yield
    torch._dynamo.reset()
    compilation._problem.cache_clear()


class Network(nn.Module):
    """A module of our own: older versions of PyTorch do not compile what is written in ``torch.nn`` itself."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.linear(x)
        return found


def graphs() -> int:
    return int(torch._dynamo.utils.counters["stats"]["unique_graphs"])


@pytest.mark.slow
def test_more_shapes_than_pytorch_allows_by_itself_are_all_compiled_each_for_itself() -> None:
    before = graphs()
    for width in range(1, 13):
        network = Network(width)
        expected = network(torch.ones(3, width))
        compilation.compile_(network, [], torch.device("cpu"))
        for _ in range(2):
            assert torch.equal(network(torch.ones(3, width)), expected)
    assert graphs() == before + 12


@pytest.mark.slow
def test_trials_of_one_shape_share_what_is_compiled(tmp_path: Path) -> None:
    compilation.check(torch.device("cpu"))
    before = graphs()
    for seed in (0, 1):
        list(run(tiny(seed, training={"compile": True}), tmp_path / str(seed), until=2 * B, evaluate=False))
    assert graphs() == before + 1


@pytest.mark.slow
def test_whole_chunks_are_sampled_by_one_compiled_network_and_the_images_are_the_same() -> None:
    plain = tiny(evaluation={"num_samples": 3 * B + 5})
    compiled = tiny(training={"compile": True}, evaluation={"num_samples": 3 * B + 5})
    data = load_dataset(plain.data)
    torch.manual_seed(0)
    model = DiT(plain.model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.1)  # what starts at zero would hide any difference
    expected = evaluate(plain, model, data, images=B)
    before = graphs()
    found = evaluate(compiled, model, data, images=B)
    assert graphs() == before + 1
    assert found.metrics == expected.metrics
    assert found.grid == expected.grid


@pytest.mark.slow
def test_by_block_equal_blocks_share_one_compilation_in_training_and_another_in_sampling(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a GPU; what is not compiled there, whatever surrounds the blocks, is not compiled here either."""
    monkeypatch.setattr(compilation, "by_block", lambda device: True)
    deep = {"depth": 3, "position": "rotary"}
    expected = list(run(tiny(model=deep), tmp_path / "plain", until=2 * B))
    compilation.check(torch.device("cpu"))
    before = graphs()
    for seed in (0, 1):
        found = list(run(tiny(seed, model=deep, training={"compile": True}), tmp_path / str(seed), until=2 * B))
        if seed == 0:
            assert found[1].points == expected[1].points  # type: ignore[union-attr]
            assert found[-1].metrics == expected[-1].metrics  # type: ignore[union-attr]
    assert graphs() == before + 2, "one with gradients and one without, for three blocks of two trials"
    anew = tiny(model=deep, training={"compile": True, "activation_checkpointing": True})
    assert list(run(anew, tmp_path / "anew", until=2 * B))[1].points == expected[1].points  # type: ignore[union-attr]
    assert graphs() <= before + 3


@pytest.mark.slow
def test_without_a_compiler_it_is_one_sentence_before_training(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from small_trials import tiny; from dit_core.errors import UserError\n"
        "from dit_core.training.loop import run\n"
        "try:\n"
        "    next(run(tiny(training={'compile': True}), Path(sys.argv[1]), until=64, evaluate=False))\n"
        "except UserError as error:\n"
        "    print(error)"
    )
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "helpers")])
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "trial")],
        capture_output=True,
        text=True,
        env={**os.environ, "CXX": "/nonexistent", "PYTHONPATH": paths, "TORCHINDUCTOR_CACHE_DIR": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    (sentence,) = done.stdout.splitlines()
    assert sentence.startswith("training.compile: torch.compile does not work on the cpu of this machine")
    assert "/nonexistent" in sentence
    assert "apt install g++" in sentence
    assert not (tmp_path / "trial").exists()
