"""Against the paper's own code (facebookresearch/DiT), where ``DIT_OFFICIAL_CODE`` says where a copy of it lies."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from random_weights import Denoiser, batch, random_dit, small
from torch import Tensor, nn

from dit_core.diffusion.config import DiffusionConfig
from dit_core.diffusion.gaussian import Diffusion
from dit_core.diffusion.respacing import spaced_timesteps
from dit_core.diffusion.sampling import sample
from dit_core.interop.initial import load
from dit_core.model.config import ModelConfig
from dit_core.model.dit import DiT
from dit_core.parts import LAYOUTS

WHERE = "DIT_OFFICIAL_CODE"
NETWORK = {"atol": 1e-5, "rtol": 0.0}
SAMPLES = {"atol": 1e-4, "rtol": 0.0}
OFFICIAL = LAYOUTS.get("official")


def code(file: str, name: str, *needs: str) -> ModuleType:
    """Imports a file of the paper's code under a name of its own, or skips."""
    folder = os.environ.get(WHERE)
    if not folder:
        pytest.skip(f"set {WHERE} to a copy of facebookresearch/DiT to compare with the paper's code")
    path = Path(folder) / file
    assert path.is_file(), f"{WHERE}: there is no {path}"
    for package in needs:
        pytest.importorskip(package, reason=f"the paper's {file} needs {package}, which is not installed")
    if name not in sys.modules:
        inside = [str(path.parent)] if path.name == "__init__.py" else None
        spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=inside)
        assert spec is not None and spec.loader is not None
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[name]


@pytest.fixture
def models() -> ModuleType:
    return code("models.py", "official_models", "timm")


@pytest.fixture
def create_diffusion() -> Callable[..., Any]:
    function: Callable[..., Any] = code("diffusion/__init__.py", "official_diffusion").create_diffusion
    return function


def theirs(models: ModuleType, model: DiT) -> Any:
    """The same network in the paper's code."""
    names = ("input_size", "patch_size", "in_channels", "hidden_size", "depth", "num_heads", "mlp_ratio", "num_classes")
    network = models.DiT(**{name: getattr(model.config, name) for name in names}, learn_sigma=model.config.learn_sigma)
    network.load_state_dict(OFFICIAL.from_ours(model.state_dict()), strict=True)
    return network.eval()


def hooked(modules: list[nn.Module]) -> list[Tensor]:
    """Returns a list that fills with what the modules return."""
    found: list[Tensor] = []
    for module in modules:
        module.register_forward_hook(lambda _, __, output: found.append(output))
    return found


@pytest.mark.parametrize(
    "config", [small(), small(in_channels=1, learn_sigma=False, patch_size=4), small(num_classes=1000, mlp_ratio=3)]
)
@torch.no_grad()
def test_the_network_is_the_same_part_by_part(config: ModelConfig, models: ModuleType) -> None:
    model = random_dit(config)
    reference = theirs(models, model)
    x, t, y = batch(config)
    mine = hooked([model.x_embedder, model.t_embedder, model.y_embedder, *model.blocks])
    other = hooked([reference.x_embedder, reference.t_embedder, reference.y_embedder, *reference.blocks])
    found, expected = model(x, t, y), reference(x, t, y)
    assert len(mine) == len(other) == 3 + config.depth and expected.std() > 0.3
    for one, two in zip([*mine, found], [*other, expected], strict=True):
        torch.testing.assert_close(one, two, **NETWORK)


def test_the_positions_are_the_same(models: ModuleType) -> None:
    for config in (small(), ModelConfig(depth=1)):
        fresh = models.DiT(config.input_size, config.patch_size, hidden_size=config.hidden_size, depth=1, num_heads=4)
        torch.testing.assert_close(DiT(config).pos_embed, fresh.pos_embed, atol=1e-6, rtol=0)


def test_initial_weights_have_the_same_moments(models: ModuleType) -> None:
    config = small(hidden_size=192, num_classes=1000, depth=2)
    torch.manual_seed(0)
    names = ("input_size", "patch_size", "in_channels", "hidden_size", "depth", "num_heads", "num_classes")
    expected = models.DiT(**{name: getattr(config, name) for name in names}).state_dict()
    found = OFFICIAL.from_ours(DiT(config).state_dict())
    assert {name: tensor.shape for name, tensor in found.items()} == {n: t.shape for n, t in expected.items()}
    for name, tensor in expected.items():
        if tensor.std() == 0:
            assert torch.equal(found[name], tensor), name
        else:
            assert found[name].std().item() == pytest.approx(tensor.std().item(), rel=0.05), name
            assert found[name].abs().max().item() == pytest.approx(tensor.abs().max().item(), rel=0.3), name


