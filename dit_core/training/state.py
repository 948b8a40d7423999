"""Everything that training changes: the network, its averages, the optimiser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dit_core.config import TrialConfig
from dit_core.errors import UserError
from dit_core.interop import initial
from dit_core.model.config import ModelConfig
from dit_core.model.dit import DiT
from dit_core.parts import OPTIMIZERS
from dit_core.runtime.randomness import torch_seed
from dit_core.training.ema import EMA
from dit_core.training.optimizers.base import Optimizers

_OPTIMIZER = "optimizer."
_MICRO_BATCH = "micro_batch"
_LABELS = "y_embedder.embedding_table.weight"


@dataclass
class TrainState:
    """The state of one trial on one device.

    Attributes:
        model: the network that trains.
        ema: its averages, one of which is evaluated.
        optimizer: what moves the trainable parameters.
        micro_batch: images that a worker puts through the network at once; 0 for its whole share of a batch.
    """

    model: DiT
    ema: EMA[DiT]
    optimizer: Optimizers
    micro_batch: int = 0

    @classmethod
    def fresh(cls, config: TrialConfig, device: torch.device) -> TrainState:
        """Returns the state before the first step; the weights depend on the seed and the model, or are given."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(torch_seed(config.seed, "init"))
            model = initial_network(config.model)
        if config.training.initial_weights is not None:
            initial.load(model, config.training.initial_weights)
        model = model.to(device).train()
        training = config.training
        model.activation_checkpointing = training.activation_checkpointing
        optimizer = OPTIMIZERS.get(training.optimizer, "training.optimizer")(model, training)
        ema = EMA(model, training.ema_decays, training.ema_warmup, training.ema_lengths)
        return cls(model, ema, optimizer, training.micro_batch)

    def averaged(self, config: TrialConfig) -> DiT:
        """Returns the network that an evaluation measures."""
        length = config.evaluation.ema_length
        return self.ema.model(config.evaluated_decay) if length is None else self.ema.by_length[length]

    def finite(self) -> bool:
        """Returns whether every trained weight is a finite number."""
        norms = torch._foreach_norm([parameter.detach() for parameter in self.model.parameters()])
        return bool(torch.stack(list(norms)).isfinite().all())

    def tensors(self) -> dict[str, Tensor]:
        """Returns the whole state as named tensors (views, not copies)."""
        found = {f"{prefix}{name}": t for prefix, module in self._modules() for name, t in module.state_dict().items()}
        for name, parameter in self._trainable():
            for key, value in self.optimizer.state(parameter).items():
                found[f"{_OPTIMIZER}{name}.{key}"] = value
        if self.micro_batch:
            found[_MICRO_BATCH] = torch.tensor(self.micro_batch)
        return found

    def load(self, tensors: Mapping[str, Tensor], where: str) -> None:
        """Replaces the whole state by what ``tensors`` returned.

        Args:
            tensors: named tensors, on the CPU; they are copied.
            where: what they were read from, for the error.

        Raises:
            UserError: they belong to another model, to other averages or to another optimiser.
        """
        self.micro_batch = int(tensors[_MICRO_BATCH]) if _MICRO_BATCH in tensors else 0
        for prefix, module in self._modules():
            _load(prefix, module, tensors, where)
        states: dict[str, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            if name.startswith(_OPTIMIZER):
                parameter, _, key = name[len(_OPTIMIZER) :].rpartition(".")
                states.setdefault(parameter, {})[key] = tensor
        self.optimizer.load({parameter: states.get(name, {}) for name, parameter in self._trainable()}, where)

    def _modules(self) -> list[tuple[str, DiT]]:
        averages = [(f"ema.{decay!r}.", model) for decay, model in self.ema.models.items()]
        averages += [(f"ema.length-{length!r}.", model) for length, model in self.ema.by_length.items()]
        return [("model.", self.model), *averages]

    def _trainable(self) -> list[tuple[str, nn.Parameter]]:
        return [(name, parameter) for name, parameter in self.model.named_parameters() if parameter.requires_grad]


def initial_network(config: ModelConfig) -> DiT:
    """Returns a network with the initial weights of a trial, drawn from torch's global generator.

    A pointwise network other than the plain one draws other numbers, and so do a label table of another length, fewer
    blocks, and a projector. The weights that both have are therefore taken from a plain network that is drawn first:
    networks that differ in these share all other initial weights, the null class, and the first blocks.
    """
    plain = config.model_copy(
        update={"mlp": "gelu", "class_conditional": True, "shared_blocks": 1, "alignment_layer": 0}
    )
    drawn = DiT(plain).state_dict() if config != plain else {}
    if not config.class_conditional:
        drawn[_LABELS] = drawn[_LABELS][-1:]  # the null class
    model = DiT(config)
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if name in drawn and drawn[name].shape == tensor.shape:
                tensor.copy_(drawn[name])
    return model


def _load(prefix: str, module: nn.Module, tensors: Mapping[str, Tensor], where: str) -> None:
    here = {f"{prefix}{name}": tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    there = {name: tuple(tensor.shape) for name, tensor in tensors.items() if name.startswith(prefix)}
    for name in sorted(here.keys() | there.keys()):
        if here.get(name) != there.get(name):
            raise UserError(
                f"{where}: the checkpoint belongs to another model: {name} is {there.get(name, 'absent')} there, "
                f"{here.get(name, 'absent')} in this configuration; give another folder"
            )
    module.load_state_dict({name.removeprefix(prefix): tensors[name] for name in here})
