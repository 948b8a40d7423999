"""What the paper printed, for the columns beside ours (Peebles & Xie, arXiv 2212.09748)."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any


def paper_row(
    size: str, patch_size: int, block: str = "adaln-zero", decoder: str = "linear"
) -> dict[str, str | float] | None:
    """Returns the paper's figures for a model, or None where it has none.

    The paper's blocks other than ``adaln-zero`` were trained at XL/2 only, its decoder is always ``linear``.

    Args:
        size: ``S``, ``B``, ``L`` or ``XL``.
        patch_size: 2, 4 or 8.
        block: a name in ``dit_core.parts.BLOCKS``.
        decoder: a name in ``dit_core.parts.DECODERS``.

    Returns:
        ``model`` (``XL/2``, or ``XL/2 in-context`` for another block), ``gflops`` as printed, ``params_m`` in
        millions as printed, ``fid50k_400k``: FID-50K on ImageNet 256x256 after 400K steps, without guidance.
    """
    if decoder != "linear":
        return None
    found = _rows().get((size, patch_size, block))
    if found is None:
        return None
    name = f"{size}/{patch_size}" + ("" if block == "adaln-zero" else f" {block}")
    return {"model": name, **{key: found[key] for key in ("gflops", "params_m", "fid50k_400k")}}


def scaling_models() -> tuple[tuple[float, float], ...]:
    """Returns Gflops and FID-50K of the twelve models of the paper's scaling figure: every size and patch, adaLN-Zero.

    Their correlation, of the logarithm of Gflops with FID, is the paper's -0.93 (figure 8).
    """
    rows = [row for (_, _, block), row in _rows().items() if block == "adaln-zero"]
    return tuple(sorted((float(row["gflops"]), float(row["fid50k_400k"])) for row in rows))


@cache
def _rows() -> dict[tuple[str, int, str], dict[str, Any]]:
    data = json.loads(files("dit_core").joinpath("paper.json").read_text())
    return {(row["size"], row["patch_size"], row["block"]): row for row in data["models"]}
