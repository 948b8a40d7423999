"""Everything that a config names: blocks, objectives, optimisers, metrics, ... To add one: a file and one line here.

An entry says where the part is implemented and what has to be known about it before it is imported; importing this
module imports none of them. Whoever changes the numbers that a part produces raises the ``numerics`` of its entry.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from dit_core.errors import UserError
from dit_core.registry import Entry, Origin, Parts

if TYPE_CHECKING:
    from dit_core.config import TrialConfig
    from dit_core.data.base import ImageDataset
    from dit_core.diffusion.objectives import Objective
    from dit_core.diffusion.samplers.base import Sampler
    from dit_core.diffusion.schedules import NoiseSchedule
    from dit_core.diffusion.times import TimestepSampling
    from dit_core.diffusion.weighting import Weighting
    from dit_core.interop.layout import Layout
    from dit_core.metrics.base import Metric
    from dit_core.model.blocks.base import Block
    from dit_core.model.decoders.base import Decoder
    from dit_core.model.gates import GateInit
    from dit_core.model.mlps import Pointwise
    from dit_core.model.norms import Norm
    from dit_core.model.positions import Position
    from dit_core.training.optimizers.base import Builder
    from dit_core.training.schedule import Schedule

Direction = Literal["min", "max"]
Process = Literal["gaussian", "flow"]


@dataclass(frozen=True, kw_only=True)
class BlockEntry(Entry):
    """A conditioning block.

    Attributes:
        gated: whether ``model.gate_init`` means something to it.
        extra_tokens: how many tokens it appends to the image's.
    """

    gated: bool = False
    extra_tokens: int = 0


@dataclass(frozen=True, kw_only=True)
class DecoderEntry(Entry):
    """An output head.

    Attributes:
        looks_again: whether it uses the noised image, from which tokens that are left out cannot be hidden.
    """

    looks_again: bool = False


@dataclass(frozen=True, kw_only=True)
class PositionEntry(Entry):
    """A way to tell tokens where they are.

    Attributes:
        width_multiple: what ``model.hidden_size`` must be a multiple of.
        head_width: the least width of an attention head.
    """

    width_multiple: int = 1
    head_width: int = 1


@dataclass(frozen=True, kw_only=True)
class NormEntry(Entry):
    """A normalisation.

    Attributes:
        per_token: whether what it makes of a token depends on that token alone.
    """

    per_token: bool = True


@dataclass(frozen=True, kw_only=True)
class ObjectiveEntry(Entry):
    """A prediction target.

    Attributes:
        process: the noise process it belongs to.
    """

    process: Process


@dataclass(frozen=True, kw_only=True)
class SamplerEntry(Entry):
    """A way from noise to images.

    Attributes:
        process: the noise process it samples.
        least: fewest steps it can take.
        spares: how many of a Gaussian process's steps it leaves out at least.
    """

    process: Process
    least: int = 1
    spares: int = 0

    def most(self, num_timesteps: int) -> int | None:
        """Returns the most steps it can take, or None where time is continuous."""
        return num_timesteps - self.spares if self.process == "gaussian" else None


@dataclass(frozen=True, kw_only=True)
class MetricEntry(Entry):
    """A score of generated images.

    Attributes:
        description: what it measures, in a few words.
        direction: ``min`` where less is better, ``max`` where more is.
        network: the network that looks at the images, as ``service.cost.scoring`` calls it; None where that module
            knows by the metric's name.
        check_reads: the fields of ``evaluation`` that its check looks at, where it looks at nothing else but the data
            set, no file among it: a machine need not repeat such a check.
    """

    description: str
    direction: Direction = "min"
    network: str | None = None
    check_reads: tuple[str, ...] = ()


class Metrics(Parts["type[Metric]", MetricEntry]):
    """The metrics that are registered, and image metrics of torchmetrics by their import path."""

    def check(self, name: str, field: str | None = None) -> None:
        """Makes sure that ``name`` is registered, or one of torchmetrics' that can score samples."""
        if not _of_torchmetrics(name):
            super().check(name, field)
        else:
            self.about(name, field)

    def about(self, name: str, field: str | None = None) -> MetricEntry:
        """Returns what is known about ``name``; torchmetrics is imported for one of its own."""
        if not _of_torchmetrics(name):
            return super().about(name, field)
        entry: MetricEntry = importlib.import_module("dit_core.metrics.torchmetrics_names").entry(
            name, field or self.kind
        )
        return entry

    def get(self, name: str, field: str | None = None) -> type[Metric]:
        """Imports and returns the metric called ``name``."""
        if not _of_torchmetrics(name):
            return super().get(name, field)
        self.check(name, field)
        found: type[Metric] = importlib.import_module("dit_core.metrics.from_torchmetrics").metric(name)
        return found

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str) or not _of_torchmetrics(name):
            return super().__contains__(name)
        try:
            self.check(name)
        except UserError:
            return False
        return True


