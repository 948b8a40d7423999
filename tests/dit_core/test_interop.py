"""Names, cuts and files of the official and the diffusers layout, there and back."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest
import torch
from diffusers import DiTTransformer2DModel
from random_weights import batch, random_dit, small
from safetensors.torch import save_file

from dit_core.errors import UserError
from dit_core.interop.diffusers import Diffusers, fill_null_classes, match_timesteps, transformer_config
from dit_core.interop.files import RECORD, find, sha256
from dit_core.interop.initial import check, load
from dit_core.interop.layout import PAPERS_NETWORK, inference_state
from dit_core.model.config import ModelConfig
from dit_core.model.dit import DiT
from dit_core.parts import LAYOUTS

CONFIG = small()
OFFICIAL_NAMES = {  # of a DiT with one block, as the released file has them
    "pos_embed", "x_embedder.proj.weight", "x_embedder.proj.bias", "t_embedder.mlp.0.weight", "t_embedder.mlp.0.bias",
    "t_embedder.mlp.2.weight", "t_embedder.mlp.2.bias", "y_embedder.embedding_table.weight",
    "blocks.0.attn.qkv.weight", "blocks.0.attn.qkv.bias", "blocks.0.attn.proj.weight", "blocks.0.attn.proj.bias",
    "blocks.0.mlp.fc1.weight", "blocks.0.mlp.fc1.bias", "blocks.0.mlp.fc2.weight", "blocks.0.mlp.fc2.bias",
    "blocks.0.adaLN_modulation.1.weight", "blocks.0.adaLN_modulation.1.bias", "final_layer.linear.weight",
    "final_layer.linear.bias", "final_layer.adaLN_modulation.1.weight", "final_layer.adaLN_modulation.1.bias",
}  # fmt: skip


@pytest.fixture(scope="module")
def model() -> DiT:
    return random_dit(CONFIG)


def official(model: DiT) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in LAYOUTS.get("official").from_ours(model.state_dict()).items()}


def assert_loads(source: Path, model: DiT) -> None:
    """The weights at ``source`` are those of ``model``."""
    other = random_dit(model.config, seed=9)
    assert not torch.equal(other.decoder.state_dict()["linear.weight"], model.decoder.state_dict()["linear.weight"])
    load(other, str(source))
    for name, tensor in model.state_dict().items():
        assert torch.equal(other.state_dict()[name], tensor), name


def transformer_of(model: DiT, *, filled: bool = False) -> DiTTransformer2DModel:
    tensors = Diffusers().from_ours(model.state_dict())
    arguments = transformer_config(model.config)
    if filled:
        tensors = fill_null_classes(tensors, model.config.num_classes)
    else:
        arguments["num_embeds_ada_norm"] = model.config.num_classes
    transformer = DiTTransformer2DModel(**arguments).eval()
    transformer.load_state_dict(tensors, strict=True)
    return transformer


def test_every_field_of_the_network_is_accounted_for() -> None:
    """A new field is the paper's network at one value only, a size that shapes tell, or of no weight that is held."""
    sizes = {"in_channels", "patch_size", "hidden_size", "depth", "mlp_ratio", "num_classes", "learn_sigma"}
    untold = {"num_heads", "input_size"}
    of_training = {"gate_init", "mask_token", "alignment_layer", "alignment_width"}
    assert set(ModelConfig.model_fields) == set(PAPERS_NETWORK) | sizes | untold | of_training
    for name, value in PAPERS_NETWORK.items():
        assert ModelConfig.model_fields[name].default == value


@pytest.mark.parametrize("layout", LAYOUTS.names())
def test_a_mask_token_stays_here(layout: str, model: DiT, tmp_path: Path) -> None:
    masked = random_dit(small(mask_token=True), seed=2)
    token = masked.state_dict()["mask_token"].clone()
    there = LAYOUTS.get(layout).from_ours(inference_state(masked))
    assert set(there) == set(LAYOUTS.get(layout).from_ours(model.state_dict()))
    save_file(
        {name: t.clone() for name, t in LAYOUTS.get(layout).from_ours(model.state_dict()).items()},
        tmp_path / "w.safetensors",
    )
    load(masked, str(tmp_path / "w.safetensors"))
    assert token.abs().max() > 0 and torch.equal(masked.state_dict()["mask_token"], token)
    assert torch.equal(masked.state_dict()["decoder.linear.weight"], model.state_dict()["decoder.linear.weight"])


def test_official_names_are_those_of_the_released_file() -> None:
    assert set(official(random_dit(small(depth=1)))) == OFFICIAL_NAMES


@pytest.mark.parametrize("layout", LAYOUTS.names())
def test_there_and_back_changes_nothing(layout: str, model: DiT) -> None:
    chosen = LAYOUTS.get(layout)
    there = chosen.from_ours(model.state_dict())
    assert chosen.recognises(there)
    assert [name for name in LAYOUTS if LAYOUTS.get(name).recognises(there)] == [layout]
    back = chosen.to_ours(there)
    assert set(back) >= set(model.state_dict()) - {"pos_embed"}
    for name, tensor in back.items():
        assert torch.equal(tensor, model.state_dict()[name]), name


