"""The contract of an optimiser: PyTorch optimisers that share the parameters of one network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dit_core.errors import UserError
from dit_core.training.config import TrainingConfig


@dataclass(frozen=True)
class Member:
    """A PyTorch optimiser over some of the parameters.

    Attributes:
        optimizer: with one parameter group.
        state: the names of the tensors it keeps for every parameter.
    """

    optimizer: torch.optim.Optimizer
    state: tuple[str, ...]

    @property
    def parameters(self) -> list[nn.Parameter]:
        """The parameters it moves."""
        return list(self.optimizer.param_groups[0]["params"])


class Optimizers:
    """Moves every trainable parameter of a network, each by one member.

    Args:
        *members: between them they hold every trainable parameter once.
    """

    def __init__(self, *members: Member) -> None:
        self.members = tuple(member for member in members if member.parameters)
        self._member_of = {parameter: member for member in self.members for parameter in member.parameters}

    def zero_grad(self) -> None:
        """Forgets all gradients."""
        for member in self.members:
            member.optimizer.zero_grad()

    def step(self) -> None:
        """Moves every parameter by its gradient."""
        for member in self.members:
            member.optimizer.step()

    def set_learning_rate(self, rate: float) -> None:
        """Sets the learning rate of the next step."""
        for member in self.members:
            member.optimizer.param_groups[0]["lr"] = rate

    def state(self, parameter: nn.Parameter) -> dict[str, Tensor]:
        """Returns what is kept for a parameter, by name (not copies); empty before the first step."""
        return dict(self._member_of[parameter].optimizer.state.get(parameter, {}))

    def load(self, states: Mapping[nn.Parameter, Mapping[str, Tensor]], where: str) -> None:
        """Replaces what is kept for every parameter by what ``state`` returned.

        Args:
            states: parameter -> name -> tensor on the CPU, which is copied; parameters without state may be left out.
            where: what it was read from, for the error.

        Raises:
            UserError: it is another optimiser's.
        """
        for member in self.members:
            packed = {}
            for index, parameter in enumerate(member.parameters):
                found = states.get(parameter, {})
                if found and sorted(found) != sorted(member.state):
                    there, here = ", ".join(sorted(found)), ", ".join(sorted(member.state))
                    raise UserError(
                        f"{where}: the checkpoint belongs to another optimizer: {there} are kept there, {here} in this "
                        "configuration; give another folder"
                    )
                if found:
                    packed[index] = {name: tensor.clone() for name, tensor in found.items()}
            member.optimizer.load_state_dict({**member.optimizer.state_dict(), "state": packed})


Builder = Callable[[nn.Module, TrainingConfig], Optimizers]
"""Makes the optimiser of a network, which is already on its device; it holds every trainable parameter once."""


def trainable(model: nn.Module) -> list[nn.Parameter]:
    """Returns the parameters that receive gradients, in the network's order."""
    return [parameter for parameter in model.parameters() if parameter.requires_grad]
