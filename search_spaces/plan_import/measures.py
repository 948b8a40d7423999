"""What a plan's Metrics stand for: a metric that is computed, or a figure that is recorded anyway."""

from __future__ import annotations

import re

from dit_core.errors import UserError
from dit_core.parts import METRICS
from search_spaces.plan_import.left_open import is_open
from search_spaces.profiles import PROFILES, Profile
from search_spaces.words import match

_ALWAYS = {
    "Gflops": ("gflops", "flops", "gmacs", "macs", "compute", "computational cost", "computational efficiency",
               "computational complexity", "model gflops", "transformer gflops", "forward gflops", "cost",
               "computational budget", "flop count", "sampling gflops", "sampling flops", "sampling compute",
               "inference gflops", "inference flops", "inference compute", "generation gflops"),
    "the parameter count": ("parameters", "params", "parameter count", "number of parameters", "model parameters",
                            "model size", "parameter number", "number of weights", "weight count", "weights"),
    "the training loss": ("loss", "training loss", "train loss", "mse", "convergence", "training curve", "loss curve",
                          "convergence speed", "training stability", "stability", "training curves", "loss curves",
                          "denoising loss", "validation loss curve", "convergence rate"),
    "training time": ("training time", "wall clock", "wall clock time", "train time", "training speed", "time to train",
                      "training duration", "training cost", "gpu hours", "training hours", "wall time"),
    "throughput": ("throughput", "img s", "images sec", "images s", "images per second", "training throughput",
                   "samples per second", "img sec",
                   "iterations per second", "steps per second", "training images per second", "speed", "step time",
                   "time per step"),
    "peak memory": ("peak memory", "memory", "gpu memory", "memory usage", "memory footprint", "peak gpu memory",
                    "memory consumption", "vram", "peak vram", "max memory", "maximum memory", "gpu memory usage",
                    "gpu memory consumption", "gpu memory footprint", "peak gpu memory usage"),
    "sampling time": ("sampling time", "inference time", "latency", "sampling speed", "sampling latency",
                      "inference latency", "inference speed", "generation time", "generation speed",
                      "seconds per image", "time per image", "time to sample", "time to generate", "time per sample",
                      "seconds per sample", "sampling seconds", "wall clock sampling time", "time needed to sample",
                      "sampling cost", "inference cost"),
}  # fmt: skip

_METRIC_ALIASES = {
    "fid": (
        "frechet inception distance",
        "inception distance",
        "fid 50k",
        "fid 10k",
        "fid 5k",
        "inception fid",
        "sample quality",
        "image quality",
        "fidelity",
        "generation quality",
        "sample fidelity",
        "fid50k",
    ),
    "sfid": ("spatial fid", "sfid 50k", "spatial frechet inception distance"),
    "inception_score": ("inception score", "is", "is 50k", "inception score is", "inception"),
    "precision": ("improved precision", "precision fidelity"),
    "recall": ("improved recall", "recall diversity", "diversity", "sample diversity"),
    "kid": ("kernel inception distance", "kernel inception distance kid"),
    "fd_dinov2": ("fd dino", "fd dinov2", "dinov2 frechet distance", "dino fid"),
    "fid_infinity": ("fid infinity", "fid inf", "unbiased fid"),
}

_AROUND = ("score", "metric", "value", "lower is better", "higher is better", "sample quality", "image quality", "fid",
           "sample", "50k", "10k", "5k", "50 000", "50000", "imagenet", "256", "img s", "main", "primary", "secondary",
           "final", "reported", "with guidance", "without guidance", "guided", "unguided", "with cfg", "without cfg",
           "cfg", "after training", "at the end",
           "extra", "additional",
           "per forward pass", "per pass", "ms", "second", "gb", "hours", "no guidance", "count")  # fmt: skip

_SAMPLED = re.compile(r"\b(?:sampling|inference|generation)\b", re.I)

_GUIDED = re.compile(r"\bwith (?:classifier-free )?(?:guidance|cfg)\b|\bguided\b|\bcfg\b|\bw\s*=", re.I)


_WHEN = re.compile(
    r"^(?:forward[- ]pass|forward|fwd|per[- ]image|total|average|mean|overall)\s+(?=\S)"
    r"|^(?:[Δ∆]|delta|(?:change|difference)\s+in)\s*(?=[A-Za-z])"
    r"|,?\s+(?:vs\.?|versus|against|relative to|compared (?:to|with))\s+(?:the\s+|our\s+)?"
    r"(?:baseline|default|reference)$"
    r"|,?\s+per\s+(?:the\s+|each\s+|one\s+)?(?:image|sample|forward pass|pass)$"
    r"|,?\s+(?:at|@|after|over|during|throughout|across|vs\.?|versus|against|as a function of)\s+(?:the\s+|each\s+)?"
    r"(?:\d[\d.]*\s*[kKM]\s*|\d{1,3}(?:,\d{3})+\s*|\d{4,}\s*)?(?:course of\s+|number of\s+)?"
    r"(?:training\s+|optimi[sz]er\s+)?(?:steps?|iterations?|epochs?|updates?|training(?:\s+time)?)$",
    re.I,
)
"""When and per what a metric is taken, and against what: ``FID at 400K steps``, ``Gflops per image``."""