def _of_torchmetrics(name: str) -> bool:
    return name.startswith("torchmetrics.")


_BLOCKS = "dit_core.model.blocks"
BLOCKS: Parts[type[Block], BlockEntry] = Parts(
    "block",
    {
        "in-context": BlockEntry(f"{_BLOCKS}.in_context:InContextBlock", extra_tokens=2),
        "cross-attention": BlockEntry(f"{_BLOCKS}.cross_attention:CrossAttentionBlock"),
        "adaln": BlockEntry(f"{_BLOCKS}.adaln:AdaLNBlock"),
        "adaln-zero": BlockEntry(f"{_BLOCKS}.adaln_zero:AdaLNZeroBlock", gated=True),
        "adaln-single": BlockEntry(f"{_BLOCKS}.adaln_single:AdaLNSingleBlock", gated=True),
    },
    subclass_of="dit_core.model.blocks.base:Block",
)

_DECODERS = "dit_core.model.decoders"
DECODERS: Parts[type[Decoder], DecoderEntry] = Parts(
    "decoder",
    {
        "linear": DecoderEntry(f"{_DECODERS}.linear:LinearDecoder"),
        "mlp": DecoderEntry(f"{_DECODERS}.mlp:MlpDecoder"),
        "conv": DecoderEntry(f"{_DECODERS}.conv:ConvDecoder"),
        "conv-upsample": DecoderEntry(f"{_DECODERS}.conv_upsample:ConvUpsampleDecoder"),
        "ddt": DecoderEntry(f"{_DECODERS}.ddt:DdtDecoder", looks_again=True),
    },
    subclass_of="dit_core.model.decoders.base:Decoder",
)

_POSITIONS = "dit_core.model.positions"
POSITIONS: Parts[Position, PositionEntry] = Parts(
    "position",
    {
        "sincos": PositionEntry(f"{_POSITIONS}:SINCOS", width_multiple=4),
        "learned": PositionEntry(f"{_POSITIONS}:LEARNED"),
        "rotary": PositionEntry(f"{_POSITIONS}:ROTARY", head_width=4),
        "sincos-plus-rotary": PositionEntry(
            f"{_POSITIONS}:SINCOS_PLUS_ROTARY", uses=("sincos", "rotary"), width_multiple=4, head_width=4
        ),
        "none": PositionEntry(f"{_POSITIONS}:NONE"),
        "relative": PositionEntry(f"{_POSITIONS}:RELATIVE"),
    },
    instance_of="dit_core.model.positions:Position",
)

NORMS: Parts[Norm, NormEntry] = Parts(
    "norm",
    {
        "layernorm": NormEntry("dit_core.model.norms:layernorm"),
        "rmsnorm": NormEntry("dit_core.model.norms:rmsnorm"),
        "groupnorm": NormEntry("dit_core.model.norms:groupnorm", per_token=False),
    },
)

MLPS: Parts[Pointwise, Entry] = Parts(
    "mlp",
    {
        "gelu": Entry("dit_core.model.mlps:Mlp"),
        "swiglu": Entry("dit_core.model.mlps:SwiGlu"),
        "gelu-exact": Entry("dit_core.model.mlps:ExactGeluMlp"),
        "relu": Entry("dit_core.model.mlps:ReluMlp"),
        "silu": Entry("dit_core.model.mlps:SiluMlp"),
    },
)