@torch.no_grad()
def test_guidance_is_the_same(models: ModuleType) -> None:
    from dit_core.diffusion.guidance import guided_channels
    from dit_core.diffusion.sampling import guided

    model = random_dit(small())
    x, t, y = batch(model.config)
    expected = theirs(models, model).forward_with_cfg(
        torch.cat([x, x]), torch.cat([t, t]), torch.cat([y, torch.full_like(y, 7)]), 4.0
    )
    found = guided(model, 4.0, 7, guided_channels(4))(x, t, y)
    torch.testing.assert_close(found, expected[: len(x)], atol=4e-5, rtol=0)  # guidance magnifies the differences


def test_weights_go_both_ways_through_their_files(models: ModuleType, tmp_path: Path) -> None:
    model = random_dit(small())
    reference = models.DiT(8, 2, 4, 48, 3, 4, num_classes=7)
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in reference.parameters():
            if parameter.requires_grad:
                parameter.normal_(std=0.1)
    torch.save({"model": {}, "ema": reference.state_dict(), "opt": {}, "args": None}, tmp_path / "0050000.pt")
    load(model, str(tmp_path / "0050000.pt"))
    x, t, y = batch(model.config)
    with torch.no_grad():
        torch.testing.assert_close(model(x, t, y), reference.eval()(x, t, y), **NETWORK)


@pytest.mark.parametrize("learn_sigma", [True, False])
def test_the_loss_is_the_same(learn_sigma: bool, create_diffusion: Callable[..., Any]) -> None:
    config = small(learn_sigma=learn_sigma)
    model, diffusion = random_dit(config, decoder_gain=0.7), Diffusion(DiffusionConfig())
    official = create_diffusion("", learn_sigma=learn_sigma)
    t = torch.tensor([0, 0, 0, 1, 2, 17, 250, 700, 998, 999])
    x0, _, y = batch(config, count=len(t))
    x0[1] = x0[1].clamp(-1, 1)
    noise = torch.randn(x0.shape, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        expected = official.training_losses(model, x0, t, {"y_N": y}, noise=noise)
        xt = diffusion.q_sample(x0, t, noise)
        mse, vb = diffusion.losses(model(xt, t, y), x0, xt, t, noise)
    torch.testing.assert_close(mse, expected["mse"], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(mse + vb, expected["loss"], atol=1e-5, rtol=1e-5)
    if learn_sigma:
        torch.testing.assert_close(vb, expected["vb"], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("steps", [1000, 250, 100, 50, 10])
def test_the_spacing_is_the_same(steps: int, create_diffusion: Callable[..., Any]) -> None:
    assert create_diffusion(str(steps)).timestep_map == spaced_timesteps(1000, steps)


@pytest.mark.parametrize(
    ("sampler", "steps", "learn_sigma"), [("ddpm", 250, True), ("ddpm", 250, False), ("ddim", 50, True)]
)
def test_samples_are_the_same(
    sampler: str, steps: int, learn_sigma: bool, create_diffusion: Callable[..., Any]
) -> None:
    config = small(learn_sigma=learn_sigma, depth=2, hidden_size=32)
    process, labels = Diffusion(DiffusionConfig()), torch.tensor([0, 3, 6])
    model = Denoiser(random_dit(config, decoder_gain=0.05), process.alphas_cumprod)
    start = torch.randn((3, 4, 8, 8), generator=torch.Generator().manual_seed(11))
    official = create_diffusion(str(steps), learn_sigma=learn_sigma)
    loop = official.p_sample_loop if sampler == "ddpm" else official.ddim_sample_loop
    torch.manual_seed(12)
    expected = loop(
        model, start.shape, start, clip_denoised=False, model_kwargs={"y_N": labels}, device=torch.device("cpu")
    )
    torch.manual_seed(12)
    found = sample(
        model,
        process,
        noise=start,
        labels=labels,
        steps=steps,
        guidance_scale=1.0,
        null_label=7,
        step_noise=lambda _: torch.randn(start.shape),
        sampler=sampler,
    )
    assert expected.isfinite().all() and 0.3 < expected.std() < 5
    torch.testing.assert_close(found, expected, **SAMPLES)
