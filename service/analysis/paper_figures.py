"""What the DiT paper printed, for the arms that are its models."""

from __future__ import annotations

from dit_core.config import TrialConfig
from dit_core.diffusion.config import DiffusionConfig
from dit_core.model.config import ModelConfig
from dit_core.paper import paper_row
from search_spaces.axes import AXES
from search_spaces.profiles import PROFILES
from service.analysis.summary import ArmSummary, Summary


def paper_figures(arm: ArmSummary, summary: Summary) -> dict[str, str] | None:
    """What the DiT paper printed for the arm's model of the same name, as text.

    None where it has none: for a model that is no DiT of the paper, and for an arm that varies anything else.
    """
    if not set(arm.arm.delta) <= _PAPERS_AXES or not _of_the_paper(arm.arm.config):
        return None
    profile = PROFILES.get(summary.study.baseline.profile)
    size = AXES.get("size").current(arm.arm.config, profile)
    model = arm.arm.config.model
    found = paper_row(size, model.patch_size, model.block, model.decoder) if isinstance(size, str) else None
    if found is None:
        return None
    return {
        "model": str(found["model"]),
        "gflops": f"{found['gflops']:.2f}",
        "fid50k_400k": f"{found['fid50k_400k']:.2f}",
    }


_PAPERS_AXES = {"patch_size", "block", "size", "decoder"}


def _of_the_paper(config: TrialConfig) -> bool:
    """Whether the network and its objective are the paper's, up to data, size, patches, block and decoder."""
    free = {"input_size", "in_channels", "num_classes", "patch_size", "hidden_size", "depth", "num_heads", "block",
            "decoder"}  # fmt: skip
    model, diffusion = config.model, config.diffusion
    return model.model_copy(update={name: getattr(ModelConfig(), name) for name in free}) == ModelConfig() and (
        diffusion.model_copy(update={"beta_start": 1e-4, "beta_end": 0.02}) == DiffusionConfig()
    )