_BETTER = (
    r"(?:the\s+)?(?:lower|higher|smaller|larger|bigger|less|more)(?:\s+(?:values?|scores?))?\s*"
    r"(?:(?:is|are|=|means|,?\s*the)\s*)?better|to be (?:minimi[sz]ed|maximi[sz]ed)|(?:min|max)imi[sz](?:e|ing|ation)"
)
_DIRECTION = re.compile(
    r"\$|\\Delta\s*|\\(?:long)?(?:down|up|se|ne|s|n)arrow\b|\\(?:text\w*|mathrm|mathbf|mathsf|operatorname)\b"
    r"|\\[()]|[\^_]?(?=[{}])|[{}]"
    rf"|\s*[(\[]\s*(?:{_BETTER})\s*[)\]]|^(?:{_BETTER})\s+(?=\S)|[\s:–—-]+(?:{_BETTER})$",
    re.I,
)
"""Which way of a metric is better, and how LaTeX writes it: ``FID-50K $\\downarrow$``, ``minimise FID``."""


def read_metric(text: str, profile: Profile) -> tuple[tuple[str, ...], str]:
    """Returns the metrics to compute (none when nothing has to be) and how ``text`` was understood.

    Raises:
        UserError: no such metric.
    """
    if re.fullmatch(rf"\W*(?:{_BETTER})\W*", text, re.I):
        return (), "which way is better; it changes nothing"
    text = re.sub(r"\s+", " ", _DIRECTION.sub(" ", text)).strip()
    if re.fullmatch(r"\W*(?:none|n/?a|nothing|no others?|-|–|—)?\W*", text, re.I):
        return (), "no further metric"
    pieces = [
        piece
        for piece in re.split(r"\s*(?:[/&+]|\band\b|\bplus\b|\bagainst\b|\bversus\b|\bvs\b\.?|,)\s*", text)
        if piece.strip()
    ]
    read = [_one(piece, profile) for piece in pieces]
    if len(pieces) > 1 and all(item is not None for item in read):
        known = [item for item in read if item is not None]
        return tuple(dict.fromkeys(name for names, _ in known for name in names)), "; ".join(
            dict.fromkeys(said for _, said in known)
        )
    if (one := _one(text, profile)) is not None:
        return one
    raise UserError(f"no such metric; metrics: {', '.join(METRICS.names())}; always recorded: {', '.join(_ALWAYS)}")


def is_metric(text: str) -> bool:
    """Whether a text names a metric, or a figure that is recorded anyway."""
    if is_open(text):
        return False
    try:
        read_metric(text, PROFILES.get("paper"))
    except UserError:
        return False
    return True


def _one(text: str, profile: Profile) -> tuple[tuple[str, ...], str] | None:
    names: dict[str, tuple[str, ...]] = dict(_ALWAYS)
    for name in dict.fromkeys(("fid", *METRICS.names())):
        names[name] = (name, *_METRIC_ALIASES.get(name, ()))
    found = match(text, names, around=_AROUND)
    if found is None and (bare := re.sub(r"\s*[(\[][^()\[\]]*[)\]]", " ", text).strip()) != text:
        found = match(bare, names, around=_AROUND)
    if found is None and (bare := _WHEN.sub("", re.sub(r"\s+curves?$", "", text.strip()))) != text.strip():
        found = match(bare, names, around=_AROUND)
    if found is None:
        return None
    if found == "Gflops" and _SAMPLED.search(text):
        return (
            (),
            "Gflops of one forward pass, recorded for every trial anyway; a sample takes one for every evaluation",
        )
    if found in _ALWAYS:
        return (), f"{found}, recorded for every trial anyway"
    if found in profile.metric_substitutes:
        stand_in, why = profile.metric_substitutes[found]
        return (stand_in,), f"{stand_in}: {why}"
    samples = profile.config.evaluation.num_samples
    guided = _GUIDED.search(text) and profile.config.evaluation.guidance_scale == 1
    also = "; without guidance, as the baseline is sampled: guidance is the axis guidance_scale" if guided else ""
    return (found,), f"{found}, on {samples} generated images{also}"


def known_metrics() -> tuple[str, ...]:
    """Returns what a plan may ask for: the metrics that are computed, and what is recorded for every trial."""
    return (*METRICS.names(), *_ALWAYS)
