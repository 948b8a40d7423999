"""One sentence a person can act on."""

from __future__ import annotations

import pytest

from dit_core.config import TrialConfig
from dit_core.errors import UserError, nearest, parse, unknown
from dit_core.registry import Registry


def test_unknown_value_names_field_given_allowed_and_nearest() -> None:
    sentence = str(unknown("model.block", "adln-zero", ["adaln", "adaln-zero"]))
    assert sentence == (
        "model.block: unknown value 'adln-zero'; allowed: adaln, adaln-zero; did you mean 'adaln-zero'?"
    )


def test_nearest_ignores_case_and_gives_up_on_nonsense() -> None:
    assert nearest("ADALN", ["adaln", "cross-attention"]) == "adaln"
    assert nearest("qqqq", ["adaln"]) is None


@pytest.mark.parametrize(
    ("data", "parts"),
    [
        ({"modle": {}}, ["modle: unknown field", "did you mean 'model'?"]),
        ({"model": {"patchsize": 2}}, ["model.patchsize: unknown field", "did you mean 'patch_size'?"]),
        ({"model": {"depth": "many"}}, ["model.depth", "'many'"]),
        ({"model": {"patch_size": 3}}, ["model.patch_size: 3 does not divide", "allowed: 1, 2, 4, 8, 16, 32"]),
        ({"model": {"block": "adalnzero"}}, ["model.block: unknown value 'adalnzero'", "did you mean 'adaln-zero'?"]),
        ({"model": {"decoder": "liner"}}, ["model.decoder", "did you mean 'linear'?"]),
        ({"model": {"hidden_size": 30, "num_heads": 4}}, ["model.num_heads: 4 does not divide the hidden size 30"]),
        ({"data": {"name": "digit"}}, ["data.name", "did you mean 'digits'?"]),
        ({"data": {"corrupt": "ignore"}}, ["data.corrupt", "refuse, skip"]),
        ({"training": {"precision": "bf16"}}, ["training.precision", "bfloat16"]),
        ({"training": {"learning_rate": float("nan")}}, ["training.learning_rate"]),
        ({"evaluation": {"metrics": ["fdi"]}}, ["evaluation.metrics", "did you mean 'fid'?"]),
        ({"evaluation": {"metrics": []}}, ["evaluation.metrics: empty"]),
        ({"evaluation": {"sampling_steps": 2000}}, ["evaluation.sampling_steps: 2000 is more than the 1000"]),
        ({"seed": -1}, ["seed", "-1"]),
    ],
)
def test_every_wrong_field_is_one_clear_sentence(data: dict, parts: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        parse(TrialConfig, data, "study.yaml")
    sentence = str(caught.value)
    assert sentence.startswith("study.yaml: ")
    assert "\n" not in sentence
    for part in parts:
        assert part in sentence


def test_registry_refuses_a_name_twice_and_an_unknown_one() -> None:
    registry = Registry("metric", {"fid": 1})
    with pytest.raises(ValueError, match="registered twice"):
        registry.add("fid", 2)
    with pytest.raises(UserError, match="did you mean 'fid'"):
        registry.get("fdi")
    assert registry.names() == ["fid"]
    assert "fid" in registry
