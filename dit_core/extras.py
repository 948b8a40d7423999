"""Packages that a study may not need: each comes with an extra of this one, and its absence is one sentence."""

from __future__ import annotations

import importlib
from typing import Any

from dit_core.errors import UserError

EXTRAS = {
    "torch_fidelity": "metrics",
    "transformers": "metrics",
    "datasets": "huggingface",
    "optuna": "search",
    "cmaes": "search",
    "hyperopt": "search",
    "boto3": "s3",
    "tensorboardX": "tensorboard",
    "wandb": "wandb",
}
"""Package -> the extra that brings it."""
_DISTRIBUTIONS = {"bayes_opt": "bayesian-optimization", "ax": "ax-platform"}
"""Package -> what pip calls it, where that is another name."""


def optional(package: str) -> Any:
    """Imports a package for something that can be left out; None where it is not installed."""
    try:
        return importlib.import_module(package)
    except ImportError:
        return None


def require(package: str, needed_by: str) -> Any:
    """Imports a package that need not be there.

    Args:
        package: its import name.
        needed_by: the setting and what in it needs the package; opens the error.

    Raises:
        UserError: it is not installed; says how to install it.
    """
    found = optional(package)
    if found is None:
        wanted = f"'dit-ablate[{EXTRAS[package]}]'" if package in EXTRAS else _DISTRIBUTIONS.get(package, package)
        raise UserError(f"{needed_by} needs {package}, which is not installed; install it with pip install {wanted}")
    return found
