"""The noise process and sampling."""

from dit_core.diffusion.gaussian import Diffusion
from dit_core.diffusion.sampling import sample

__all__ = ["Diffusion", "sample"]
