"""What every conditioning block must do, and what each is."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from dit_core.config import TrialConfig
from dit_core.errors import UserError, parse
from dit_core.model.blocks.base import Block, FinalNorm, ModulatedFinalNorm
from dit_core.model.common import NOTHING, Common
from dit_core.model.config import ModelConfig
from dit_core.model.dit import DiT
from dit_core.parts import BLOCKS, BlockEntry

torch.set_num_threads(1)
SMALL = {"input_size": 8, "in_channels": 1, "hidden_size": 24, "depth": 2, "num_heads": 3, "num_classes": 10}


def randomise(model: nn.Module, seed: int = 0) -> None:
    """Gives every trainable parameter a value, so that nothing is hidden by a zero."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.copy_(0.2 * torch.randn(parameter.shape, generator=generator))


def inputs(count: int = 2) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(count, 1, 8, 8, generator=generator), torch.full((count,), 300), torch.arange(count)


@pytest.mark.parametrize("name", BLOCKS.names())
def test_the_output_depends_on_image_timestep_and_label(name: str) -> None:
    model = DiT(ModelConfig(**SMALL, block=name)).eval()
    randomise(model)
    x, t, y = inputs()
    with torch.no_grad():
        out = model(x, t, y)
        for other in (model(x + 0.1, t, y), model(x, t + 100, y), model(x, t, y + 5), model(x, t, y * 0 + 10)):
            changed = (other - out).abs().flatten(1).amax(dim=1)
            assert (changed > 1e-3).all()


