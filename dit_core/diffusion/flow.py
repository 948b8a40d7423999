"""Flow matching on a straight path from data to noise (SiT: Ma et al., arXiv 2401.08740; Lipman et al., 2210.02747)."""

from __future__ import annotations

from torch import Tensor

from dit_core.diffusion.process import Process


class Flow(Process):
    """``x_t = (1 - t) x_0 + t noise`` for t in [0, 1]; the network predicts the velocity ``noise - x_0``.

    The network is told ``t * num_timesteps``, as Stable Diffusion 3 does, so that its sinusoidal time features cover
    the same range as for a Gaussian process (the released SiT code passes t itself, on which they hardly vary).
    """

    def _at(self, t: Tensor, *names: str) -> list[Tensor]:
        found = self._coefficients(1 - t, t)
        return [found[name][:, None, None, None] for name in names]

    def network_time(self, t: Tensor) -> Tensor:
        """Returns ``t * num_timesteps``, (N,) float32."""
        return t * self.config.num_timesteps

    def level(self, time: float) -> float:
        """Returns ``time`` itself."""
        return time
