"""What changes an identity, and what must not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dit_core import identity
from dit_core.config import TrialConfig

BASE = TrialConfig()


def changed(section: str, **values: Any) -> TrialConfig:
    return BASE.model_copy(update={section: getattr(BASE, section).model_copy(update=values)})


def test_config_round_trips_through_json() -> None:
    config = changed("training", learning_rate=3e-4).with_seed(7)
    assert TrialConfig.model_validate(json.loads(config.model_dump_json())) == config
    assert hash(config) == hash(TrialConfig.model_validate_json(config.model_dump_json()))


def test_the_config_is_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        BASE.seed = 3


@pytest.mark.parametrize(
    "other",
    [
        BASE.with_seed(1),
        changed("model", patch_size=4),
        changed("model", decoder="conv"),
        changed("diffusion", beta_end=0.03),
        changed("data", split_seed=1),
        changed("training", learning_rate=2e-4),
        changed("training", precision="bfloat16"),
    ],
)
def test_what_determines_the_weights_changes_the_train_id(other: TrialConfig) -> None:
    assert identity.train_id(other, "data") != identity.train_id(BASE, "data")


@pytest.mark.parametrize(
    "other",
    [
        changed("evaluation", num_samples=10),
        changed("evaluation", guidance_scale=4.0),
        changed("evaluation", metrics=("fid",)),
        changed("data", path="/elsewhere"),
        changed("training", log_every_steps=3),
    ],
)
def test_what_does_not_leaves_it(other: TrialConfig) -> None:
    assert identity.train_id(other, "data") == identity.train_id(BASE, "data")


def test_data_and_numerics_version_are_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    before = identity.train_id(BASE, "data")
    assert identity.train_id(BASE, "other data") != before
    monkeypatch.setattr(identity, "NUMERICS_VERSION", identity.NUMERICS_VERSION + 1)
    assert identity.train_id(BASE, "data") != before


def test_eval_id_follows_the_sampler_and_the_metric_but_not_the_grid() -> None:
    def one(config: TrialConfig, images: int = 100, metric: str = "fid") -> str:
        return identity.eval_id("train", images, config, metric)

    assert one(BASE) == one(changed("evaluation", grid_images=3))
    assert one(BASE) == one(changed("evaluation", metrics=("fid",)))
    assert one(BASE) == one(changed("evaluation", batch_size=3))
    different = [
        one(BASE),
        one(BASE, images=200),
        one(BASE, metric="fd_digits_cnn"),
        one(changed("evaluation", num_samples=10)),
        one(changed("evaluation", sampling_steps=25)),
        one(changed("evaluation", guidance_scale=1.5)),
    ]
    assert len(set(different)) == len(different)
