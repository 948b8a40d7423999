"""Evaluation: a function of weights, settings and seed."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from small_trials import only, tiny

from dit_core.config import TrialConfig
from dit_core.data import load_dataset
from dit_core.errors import UserError, parse
from dit_core.evaluation import check, evaluate, generate, render, sample_grid
from dit_core.events import Evaluated, Started
from dit_core.model.dit import DiT
from dit_core.training.checkpoint import Checkpoints
from dit_core.training.loop import run
from dit_core.training.state import TrainState

CPU = torch.device("cpu")


def network(config: TrialConfig, scale: float = 0.1) -> DiT:
    model = TrainState.fresh(config, CPU).model
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:  # zero-initialised layers would ignore the label
                parameter.add_(torch.randn(parameter.shape, generator=generator) * scale)
    return model


def test_repeats_exactly_and_leaves_no_trace() -> None:
    config = tiny()
    model, dataset = network(config), load_dataset(config.data)
    model.train()
    first = evaluate(config, model, dataset, images=320)
    assert model.training
    assert all(parameter.grad is None for parameter in model.parameters())
    torch.randn(5)
    model.eval()
    second = evaluate(config, model, dataset, images=320)
    assert not model.training
    assert (first.metrics, first.grid, first.images) == (second.metrics, second.grid, 320)
    assert first.sample_seconds > 0
    assert first.score_seconds > 0


def test_seed_weights_guidance_and_steps_change_the_result() -> None:
    config = tiny()
    dataset = load_dataset(config.data)

    def score(config: TrialConfig, scale: float = 0.1) -> float:
        return evaluate(config, network(config, scale), dataset, images=0).metrics[0].value

    base = score(config)
    assert score(tiny(seed=1)) != base
    assert score(config, scale=0.2) != base
    assert score(tiny(evaluation={"guidance_scale": 3.0})) != base
    assert score(tiny(evaluation={"sampling_steps": 8})) != base
    drawn = [score(tiny(evaluation={"seed": number})) for number in (0, 1, 2)]
    assert drawn[0] == base and len(set(drawn)) == 3
    assert score(tiny(evaluation={"grid_images": 5})) == base


def test_every_sample_is_scored_once() -> None:
    config = tiny(evaluation={"num_samples": 77, "batch_size": 16})
    result = evaluate(config, network(config), load_dataset(config.data), images=0).metrics[0]
    assert result.name == "fd_digits_cnn"
    assert result.details["samples"] == 77


def test_the_averaged_weights_are_the_ones_evaluated(tmp_path: Path) -> None:
    decays = (0.5, 0.9)
    training = {"learning_rate": 1e-2, "ema_decays": decays, "ema_warmup": False, "ema_lengths": (0.1, 0.25)}
    (found,) = only(Evaluated, run(tiny(training=training), tmp_path, until=320))
    state, dataset = TrainState.fresh(tiny(training=training), CPU), load_dataset(tiny().data)
    Checkpoints(tmp_path / "checkpoints").restore(state, 320)
    values = set()
    cases = [({"ema_decay": None}, state.ema.models[0.5]), ({"ema_decay": 0.5}, state.ema.models[0.5]),
             ({"ema_decay": 0.9}, state.ema.models[0.9]), ({"ema_decay": 0.0}, state.model),
             *(({"ema_length": length}, model) for length, model in state.ema.by_length.items())]  # fmt: skip
    for asked, model in cases:
        config = tiny(training=training, evaluation=asked)
        # nothing is trained again: the checkpoint holds every average
        started, evaluated = run(config, tmp_path, until=320)
        assert started == Started(320)
        assert evaluated.metrics == evaluate(config, model, dataset, images=320).metrics
        assert (evaluated.metrics == found.metrics) == (asked.get("ema_decay", 0) in (None, 0.5))
        values.add(evaluated.metrics[0].value)
    assert len(values) == 5


@pytest.mark.parametrize(
    ("training", "evaluation", "message"),
    [
        ({"ema_decays": ()}, {}, "training.ema_decays: empty; give at least one, e.g. 0.9999 (0 is the raw weights)"),
        ({"ema_decays": (0.9, 1.0)}, {}, "training.ema_decays: 1 given; allowed: at least 0 and less than 1"),
        ({"ema_decays": (-0.1,)}, {}, "training.ema_decays: -0.1 given; allowed: at least 0 and less than 1"),
        ({"ema_decays": (0.9, 0.99, 0.9)}, {}, "training.ema_decays: 0.9, 0.99, 0.9 names a decay twice"),
        (
            {"ema_decays": (0.9999, 0.5)},
            {"ema_decay": 0.99},
            "evaluation.ema_decay: 0.99 is not among the averages that training keeps; allowed: 0.9999, 0.5 "
            "(training.ema_decays), 0 for the raw weights",
        ),
        ({"ema_lengths": (0.1,)}, {"ema_length": 0.2}, "evaluation.ema_length: 0.2 is not among the lengths that "
         "training keeps; allowed: 0.1 (training.ema_lengths)"),
        ({"ema_lengths": (0.1, 0.1)}, {}, "training.ema_lengths: 0.1, 0.1 names a length twice"),
        ({"optimizer": "moun"}, {}, "training.optimizer: unknown value 'moun'; allowed: adamw, muon; "
         "did you mean 'muon'?"),
    ],
)  # fmt: skip
def test_averages_and_optimizers_that_cannot_be_are_refused(
    training: dict[str, object], evaluation: dict[str, object], message: str
) -> None:
    with pytest.raises(UserError) as error:
        parse(TrialConfig, {"training": training, "evaluation": evaluation})
    assert str(error.value) == message


def test_the_grid_shows_labels_in_order_with_noise_of_the_seed_only() -> None:
    config = tiny(evaluation={"grid_images": 25})
    model, dataset = network(config), load_dataset(config.data)
    image = Image.open(io.BytesIO(sample_grid(config, model, dataset)))
    assert image.mode == "L"
    assert image.size == (10 * 50 - 2, 3 * 50 - 2)  # 10 columns and 3 rows of 48 pixels, 2 between

    labels = torch.arange(25) % 10
    expected = generate(config, model, dataset, labels, "grid", torch.arange(25))
    shown = np.asarray(image)
    for index in (0, 9, 13, 24):
        top, left = index // 10 * 50, index % 10 * 50
        assert np.array_equal(shown[top : top + 48 : 6, left : left + 48 : 6], expected[index, 0].numpy())
    # another sample count is the same grid; the noise is the same for every arm, so equal weights give equal pictures
    other = tiny(evaluation={"grid_images": 25, "num_samples": 10}, training={"learning_rate": 1.0})
    assert sample_grid(other, model, dataset) == sample_grid(config, model, dataset)


def test_labels_matter() -> None:
    config = tiny()
    model, dataset = network(config), load_dataset(config.data)
    zeros = generate(config, model, dataset, torch.zeros(4, dtype=torch.int64), "eval", torch.arange(4))
    ones = generate(config, model, dataset, torch.ones(4, dtype=torch.int64), "eval", torch.arange(4))
    assert not torch.equal(zeros, ones)
    assert zeros.dtype == torch.uint8
    assert zeros.shape == (4, 1, 8, 8)


def test_colour_images_render_as_rgb_and_large_ones_are_not_enlarged() -> None:
    images = torch.randint(0, 256, (3, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    picture = Image.open(io.BytesIO(render(images, columns=2)))
    assert picture.mode == "RGB"
    assert picture.size == (130, 130)
    assert np.array_equal(np.asarray(picture)[66:, :64], images[2].permute(1, 2, 0).numpy())


def test_what_cannot_be_scored_is_said_before_training(tmp_path: Path) -> None:
    config = tiny(evaluation={"metrics": ("fd_digits_cnn", "fid")})  # fid needs more than 64 samples
    check(tiny(), load_dataset(config.data))
    with pytest.raises(UserError, match=r"evaluation\.num_samples: 64 given, but fid"):
        check(config, load_dataset(config.data))
    with pytest.raises(UserError, match=r"evaluation\.num_samples: 64 given, but fid"):
        next(iter(run(config, tmp_path / "trial", until=320)))
    assert not (tmp_path / "trial").exists()
    assert isinstance(next(iter(run(config, tmp_path / "trial", until=320, evaluate=False))), Started)
