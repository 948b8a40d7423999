"""Blocks that share their weights: the network with copies, in values and gradients, at the same cost."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
import torch
from random_weights import batch, random_dit, small
from small_trials import tiny
from transformers import AlbertConfig, AlbertModel

from dit_core.events import Checkpointed
from dit_core.gflops import count
from dit_core.model.dit import DiT
from dit_core.parts import BLOCKS
from dit_core.training.checkpoint import checksum, read
from dit_core.training.loop import run
from dit_core.training.state import initial_network

SHARES = {1: (0, 1, 2, 3, 4), 2: (0, 0, 1, 1, 2), 3: (0, 0, 0, 1, 1), 9: (0,) * 5, 0: (0,) * 5}


@pytest.mark.parametrize("shared", SHARES)
def test_consecutive_blocks_share(shared: int) -> None:
    config = small(depth=5, shared_blocks=shared)
    assert config.block_of_layer == SHARES[shared]
    assert len(DiT(config).blocks) == max(SHARES[shared]) + 1


@pytest.mark.parametrize("groups", [1, 2, 3])
def test_the_groups_are_albert_s_where_they_divide_the_depth(groups: int) -> None:
    sizes = {"hidden_size": 8, "num_attention_heads": 2, "intermediate_size": 8, "embedding_size": 8, "vocab_size": 5}
    albert = AlbertModel(AlbertConfig(num_hidden_layers=6, num_hidden_groups=groups, **sizes)).encoder
    called: list[int] = []
    for index, group in enumerate(albert.albert_layer_groups):
        group.register_forward_hook(lambda *_, index=index: called.append(index))
    albert(torch.randn(1, 3, 8))
    assert tuple(called) == small(depth=6, shared_blocks=6 // groups).block_of_layer


@pytest.mark.parametrize(("block", "shared"), list(product(BLOCKS, [2, 0])))
def test_a_tied_network_is_the_untied_one_with_copies(block: str, shared: int) -> None:
    tied = random_dit(small(depth=4, block=block, shared_blocks=shared, long_skips=True))
    untied = random_dit(small(depth=4, block=block, long_skips=True))
    state = tied.state_dict()
    for layer, own in reversed(list(enumerate(tied.config.block_of_layer))):
        found = {name: value for name, value in tied.state_dict().items() if name.startswith(f"blocks.{own}.")}
        state |= {name.replace(f"blocks.{own}.", f"blocks.{layer}.", 1): value for name, value in found.items()}
    untied.load_state_dict(state)
    outputs = [model(*batch(tied.config)) for model in (tied, untied)]
    assert torch.equal(*outputs)
    for output in outputs:
        output.square().mean().backward()
    copies = dict(untied.named_parameters())
    for name, parameter in tied.blocks.named_parameters():
        own, _, rest = name.partition(".")
        layers = [layer for layer, of in enumerate(tied.config.block_of_layer) if of == int(own)]
        gradient = torch.stack([copies[f"blocks.{layer}.{rest}"].grad for layer in layers]).sum(0)
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("shared", [2, 0])
def test_it_costs_what_the_untied_network_costs_and_holds_fewer_weights(shared: int) -> None:
    plain, tied = count(small(depth=4)), count(small(depth=4, shared_blocks=shared))
    assert tied.parts == plain.parts and tied.gmacs == plain.gmacs
    block = sum(parameter.numel() for parameter in DiT(small()).blocks[0].parameters())
    assert plain.params - tied.params == block * (2 if shared == 2 else 3)


def test_it_shares_all_initial_weights_that_it_has() -> None:
    found = []
    for shared in (1, 2, 0):
        torch.manual_seed(0)
        found.append(initial_network(small(depth=4, shared_blocks=shared)).state_dict())
    for tied in found[1:]:
        assert tied.keys() < found[0].keys() and all(torch.equal(found[0][name], value) for name, value in tied.items())


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_it_trains_and_continues(optimizer: str, tmp_path: Path) -> None:
    config = tiny(model={"depth": 3, "shared_blocks": 2}, training={"optimizer": optimizer, "ema_decays": (0.9,)})
    paths = []
    for folder, untils in (("straight", (192,)), ("stopped", (64, 192))):
        events = [event for until in untils for event in run(config, tmp_path / folder, until=until, evaluate=False)]
        paths.append([event.path for event in events if isinstance(event, Checkpointed)][-1])
    assert checksum(read(paths[0], 192), 192) == checksum(read(paths[1], 192), 192)
