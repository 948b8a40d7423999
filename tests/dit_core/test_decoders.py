"""What every decoder must do, and what each is."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from dit_core.config import TrialConfig
from dit_core.errors import UserError, parse
from dit_core.model.config import ModelConfig
from dit_core.model.decoders.base import Noised, unpatchify
from dit_core.model.dit import DiT
from dit_core.parts import DECODERS

torch.set_num_threads(1)
SMALL = {"input_size": 8, "in_channels": 1, "hidden_size": 24, "depth": 2, "num_heads": 3, "num_classes": 10}


def noised(count: int) -> Noised:
    """What the network was given, for a decoder that looks at it again."""
    return Noised(torch.randn(count, 1, 8, 8), torch.randn(count, 24))


@pytest.mark.parametrize("patch_size", [1, 2, 4, 8])
@pytest.mark.parametrize("name", DECODERS.names())
def test_every_decoder_takes_every_patch_size_and_starts_at_zero(name: str, patch_size: int) -> None:
    config = ModelConfig(**SMALL, decoder=name, patch_size=patch_size)
    decoder = DiT(config).decoder
    out = decoder(torch.randn(3, config.num_tokens, 24), noised(3))
    assert out.shape == (3, 2, 8, 8)
    assert not out.any()


@pytest.mark.parametrize("name", [name for name in DECODERS if name != "ddt"])
def test_only_the_last_layer_starts_at_zero_and_its_gradient_does_not(name: str) -> None:
    torch.manual_seed(0)
    decoder = DiT(ModelConfig(**SMALL, decoder=name)).decoder
    target = torch.randn(4, 2, 8, 8)
    F.mse_loss(decoder(torch.randn(4, 16, 24)), target).backward()
    last = list(decoder.children())[-1]
    for layer in decoder.children():
        assert bool(layer.weight.any()) == (layer is not last)
    assert last.weight.grad.any() and last.bias.grad.any()


@pytest.mark.parametrize("name", DECODERS.names())
def test_a_decoder_learns(name: str) -> None:
    """It fits its own output to a fixed image, from zero, in a few steps."""
    torch.manual_seed(0)
    decoder = DiT(ModelConfig(**SMALL, decoder=name)).decoder
    tokens, given, target = torch.randn(4, 16, 24), noised(4), torch.randn(4, 2, 8, 8)
    optimiser = torch.optim.Adam(decoder.parameters(), lr=1e-2)
    losses = []
    for _ in range(60):
        optimiser.zero_grad()
        loss = F.mse_loss(decoder(tokens, given), target)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.95 * losses[0]


@pytest.mark.parametrize("name", ["conv", "conv-upsample"])
def test_convolutional_decoders_look_across_patches_and_the_others_do_not(name: str) -> None:
    def reach(decoder_name: str) -> torch.Tensor:
        torch.manual_seed(0)
        decoder = DECODERS.get(decoder_name)(ModelConfig(**SMALL, decoder=decoder_name, patch_size=4))
        tokens = torch.randn(1, 4, 24)
        changed = tokens.clone()
        changed[:, 0] += 1
        with torch.no_grad():
            return (decoder(changed) - decoder(tokens)).abs().amax(dim=(0, 1)) > 1e-6

    assert reach(name)[:4, :4].all()
    assert reach(name)[:4, 4].any() and reach(name)[4, :4].any()
    for per_token in ("linear", "mlp"):
        assert not reach(per_token)[:, 4:].any() and not reach(per_token)[4:].any()


def test_unpatchify_by_hand() -> None:
    """Token (row, column), pixel (p, q) and channel c land at (row * 2 + p, column * 2 + q) of channel c."""
    tokens = torch.arange(4 * 2 * 2 * 3, dtype=torch.float32).reshape(1, 4, 12)
    image = unpatchify(tokens, 2)
    assert image.shape == (1, 3, 4, 4)
    for row in range(4):
        for column in range(4):
            for channel in range(3):
                token, pixel = (row // 2) * 2 + column // 2, (row % 2) * 2 + column % 2
                assert image[0, channel, row, column] == tokens[0, token, pixel * 3 + channel]


def test_tokens_return_to_the_place_they_came_from() -> None:
    """A patch embedder and a linear decoder that copy one pixel per patch agree on where patches lie."""
    config = ModelConfig(**SMALL, decoder="linear", patch_size=2, learn_sigma=False)
    model = DiT(config)
    with torch.no_grad():
        model.x_embedder.proj.weight.zero_()
        for index in range(4):
            model.x_embedder.proj.weight[index, 0, index // 2, index % 2] = 1
            model.decoder.linear.weight[index, index] = 1
        x = torch.randn(2, 1, 8, 8)
        assert torch.equal(model.decoder(model.x_embedder(x)), x)


def test_an_unknown_decoder_names_the_nearest() -> None:
    with pytest.raises(UserError, match=r"model\.decoder: unknown value 'conv-up'.*did you mean 'conv"):
        parse(TrialConfig, {"model": {"decoder": "conv-up"}})