@pytest.mark.parametrize("layout", LAYOUTS.names())
def test_the_shapes_tell_the_sizes(layout: str) -> None:
    config = small(depth=2, patch_size=4, in_channels=3, learn_sigma=False, num_classes=11)
    shapes = {name: tuple(t.shape) for name, t in LAYOUTS.get(layout).from_ours(DiT(config).state_dict()).items()}
    found = LAYOUTS.get(layout).model_fields(shapes)
    assert set(found) >= {
        "depth",
        "hidden_size",
        "patch_size",
        "in_channels",
        "learn_sigma",
        "num_classes",
        "mlp_ratio",
    }
    for name, value in found.items():
        assert getattr(config, name) == value, name


@pytest.mark.parametrize("name", ["released.pt", "weights.safetensors", "training.pt", "old.pt"])
def test_official_files_load(name: str, model: DiT, tmp_path: Path) -> None:
    path, tensors = tmp_path / name, official(model)
    if name == "weights.safetensors":
        save_file(tensors, path)
    elif name == "training.pt":  # as the paper's train.py writes them
        other = official(random_dit(CONFIG, seed=5))
        optimiser = {"state": {0: {"step": torch.tensor(3.0)}}, "param_groups": [{"lr": 1e-4, "params": [0]}]}
        torch.save({"model": other, "ema": tensors, "opt": optimiser, "args": argparse.Namespace(image_size=256)}, path)
    else:
        torch.save(tensors, path, _use_new_zipfile_serialization=name != "old.pt")
    assert check(str(path), CONFIG).name == "official"
    assert_loads(path, model)


def test_positions_may_be_absent_but_not_other_ones(model: DiT, tmp_path: Path) -> None:
    tensors = official(model)
    positions = tensors.pop("pos_embed")
    torch.save(tensors, tmp_path / "without.pt")
    assert_loads(tmp_path / "without.pt", model)
    torch.save({**tensors, "pos_embed": positions.flip(1)}, tmp_path / "other.pt")
    with pytest.raises(UserError, match="other positions than the fixed 2-D sin-cos table"):
        load(random_dit(CONFIG), str(tmp_path / "other.pt"))


@pytest.mark.parametrize("filled", [False, True])
def test_a_diffusers_folder_loads(filled: bool, model: DiT, tmp_path: Path) -> None:
    folder = tmp_path / "pipeline" / "transformer"
    transformer_of(model, filled=filled).save_pretrained(folder)
    if filled:
        with pytest.raises(UserError, match=r"model\.num_classes=1000; the configuration has model\.num_classes=7"):
            check(str(folder), CONFIG)
        (folder / RECORD).write_text(json.dumps({"num_classes": 7}))
    for source in (folder, folder.parent):
        assert check(str(source), CONFIG).name == "diffusers"
        assert_loads(source, model)


def test_a_sharded_diffusers_folder_loads(model: DiT, tmp_path: Path) -> None:
    transformer_of(model).save_pretrained(tmp_path, max_shard_size="200KB")
    assert len(find(str(tmp_path)).parts) > 1
    assert_loads(tmp_path, model)
    next(tmp_path.glob("*-00001-of-*.safetensors")).unlink()
    with pytest.raises(UserError, match="names files that are not there"):
        check(str(tmp_path), CONFIG)


def test_a_pickled_diffusers_folder_loads(model: DiT, tmp_path: Path) -> None:
    transformer_of(model).save_pretrained(tmp_path, safe_serialization=False)
    assert find(str(tmp_path)).parts[0].suffix == ".bin"
    assert_loads(tmp_path, model)


def test_what_diffusers_computes_is_what_we_load(tmp_path: Path) -> None:
    arguments = {**transformer_config(CONFIG), "num_embeds_ada_norm": 7}
    torch.manual_seed(3)
    reference = DiTTransformer2DModel(**arguments).eval()
    emb = reference.transformer_blocks[0].norm1.emb.state_dict()
    for block in reference.transformer_blocks:  # diffusers draws them apart; a converted network has one
        block.norm1.emb.load_state_dict(emb)
    reference.save_pretrained(tmp_path)
    mine = random_dit(CONFIG, seed=4)
    load(mine, str(tmp_path))
    match_timesteps(reference)
    x, t, y = batch(CONFIG)
    with torch.no_grad():
        expected = reference(x, timestep=t, class_labels=y).sample
        torch.testing.assert_close(mine(x, t, y), expected, atol=1e-5, rtol=0)
    assert expected.std() > 0.1


def test_blocks_with_embedders_of_their_own_are_refused(model: DiT, tmp_path: Path) -> None:
    transformer = transformer_of(model)
    with torch.no_grad():
        transformer.transformer_blocks[2].norm1.emb.timestep_embedder.linear_1.weight[0, 0] += 0.5
    transformer.save_pretrained(tmp_path)
    with pytest.raises(UserError, match=r"transformer_blocks\.2\.norm1\.emb\.timestep_embedder.* by up to 0\.5"):
        load(random_dit(CONFIG), str(tmp_path))


def test_the_digest_is_of_the_content(model: DiT, tmp_path: Path) -> None:
    tensors = official(model)
    for name in ("a.safetensors", "b.safetensors"):
        save_file(tensors, tmp_path / name)
    first = sha256(str(tmp_path / "a.safetensors"))
    assert first == sha256(str(tmp_path / "b.safetensors")) and len(first) == 64
    tensors["final_layer.linear.bias"][0] += 1
    save_file(tensors, tmp_path / "a.safetensors")
    assert sha256(str(tmp_path / "a.safetensors")) != first
    transformer_of(model).save_pretrained(tmp_path / "folder")
    assert sha256(str(tmp_path / "folder")) not in (first, "")
