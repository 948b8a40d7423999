"""Starting from given weights: they reach the network and its averages, name the trial, and are refused when wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from random_weights import random_dit
from safetensors.torch import save_file
from small_trials import tiny

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from dit_core.events import Checkpointed
from dit_core.identity import train_id
from dit_core.interop.initial import check
from dit_core.parts import LAYOUTS
from dit_core.training.loop import run
from dit_core.training.state import TrainState

CPU = torch.device("cpu")


def starting_from(path: Path | str, **sections: dict[str, Any]) -> TrialConfig:
    training = {**sections.pop("training", {}), "initial_weights": str(path)}
    return tiny(training=training, **sections)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "official.safetensors"
    model = random_dit(tiny().model)
    save_file({name: t.clone() for name, t in LAYOUTS.get("official").from_ours(model.state_dict()).items()}, path)
    return path


def test_network_and_averages_start_from_them(weights: Path) -> None:
    config = starting_from(weights, training={"ema_decays": [0.99, 0.5]})
    state = TrainState.fresh(config, CPU)
    expected = random_dit(config.model).state_dict()
    assert state.model.training
    for name, tensor in expected.items():
        assert torch.equal(state.model.state_dict()[name], tensor), name
    kept = {name: tensor for name, tensor in state.tensors().items() if name.startswith("ema.")}
    assert len(kept) == 2 * len(expected)
    for name, tensor in kept.items():
        assert torch.equal(tensor, next(t for own, t in expected.items() if name.endswith(own))), name
    assert all(parameter.requires_grad for _, parameter in state._trainable())


def test_training_goes_on_from_them(weights: Path, tmp_path: Path) -> None:
    losses = {}
    for name, config in (("random", tiny()), ("given", starting_from(weights))):
        events = list(run(config, tmp_path / name, until=64, evaluate=False))
        assert any(isinstance(event, Checkpointed) for event in events)
        losses[name] = [point.loss for event in events for point in getattr(event, "points", ())]
    assert losses["given"] != losses["random"]
    # a network that says nothing scores 1.0; one with random weights everywhere does not
    assert losses["random"][0] == pytest.approx(1.0, abs=0.15)
    assert losses["given"][0] > 1.2


def test_the_content_is_part_of_the_identity_and_the_path_is_not(weights: Path, tmp_path: Path) -> None:
    given = train_id(starting_from(weights), "data")
    assert given != train_id(tiny(), "data")
    assert train_id(starting_from(weights), "data", "what stands for it") != given
    assert train_id(tiny(), "data", "nothing to stand for") == train_id(tiny(), "data")
    copy = tmp_path / "copy.safetensors"
    copy.write_bytes(weights.read_bytes())
    assert train_id(starting_from(copy), "data") == given
    other = LAYOUTS.get("official").from_ours(random_dit(tiny().model, seed=1).state_dict())
    save_file({name: tensor.clone() for name, tensor in other.items()}, copy)
    assert train_id(starting_from(copy), "data") != given


def refused(path: Path | str, **model: Any) -> str:
    with pytest.raises(UserError) as caught:
        check(str(path), tiny(model=model).model)
    assert str(caught.value).startswith("training.initial_weights: ") and "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"in_channels": 4}, ("model.in_channels=1; the configuration has model.in_channels=4",)),
        ({"num_classes": 3}, ("model.num_classes=10; the configuration has model.num_classes=3",)),
        ({"learn_sigma": False}, ("model.learn_sigma=True",)),
        ({"depth": 2, "mlp_ratio": 2}, ("model.depth=1, model.mlp_ratio=4.0", "model.depth=2, model.mlp_ratio=2.0")),
        ({"hidden_size": 32}, ("model.hidden_size=16", "set the former, or give other weights")),
        ({"input_size": 16}, ("model.input_size=8",)),
        ({"patch_size": 2}, ("model.patch_size=4",)),
        ({"block": "adaln"}, ("official layout", "model.block=adaln-zero only", "model.block=adaln")),
        ({"decoder": "conv"}, ("model.decoder=linear only", "model.decoder=conv")),
        ({"norm": "rmsnorm"}, ("model.norm=layernorm only",)),
    ],
)
def test_another_network_is_named_by_the_fields_that_would_fit(
    changes: dict[str, Any], says: tuple[str, ...], weights: Path
) -> None:
    text = refused(weights, **changes)
    for phrase in says:
        assert phrase in text, text


def test_keys_expected_and_found_are_named(weights: Path, tmp_path: Path) -> None:
    tensors = LAYOUTS.get("official").from_ours(random_dit(tiny().model).state_dict())
    tensors = {name: tensor.clone() for name, tensor in tensors.items()}
    tensors["blocks.0.attn.out.weight"] = tensors.pop("blocks.0.attn.proj.weight")
    tensors["t_embedder.mlp.0.weight"] = torch.zeros(16, 128)
    save_file(tensors, tmp_path / "odd.safetensors")
    text = refused(tmp_path / "odd.safetensors")
    assert "expected and absent: blocks.0.attn.proj.weight" in text
    assert "found and not expected: blocks.0.attn.out.weight" in text
    assert "t_embedder.mlp.0.weight (expected (16, 256), found (16, 128))" in text


def test_what_are_no_weights_is_refused(tmp_path: Path) -> None:
    assert "there is nothing at" in refused(tmp_path / "absent.pt")
    (tmp_path / "torn.safetensors").write_bytes(b"\x00" * 40)
    assert "cannot be read" in refused(tmp_path / "torn.safetensors")
    (tmp_path / "torn.pt").write_bytes(b"PK\x03\x04 not really")
    assert "cannot be read as weights" in refused(tmp_path / "torn.pt")
    (tmp_path / "notes.txt").write_text("weights")
    assert "not a file of weights; allowed: .safetensors, .pt" in refused(tmp_path / "notes.txt")
    torch.save({"step": 3}, tmp_path / "numbers.pt")
    assert "holds no named tensors" in refused(tmp_path / "numbers.pt")
    save_file({"layer.weight": torch.zeros(2)}, tmp_path / "other.safetensors")
    assert "no known layout; known: official, diffusers; its first tensors are layer.weight" in refused(
        tmp_path / "other.safetensors"
    )
    (tmp_path / "empty").mkdir()
    assert "holds no file of weights" in refused(tmp_path / "empty")


class _Evil:
    """Would run code when unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("unpickled",)