GATE_INITS: Parts[GateInit, Entry] = Parts(
    "gate_init",
    {
        "zero": Entry("dit_core.model.gates:zero"),
        "random": Entry("dit_core.model.gates:random"),
        "ones": Entry("dit_core.model.gates:ones"),
    },
)

_OBJECTIVES = "dit_core.diffusion.objectives"
OBJECTIVES: Parts[Objective, ObjectiveEntry] = Parts(
    "objective",
    {
        "noise": ObjectiveEntry(f"{_OBJECTIVES}:NOISE", process="gaussian"),
        "x0": ObjectiveEntry(f"{_OBJECTIVES}:X0", process="gaussian"),
        "v": ObjectiveEntry(f"{_OBJECTIVES}:V", process="gaussian"),
        "flow": ObjectiveEntry(f"{_OBJECTIVES}:FLOW", process="flow"),
    },
    instance_of="dit_core.diffusion.objectives:Objective",
)

_SCHEDULES = "dit_core.diffusion.schedules"
NOISE_SCHEDULES: Parts[NoiseSchedule, Entry] = Parts(
    "noise_schedule",
    {
        "linear": Entry(f"{_SCHEDULES}:linear"),
        "scaled-linear": Entry(f"{_SCHEDULES}:scaled_linear"),
        "cosine": Entry(f"{_SCHEDULES}:cosine"),
        "sigmoid": Entry(f"{_SCHEDULES}:sigmoid"),
    },
)

TIMESTEP_SAMPLINGS: Parts[TimestepSampling, Entry] = Parts(
    "timestep_sampling",
    {
        "uniform": Entry("dit_core.diffusion.times:uniform_times"),
        "logit-normal": Entry("dit_core.diffusion.times:logit_normal_times"),
    },
)

LOSS_WEIGHTINGS: Parts[Weighting, Entry] = Parts(
    "loss_weighting",
    {
        "none": Entry("dit_core.diffusion.weighting:none"),
        "min-snr": Entry("dit_core.diffusion.weighting:min_snr"),
    },
)

_SAMPLERS = "dit_core.diffusion.samplers"
SAMPLERS: Parts[Sampler, SamplerEntry] = Parts(
    "sampler",
    {
        "ddpm": SamplerEntry(f"{_SAMPLERS}.ddpm:run", process="gaussian"),
        "ddim": SamplerEntry(f"{_SAMPLERS}.ddim:run", process="gaussian"),
        "dpm-solver++": SamplerEntry(f"{_SAMPLERS}.dpm_solver:run", process="gaussian", spares=1),
        "euler": SamplerEntry(f"{_SAMPLERS}.euler:run", process="flow"),
        "heun": SamplerEntry(f"{_SAMPLERS}.heun:run", process="flow", least=2),
    },
)
"""The first of each process is its objectives' own."""

OPTIMIZERS: Parts[Builder, Entry] = Parts(
    "optimizer",
    {
        "adamw": Entry("dit_core.training.optimizers.adamw:adamw"),
        "muon": Entry("dit_core.training.optimizers.muon:muon", uses=("adamw",)),
    },
)

_RATES = "dit_core.training.schedule"
LEARNING_RATE_SCHEDULES: Parts[Schedule, Entry] = Parts(
    "learning_rate_schedule",
    {
        "constant": Entry(f"{_RATES}:constant"),
        "linear": Entry(f"{_RATES}:linear"),
        "cosine": Entry(f"{_RATES}:cosine"),
    },
)

DATASETS: Parts[type[ImageDataset], Entry] = Parts(
    "data set",
    {
        "digits": Entry("dit_core.data.digits:Digits"),
        "image-folder": Entry("dit_core.data.image_folder:ImageFolder"),
        "huggingface": Entry("dit_core.data.huggingface:HuggingFace"),
        "latents": Entry("dit_core.data.latents:Latents"),
    },
    subclass_of="dit_core.data.base:ImageDataset",
)

