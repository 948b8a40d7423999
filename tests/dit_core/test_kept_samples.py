"""Samples are kept by what determines them: another metric of the same weights samples nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from small_trials import tiny

from dit_core import evaluation, kept_samples
from dit_core.config import TrialConfig
from dit_core.data import load_dataset
from dit_core.data.paths import cache_folder
from dit_core.evaluation import evaluate
from dit_core.events import Evaluated
from dit_core.model.dit import DiT


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The streams that are sampled from, once a chunk."""
    monkeypatch.setenv("DIT_ABLATE_CACHE", str(tmp_path))
    found: list[str] = []
    generate = evaluation.generate

    def counted(config: Any, model: Any, dataset: Any, labels: Any, stream: str, positions: Any) -> torch.Tensor:
        found.append(stream)
        return generate(config, model, dataset, labels, stream, positions)

    monkeypatch.setattr(evaluation, "generate", counted)
    return found


def scored(config: TrialConfig, weights: int = 0, keep: bool = True) -> Evaluated:
    torch.manual_seed(weights)
    model = DiT(config.model)
    torch.nn.init.normal_(model.decoder.linear.weight)
    return evaluate(config, model, load_dataset(config.data), images=32, keep=keep)


def same(left: Evaluated, right: Evaluated) -> bool:
    times = {"sample_seconds": 0.0, "score_seconds": 0.0}
    return replace(left, **times) == replace(right, **times)


def test_what_is_kept_scores_as_what_is_sampled(calls: list[str]) -> None:
    first = scored(tiny())
    assert calls == ["eval", "eval", "grid"] and first.sample_seconds > 0
    again = scored(tiny())
    assert len(calls) == 3, "nothing is sampled again"
    assert same(again, first) and again.sample_seconds == 0
    assert same(scored(tiny(), keep=False), first) and len(calls) == 6, "nothing is kept that nobody asked for"


@pytest.mark.parametrize(
    "other",
    [
        {"weights": 1},
        {"seed": 1},
        {"evaluation": {"sampling_steps": 5}},
        {"evaluation": {"seed": 1}},
        {"evaluation": {"batch_size": 64}},
        {"diffusion": {"beta_end": 0.01}},
        {"training": {"precision": "bfloat16"}},
    ],
    ids=str,
)
def test_other_samples_are_sampled(calls: list[str], other: dict[str, Any]) -> None:
    scored(tiny())
    calls.clear()
    weights = other.pop("weights", 0)
    scored(tiny(**other), weights)
    assert calls
    calls.clear()
    scored(tiny())
    assert not calls, "the first are still there"


def test_more_samples_need_only_those_that_are_new(calls: list[str]) -> None:
    scored(tiny())
    calls.clear()
    more = tiny(evaluation={"num_samples": 96, "allow_few_samples": True})
    kept = scored(more)
    assert calls == ["eval"]
    assert same(scored(more, keep=False), kept)


def test_a_damaged_file_is_sampled_again(calls: list[str]) -> None:
    first = scored(tiny())
    (torn,) = cache_folder().glob("samples/*/000000032-32")
    torn.write_bytes(torn.read_bytes()[:-1])
    calls.clear()
    assert same(scored(tiny()), first)
    assert calls == ["eval"]


def test_the_oldest_go_when_there_is_no_more_room(calls: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    scored(tiny())
    (first,) = cache_folder().glob("samples/*")
    size = sum(path.stat().st_size for path in first.iterdir())
    monkeypatch.setattr(kept_samples, "MOST_BYTES", 2 * size)
    for weights in (1, 2):
        scored(tiny(), weights)
    left = list(cache_folder().glob("samples/*"))
    assert len(left) == 2 and first not in left