def test_code_in_a_file_is_never_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"ema": {"x": _Evil()}}, tmp_path / "evil.pt")
    assert "cannot be read as weights" in refused(tmp_path / "evil.pt")
    assert capsys.readouterr().out == ""


def test_a_checkpoint_of_a_store_is_recognised(tmp_path: Path) -> None:
    list(run(tiny(), tmp_path, until=32, evaluate=False))
    (checkpoint,) = (tmp_path / "checkpoints").glob("*.safetensors")
    assert "dit-ablate export" in refused(checkpoint)


def test_a_diffusers_config_of_another_network_is_refused(tmp_path: Path) -> None:
    from diffusers import DiTTransformer2DModel

    from dit_core.interop.diffusers import Diffusers, transformer_config

    model = random_dit(tiny().model)
    arguments = {**transformer_config(model.config), "num_embeds_ada_norm": 10}
    transformer = DiTTransformer2DModel(**arguments)
    transformer.load_state_dict(Diffusers().from_ours(model.state_dict()))
    transformer.save_pretrained(tmp_path)
    assert "model.num_heads=2; the configuration has model.num_heads=4" in refused(tmp_path, num_heads=4)
    assert "model.input_size=8; the configuration has model.input_size=16" in refused(tmp_path, input_size=16)
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "activation_fn": "geglu"}))
    assert "activation_fn is 'geglu'" in refused(tmp_path)
    assert "mlp_ratio=4.0 only" in refused(tmp_path, mlp_ratio=2)