METRICS = Metrics(
    "metric",
    {
        "fd_digits_cnn": MetricEntry(
            "dit_core.metrics.fd_digits_cnn:DigitsCNNDistance",
            description="Fréchet distance in features of its own, not comparable with FID",
            check_reads=("num_samples", "allow_few_samples", "reference_images", "reference_statistics"),
        ),
        "fid": MetricEntry(
            "dit_core.metrics.fid:FID", description="FID, the Fréchet distance in pooled Inception-v3 features"
        ),
        "sfid": MetricEntry(
            "dit_core.metrics.sfid:SpatialFID",
            uses=("fid",),
            description="sFID, the Fréchet distance in spatial Inception-v3 features",
        ),
        "inception_score": MetricEntry(
            "dit_core.metrics.inception_score:InceptionScore",
            description="Inception score: sure and varied classes in Inception-v3",
            direction="max",
        ),
        "precision": MetricEntry(
            "dit_core.metrics.precision:Precision",
            description="share of the generated images within the real ones' neighbourhoods (Inception-v3 features)",
            direction="max",
        ),
        "recall": MetricEntry(
            "dit_core.metrics.recall:Recall",
            uses=("precision",),
            description="share of the real images within the generated ones' neighbourhoods (Inception-v3 features)",
            direction="max",
        ),
        "kid": MetricEntry(
            "dit_core.metrics.kid:KID",
            description="KID, the squared maximum mean discrepancy of pooled Inception-v3 features",
        ),
        "fd_dinov2": MetricEntry(
            "dit_core.metrics.fd_dinov2:DINOv2Distance",
            description="Fréchet distance in DINOv2 features, not comparable with FID",
        ),
        "fid_infinity": MetricEntry(
            "dit_core.metrics.fid_infinity:FIDInfinity", description="FID extrapolated to infinitely many samples"
        ),
    },
    subclass_of="dit_core.metrics.base:Metric",
    families={
        r"fd_[a-z0-9_]+_cnn": MetricEntry(
            "dit_core.metrics.fd_data_cnn:DataCNNDistance",
            description="Fréchet distance in features of a small network trained on the data itself, not comparable "
            "with FID",
        )
    },
)

LAYOUTS: Parts[Layout, Entry] = Parts(
    "layout",
    {
        "official": Entry("dit_core.interop.official:LAYOUT"),
        "diffusers": Entry("dit_core.interop.diffusers:LAYOUT"),
    },
)

NAMED_BY: dict[str, Parts[Any, Any]] = {
    "model.block": BLOCKS,
    "model.decoder": DECODERS,
    "model.position": POSITIONS,
    "model.norm": NORMS,
    "model.mlp": MLPS,
    "model.gate_init": GATE_INITS,
    "diffusion.objective": OBJECTIVES,
    "diffusion.noise_schedule": NOISE_SCHEDULES,
    "diffusion.timestep_sampling": TIMESTEP_SAMPLINGS,
    "diffusion.loss_weighting": LOSS_WEIGHTINGS,
    "data.name": DATASETS,
    "training.optimizer": OPTIMIZERS,
    "training.learning_rate_schedule": LEARNING_RATE_SCHEDULES,
    "evaluation.sampler": SAMPLERS,
    "evaluation.metrics": METRICS,
}
"""Config field -> what its value names."""


def chosen(config: TrialConfig, field: str) -> tuple[str, ...]:
    """Returns the names that a field of ``NAMED_BY`` gives: one, several, or none where it is left open."""
    section, _, leaf = field.partition(".")
    value = getattr(getattr(config, section), leaf)
    return value if isinstance(value, tuple) else () if value is None else (value,)


def from_outside(config: TrialConfig) -> dict[str, Origin]:
    """Returns ``field=name`` -> where it comes from, of every part that a config names and a plugin has registered."""
    return {
        f"{field}={name}": parts.origins[name]
        for field, parts in NAMED_BY.items()
        for name in chosen(config, field)
        if name in parts.origins
    }
