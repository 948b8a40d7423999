"""What a plan's Metrics stand for: a metric that is computed, or a figure that is recorded anyway."""

from __future__ import annotations

from dit_core.errors import UserError
from dit_core.parts import METRICS
from search_spaces.profiles import Profile
from search_spaces.words import match

_ALWAYS = {
    "Gflops": ("gflops", "flops", "gmacs", "macs", "compute", "computational cost", "computational efficiency",
               "computational complexity", "model gflops", "transformer gflops"),
    "the parameter count": ("parameters", "params", "parameter count", "number of parameters", "model parameters"),
    "the training loss": ("loss", "training loss", "train loss", "mse", "convergence", "training curve"),
}  # fmt: skip

_METRIC_ALIASES = {
    "fid": ("frechet inception distance", "inception distance", "fid 50k", "fid 10k", "fid 5k", "inception fid"),
    "sfid": ("spatial fid", "sfid 50k", "spatial frechet inception distance"),
    "inception_score": ("inception score", "is", "is 50k", "inception score is"),
    "precision": ("improved precision", "precision fidelity"),
    "recall": ("improved recall", "recall diversity"),
    "kid": ("kernel inception distance", "kernel inception distance kid"),
    "fd_dinov2": ("fd dino", "fd dinov2", "dinov2 frechet distance", "dino fid"),
    "fid_infinity": ("fid infinity", "fid inf", "unbiased fid"),
}

_AROUND = ("score", "metric", "value", "lower is better", "sample quality", "image quality", "fid")


def read_metric(text: str, profile: Profile) -> tuple[str | None, str]:
    """Returns the metric to compute (None when nothing has to be) and how ``text`` was understood.

    Raises:
        UserError: no such metric.
    """
    names: dict[str, tuple[str, ...]] = dict(_ALWAYS)
    for name in dict.fromkeys(("fid", *METRICS.names())):
        names[name] = (name, *_METRIC_ALIASES.get(name, ()))
    found = match(text, names, around=_AROUND)
    if found is None:
        known = ", ".join(METRICS.names())
        raise UserError(f"no such metric; metrics: {known}; always recorded: {', '.join(_ALWAYS)}")
    if found in _ALWAYS:
        return None, f"{found}, recorded for every trial anyway"
    if found in profile.metric_substitutes:
        stand_in, why = profile.metric_substitutes[found]
        return stand_in, f"{stand_in}: {why}"
    samples = profile.config.evaluation.num_samples
    return found, f"{found}, on {samples} generated images"