@pytest.mark.parametrize("name", BLOCKS.names())
def test_images_of_a_batch_do_not_see_each_other(name: str) -> None:
    model = DiT(ModelConfig(**SMALL, block=name)).eval()
    randomise(model)
    x, t, y = inputs(3)
    with torch.no_grad():
        together = model(x, t, y)
        alone = torch.cat([model(x[i : i + 1], t[i : i + 1], y[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", BLOCKS.names())
def test_a_block_keeps_the_shape_of_its_sequence(name: str) -> None:
    config = ModelConfig(**SMALL, block=name)
    block_type = BLOCKS.get(name)
    t, y = torch.randn(2, 24), torch.randn(2, 24)
    extra = block_type.extra_tokens(t, y)
    x = torch.randn(2, 16 + (0 if extra is None else extra.shape[1]), 24)
    shared = block_type.shared(config)
    common = Common(shared=None if shared is None else shared(t, y))
    assert block_type(config)(x, t, y, common).shape == x.shape


def test_in_context_appends_timestep_and_label_and_drops_them() -> None:
    model = DiT(ModelConfig(**SMALL, block="in-context")).eval()
    randomise(model)
    lengths: list[int] = []
    model.blocks[0].register_forward_hook(lambda _, args, out: lengths.extend((args[0].shape[1], out.shape[1])))
    model.decoder.register_forward_hook(lambda _, args, out: lengths.append(args[0].shape[1]))
    seen: dict[str, Tensor] = {}
    model.blocks[0].register_forward_hook(lambda _, args, out: seen.update(x=args[0], t=args[1], y=args[2]))
    with torch.no_grad():
        model(*inputs())
    assert lengths == [18, 18, 16]
    torch.testing.assert_close(seen["x"][:, 16], seen["t"])
    torch.testing.assert_close(seen["x"][:, 17], seen["y"])


@pytest.mark.parametrize("name", [name for name in BLOCKS if name != "in-context"])
def test_other_blocks_add_no_tokens(name: str) -> None:
    assert BLOCKS.get(name).extra_tokens(torch.zeros(1, 4), torch.zeros(1, 4)) is None


@pytest.mark.parametrize(
    ("name", "modulated"),
    [("in-context", False), ("cross-attention", False), ("adaln", True), ("adaln-zero", True), ("adaln-single", True)],
)
def test_the_final_norm_belongs_to_the_block_family(name: str, modulated: bool) -> None:
    model = DiT(ModelConfig(**SMALL, block=name))
    assert isinstance(model.final_norm, ModulatedFinalNorm) == modulated
    assert model.final_norm.norm.elementwise_affine == (not modulated)
    if modulated:
        assert not any(parameter.any() for parameter in model.final_norm.adaLN_modulation.parameters())


def test_adaln_zero_starts_as_the_identity_and_adaln_does_not() -> None:
    torch.manual_seed(0)
    x, t, y = torch.randn(2, 16, 24), torch.randn(2, 24), torch.randn(2, 24)
    for name in ("adaln", "adaln-zero"):
        block = DiT(ModelConfig(**SMALL, block=name)).blocks[0]
        assert torch.equal(block(x, t, y), x) == (name == "adaln-zero")


@pytest.mark.parametrize(("name", "vectors"), [("adaln", 4), ("adaln-zero", 6)])
def test_modulation_is_regressed_once_per_image(name: str, vectors: int) -> None:
    block = BLOCKS.get(name)(ModelConfig(**SMALL, block=name))
    regressed = block.adaLN_modulation(torch.randn(5, 24))
    assert len(regressed) == vectors
    assert {tuple(vector.shape) for vector in regressed} == {(5, 24)}


def test_adaln_zero_by_hand() -> None:
    """The block written out once more with einsum and an explicit softmax."""
    config = ModelConfig(**SMALL, block="adaln-zero")
    block = BLOCKS.get("adaln-zero")(config)
    randomise(block)
    torch.manual_seed(0)
    x, t, y = torch.randn(2, 16, 24), torch.randn(2, 24), torch.randn(2, 24)

    def norm(value: Tensor) -> Tensor:
        centred = value - value.mean(-1, keepdim=True)
        return centred / (centred.square().mean(-1, keepdim=True) + 1e-6).sqrt()

    c = t + y
    linear = block.adaLN_modulation.linear
    shift1, scale1, gate1, shift2, scale2, gate2 = (
        part[:, None] for part in ((c * torch.sigmoid(c)) @ linear.weight.T + linear.bias).split(24, dim=1)
    )
    h = norm(x) * (1 + scale1) + shift1
    qkv = (h @ block.attn.qkv.weight.T + block.attn.qkv.bias).reshape(2, 16, 3, 3, 8)
    q, k, v = qkv.unbind(2)
    weights = torch.softmax(torch.einsum("nthk,nshk->nhts", q, k) / 8**0.5, dim=-1)
    attended = torch.einsum("nhts,nshk->nthk", weights, v).reshape(2, 16, 24)
    z = x + gate1 * (attended @ block.attn.proj.weight.T + block.attn.proj.bias)
    h = norm(z) * (1 + scale2) + shift2
    hidden = h @ block.mlp.fc1.weight.T + block.mlp.fc1.bias
    hidden = 0.5 * hidden * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (hidden + 0.044715 * hidden**3)))
    expected = z + gate2 * (hidden @ block.mlp.fc2.weight.T + block.mlp.fc2.bias)
    with torch.no_grad():
        torch.testing.assert_close(block(x, t, y), expected, rtol=1e-4, atol=1e-5)


class Doubling(Block):
    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, x_NTD: Tensor, t_ND: Tensor, y_ND: Tensor, common: Common = NOTHING) -> Tensor:
        return 2 * self.scale * x_NTD


def test_a_new_block_is_one_class_and_one_registration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BLOCKS, "_items", dict(BLOCKS._items))
    BLOCKS.add("doubling", BlockEntry(f"{__name__}:Doubling", source="0" * 64))
    parse(TrialConfig, {"model": {"block": "doubling"}})
    model = DiT(ModelConfig(**SMALL, block="doubling"))
    assert isinstance(model.final_norm, FinalNorm)
    assert model(*inputs()).shape == (2, 2, 8, 8)


def test_an_unknown_block_names_the_nearest() -> None:
    with pytest.raises(UserError, match=r"model\.block: unknown value 'adaln-zer'.*did you mean 'adaln-zero'"):
        parse(TrialConfig, {"model": {"block": "adaln-zer"}})
