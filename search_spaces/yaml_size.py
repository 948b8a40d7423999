"""How large a YAML document may be: known while it is read, before its aliases are written out."""

from __future__ import annotations

from typing import Any

import yaml

from dit_core.errors import UserError
from search_spaces.plain_data import DEEPEST

MOST_VALUES = 50_000
"""Keys and values that a document may hold, with what its aliases stand for counted wherever they stand."""


class Sized(yaml.SafeLoader):
    """Refuses a document that is nested too deeply, or that nobody can have meant to be as long as it is.

    An alias (``*name``) takes no room in a file, so that ten lines can stand for more values than any memory holds. So
    the size of everything is counted from the sizes of its parts, each of which is read once.
    """

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self._inside = 0
        self._read = 0
        self._sizes: dict[yaml.Node, tuple[int, int]] = {}
        """What has been read whole -> its values, and its levels."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Reads one value with all that is in it.

        Raises:
            UserError: the document is too large, or an alias stands inside of what it stands for.
        """
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        line = event.start_mark.line + 1  # type: ignore[union-attr]
        if self._inside > DEEPEST:
            raise _too_deep(line)
        if isinstance(event, yaml.AliasEvent):
            node = super().compose_node(parent, index)
            if node is None or node not in self._sizes:
                raise UserError(f"line {line}: *{event.anchor} stands inside of what it stands for")
            if self._inside + self._sizes[node][1] - 1 > DEEPEST:
                raise _too_deep(line)
            return node
        self._read += 1
        if self._read > MOST_VALUES:
            raise UserError(f"line {line}: here begins value {self._read:,}; at most {MOST_VALUES:,} are read")
        self._inside += 1
        node = super().compose_node(parent, index)
        self._inside -= 1
        if node is None:
            return None
        parts = [self._sizes[part] for part in _parts(node)]
        values = 1 + sum(part[0] for part in parts)
        if values > MOST_VALUES:
            raise UserError(
                f"line {line}: what its aliases (*name) stand for makes this {values:,} values; at most "
                f"{MOST_VALUES:,} are read"
            )
        self._sizes[node] = (values, 1 + max((part[1] for part in parts), default=0))
        return node


def _parts(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _too_deep(line: int) -> UserError:
    return UserError(f"line {line}: nested more than {DEEPEST} levels deep")
