"""What entries say about parts is true of the parts, and lists and checks of names import none of them."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from random_weights import batch, random_dit, small

from dit_core.config import TrialConfig
from dit_core.diffusion.build import build_process
from dit_core.diffusion.config import DiffusionConfig
from dit_core.diffusion.sampling import sample
from dit_core.errors import UserError, parse
from dit_core.model.decoders.base import Noised
from dit_core.model.dit import DiT
from dit_core.parts import (
    BLOCKS,
    DATASETS,
    DECODERS,
    LAYOUTS,
    METRICS,
    NAMED_BY,
    OBJECTIVES,
    POSITIONS,
    SAMPLERS,
    BlockEntry,
    chosen,
)
from dit_core.registry import Entry, Parts

ALL: dict[str, Parts[Any, Any]] = {**NAMED_BY, "layout": LAYOUTS}


@pytest.mark.parametrize("field", ALL)
def test_every_path_leads_to_an_implementation_of_its_own(field: str) -> None:
    parts = ALL[field]
    found = [parts.get(name) for name in parts]
    assert all(item is not None for item in found)
    assert len({parts.about(name).path for name in parts}) == len(found)
    for name in parts:
        entry = parts.about(name)
        assert entry.numerics >= 1 and entry.source is None
        assert all(used in parts and used != name for used in entry.uses)


@pytest.mark.parametrize("parts", [METRICS, DATASETS, LAYOUTS], ids=lambda parts: parts.kind)
def test_implementations_know_their_names(parts: Parts[Any, Any]) -> None:
    assert [parts.get(name).name for name in parts] == parts.names()


@pytest.mark.parametrize("field", ALL)
def test_a_part_whose_file_imports_the_file_of_another_says_so(field: str) -> None:
    parts = ALL[field]
    file_of = {name: parts.about(name).path.partition(":")[0] for name in parts}
    for name, module in file_of.items():
        spec = importlib.util.find_spec(module)
        assert spec is not None and spec.origin is not None
        tree = ast.parse(Path(spec.origin).read_text())
        imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        others = {other for other, file in file_of.items() if file in imported and file != module}
        assert others <= set(parts.about(name).uses), name


@pytest.mark.parametrize("name", BLOCKS.names())
def test_blocks_append_as_many_tokens_as_they_say(name: str) -> None:
    extra = BLOCKS.get(name).extra_tokens(torch.zeros(1, 4), torch.zeros(1, 4))
    assert BLOCKS.about(name).extra_tokens == (0 if extra is None else extra.shape[1])


def test_gated_blocks_are_those_that_gate_init_changes() -> None:
    def initial(block: str, start: str) -> list[torch.Tensor]:
        torch.manual_seed(0)
        return list(DiT(small(block=block, gate_init=start)).state_dict().values())

    for name in BLOCKS:
        pairs = zip(initial(name, "zero"), initial(name, "ones"), strict=True)
        assert any(not torch.equal(*pair) for pair in pairs) == BLOCKS.about(name).gated


@torch.no_grad()
def test_decoders_that_look_again_are_those_that_use_the_noised_image() -> None:
    for name in DECODERS:
        model = random_dit(small(decoder=name))
        x, t, _ = batch(model.config)
        tokens = torch.randn(len(x), model.config.num_tokens, model.config.hidden_size)
        outputs = [model.decoder(tokens, Noised(image, model.t_embedder(t))) for image in (x, x + 1)]
        assert torch.equal(*outputs) != DECODERS.about(name).looks_again


def test_positions_need_the_widths_that_they_say() -> None:
    for name in POSITIONS:
        position, entry = POSITIONS.get(name), POSITIONS.about(name)
        assert (entry.width_multiple > 1) == name.startswith("sincos")
        assert (entry.head_width > 1) == (position.rotation is not None)
        if position.rotation is not None:
            heads = 24 // entry.head_width
            rotation = position.rotation(small(hidden_size=24, num_heads=heads))
            assert rotation.shape[-1] > 0  # something turns
            narrow = position.rotation(small(hidden_size=24, num_heads=24 // (entry.head_width - 1)))
            assert narrow.shape[-1] == 0


def test_samplers_take_the_steps_that_they_say() -> None:
    for name in SAMPLERS:
        entry = SAMPLERS.about(name)
        config = DiffusionConfig(
            num_timesteps=12, objective=next(o for o in OBJECTIVES if OBJECTIVES.about(o).process == entry.process)
        )
        most = entry.most(12)
        assert most is None or most == 12 - entry.spares
        for steps in (entry.least, most or 12):
            calls = []

            def network(x: torch.Tensor, t: torch.Tensor, y: torch.Tensor, calls: list[int] = calls) -> torch.Tensor:
                calls.append(1)
                return x

            x = sample(
                network,
                build_process(config),
                noise=torch.ones(1, 1, 2, 2),
                labels=torch.zeros(1, dtype=torch.long),
                steps=steps,
                guidance_scale=1.0,
                null_label=0,
                step_noise=lambda step: torch.zeros(1, 1, 2, 2),
                sampler=name,
            )
            assert len(calls) == steps and x.isfinite().all()


@pytest.mark.slow
def test_names_are_validated_without_importing_anything_heavy() -> None:
    code = (
        "import sys\n"
        "from dit_core.config import TrialConfig\n"
        "from dit_core.errors import parse\n"
        "import dit_core.identity\n"
        "parse(TrialConfig, {'model': {'block': 'adaln'}, 'evaluation': {'metrics': ['fid', 'kid']}})\n"
        "heavy = {'torch', 'numpy', 'safetensors', 'sklearn', 'diffusers', 'PIL'} & set(sys.modules)\n"
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_all_unknown_names_are_told_at_once() -> None:
    sections = {"model": {"block": "adaln-zer"}, "data": {"name": "digit"}, "evaluation": {"metrics": ["fids"]}}
    with pytest.raises(UserError) as error:
        parse(TrialConfig, sections)
    assert str(error.value) == (
        "model.block: unknown value 'adaln-zer'; allowed: in-context, cross-attention, adaln, adaln-zero, "
        "adaln-single; did you mean 'adaln-zero'?; "
        "data.name: unknown value 'digit'; allowed: digits, image-folder, huggingface, latents; "
        "did you mean 'digits'?; "
        "evaluation.metrics: unknown value 'fids'; allowed: fd_digits_cnn, fid, sfid, inception_score, precision, "
        "recall, kid, fd_dinov2, fid_infinity; did you mean 'fid'?"
    )
    with pytest.raises(UserError, match=r"evaluation\.metrics: empty; allowed: fd_digits_cnn, fid, "):
        parse(TrialConfig, {"evaluation": {"metrics": []}})


def test_what_a_field_chooses() -> None:
    config = TrialConfig()
    assert chosen(config, "model.block") == ("adaln-zero",)
    assert chosen(config, "evaluation.metrics") == ("fd_digits_cnn",)
    assert chosen(config, "evaluation.sampler") == ()


def test_code_from_outside_brings_a_digest_of_its_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BLOCKS, "_items", dict(BLOCKS._items))
    mine = BlockEntry("some_plugin:Block", source="a" * 64)
    with pytest.raises(ValueError, match="is registered outside of a plugin"):
        BLOCKS.add("mine", replace(mine, source=None))
    BLOCKS.add("mine", mine)
    assert "mine" in BLOCKS and BLOCKS.about("mine") == mine
    parse(TrialConfig, {"model": {"block": "mine"}})  # it is a name like any other, and nothing was imported
    with pytest.raises(ValueError, match="block 'mine' is registered twice"):
        BLOCKS.add("mine", mine)


def test_a_part_that_uses_others_has_their_revisions() -> None:
    parts: Parts[Any, Entry] = Parts(
        "thing",
        {
            "a": Entry("x:a", numerics=3),
            "b": Entry("x:b", uses=("a",)),
            "c": Entry("x:c", numerics=2, uses=("b",)),
            "d": Entry("x:d"),
        },
    )
    assert parts.revisions("c") == {"c": {"numerics": 2}, "a": {"numerics": 3}}
    assert parts.revisions("b") == {"a": {"numerics": 3}}
    assert parts.revisions("d") == {}
