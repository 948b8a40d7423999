"""Which artifacts a run has been given, and with which content: kept in tags of the run, as many as it takes."""

from __future__ import annotations

import json
from collections.abc import Mapping

from service.mlflow_sync.ownership import ARTIFACTS_TAG

LONGEST = 4000
"""Characters of one tag. MLflow refuses a value of more than 8000, and some databases of more than 5000."""


class ArtifactTags:
    """The artifacts that a run's tags name.

    A name stands in one tag and stays there. A tag that has no more room is followed by another one, so that the text
    which is written for one artifact does not grow with how many there are.

    Args:
        tags: of the run.
    """

    def __init__(self, tags: Mapping[str, str]) -> None:
        self._parts: list[dict[str, str]] = []
        while (text := tags.get(_key(len(self._parts)))) is not None:
            self._parts.append(json.loads(text))

    def version(self, name: str) -> str | None:
        """Returns the version in which the run has an artifact; None when it has not."""
        return next((part[name] for part in self._parts if name in part), None)

    def with_artifact(self, name: str, version: str) -> tuple[str, str]:
        """Takes an artifact in; returns the tag to write, its key and its value."""
        number = next((index for index, part in enumerate(self._parts) if name in part), len(self._parts) - 1)
        if number < 0 or (name not in self._parts[number] and len(_text({**self._parts[number], name: ""})) > LONGEST):
            self._parts.append({})
            number = len(self._parts) - 1
        self._parts[number][name] = version
        return _key(number), _text(self._parts[number])


def _key(number: int) -> str:
    return ARTIFACTS_TAG if number == 0 else f"{ARTIFACTS_TAG}.{number}"


def _text(part: Mapping[str, str]) -> str:
    return json.dumps(part, separators=(",", ":"))
