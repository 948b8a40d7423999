"""Everything that training changes: the network, its average, the optimiser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from dit_core.model import DiT
from dit_core.training.ema import EMA
from dit_core.training.randomness import torch_seed


@dataclass(frozen=True)
class TrainState:
    """The state of one trial on one device.

    Attributes:
        model: the network that trains.
        ema: its average, which is evaluated.
        optimizer: AdamW over the trainable parameters.
    """

    model: DiT
    ema: EMA[DiT]
    optimizer: torch.optim.AdamW

    @classmethod
    def fresh(cls, config: TrialConfig, device: torch.device) -> TrainState:
        """Returns the state before the first step; the weights depend on the seed and the model only."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(torch_seed(config.seed, "init"))
            model = DiT(config.model)
        model = model.to(device).train()
        training = config.training
        optimizer = torch.optim.AdamW(
            [parameter for parameter in model.parameters() if parameter.requires_grad],
            lr=training.learning_rate,
            betas=(training.beta1, training.beta2),
            weight_decay=training.weight_decay,
            fused=device.type in ("cpu", "cuda"),
        )
        return cls(model, EMA(model, training.ema_decays[0], training.ema_warmup), optimizer)

    def finite(self) -> bool:
        """Returns whether every trained weight is a finite number."""
        norms = torch._foreach_norm([parameter.detach() for parameter in self.model.parameters()])
        return bool(torch.stack(list(norms)).isfinite().all())

    def tensors(self) -> dict[str, Tensor]:
        """Returns the whole state as named tensors (views, not copies)."""
        found = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        found |= {f"ema.{name}": tensor for name, tensor in self.ema.model.state_dict().items()}
        for name, parameter in self._trainable():
            for key, value in self.optimizer.state[parameter].items():
                found[f"optimizer.{name}.{key}"] = value
        return found

    def load(self, tensors: Mapping[str, Tensor], where: str) -> None:
        """Replaces the whole state by what ``tensors`` returned.

        Args:
            tensors: named tensors, on the CPU; they are copied.
            where: what they were read from, for the error.

        Raises:
            UserError: they belong to another model.
        """
        for prefix, module in (("model.", self.model), ("ema.", self.ema.model)):
            _load(module, {name[len(prefix) :]: t for name, t in tensors.items() if name.startswith(prefix)}, where)
        state = {
            index: {
                key: tensors[f"optimizer.{name}.{key}"].clone()  # off the checkpoint's memory map
                for key in ("step", "exp_avg", "exp_avg_sq")
            }
            for index, (name, _) in enumerate(self._trainable())
        }
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": state})

    def _trainable(self) -> list[tuple[str, nn.Parameter]]:
        return [(name, parameter) for name, parameter in self.model.named_parameters() if parameter.requires_grad]


def _load(module: nn.Module, tensors: Mapping[str, Tensor], where: str) -> None:
    here = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    there = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    for name in sorted(here.keys() | there.keys()):
        if here.get(name) != there.get(name):
            raise UserError(
                f"{where}: the checkpoint belongs to another model: {name} is {there.get(name, 'absent')} there, "
                f"{here.get(name, 'absent')} in this configuration; give another folder"
            )
    module.load_state_dict(tensors)
