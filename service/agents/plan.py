"""What an agent gives as a study: a text, or the name of a study that is there, and what to change about it."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from dit_core.errors import UserError, nearest
from search_spaces.load import presets
from service.choices import Choices
from service.records.store import Store
from service.records.study_files import defined_studies, is_defined

MOST_CHARACTERS = 1_000_000
_SUFFIXES = {"yaml": ".yaml", "markdown": ".md", "text": ".txt", "json": ".json", "jsonl": ".jsonl"}


class Plan(BaseModel):
    """A study: its text, or the name of a preset or of a study in the store; and what to change about it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = 1
    text: str | None = Field(
        None, max_length=MOST_CHARACTERS, description="A study file (YAML) or a written plan; give this or `study`."
    )
    form: Literal["yaml", "markdown", "text", "json", "jsonl"] = Field("yaml", description="What `text` is written in.")
    name: str = Field(
        "agent-study",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$",
        description="The study's name, where `text` does not say one.",
    )
    study: str | None = Field(None, description="A preset, e.g. dit-digits, or a study in the store.")
    seeds: list[int] | None = Field(None, description="Training seeds; every arm runs with each.")
    budget_images: int | None = Field(None, description="Training images of a finished trial.")
    rungs: list[int] | None = Field(None, description="Training images at which arms are compared before the budget.")
    settings: dict[str, Any] = Field(
        default_factory=dict,
        description="Changes to the baseline (an axis or a dotted config field) or to the study (resources.workers).",
    )
    profile: str | None = Field(None, description="The baseline of a written plan: digits or paper.")
    skip_unknown: bool = Field(False, description="Leave out what was not understood in a plan.")
    accept_guesses: bool = Field(False, description="Take the best reading of what a plan leaves open.")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.text is None) == (self.study is None):
            raise UserError("plan: give text, the study itself, or study, the name of one that is there; one of them")
        return self

    def choices(self) -> Choices:
        """Returns what is to be changed about the study."""
        found: Choices = {}
        if self.seeds is not None:
            found["seeds"] = tuple(self.seeds)
        if self.budget_images is not None:
            found["budget_images"] = self.budget_images
        if self.rungs is not None:
            found["rungs"] = tuple(self.rungs)
        if self.settings:
            found["settings"] = self.settings
        if self.profile is not None:
            found["profile"] = self.profile
        if self.skip_unknown:
            found["skip_unknown"] = True
        if self.accept_guesses:
            found["accept_guesses"] = True
        return found

    @contextmanager
    def source(self, store: Store | None) -> Iterator[str]:
        """Gives what opens the study: a name, or a file that is there for as long as it is looked at.

        Raises:
            UserError: no preset and no study in the store has this name.
        """
        if self.study is not None:
            require_known(self.study, store)
            yield self.study
            return
        with tempfile.TemporaryDirectory(prefix="dit-ablate-plan-") as folder:
            yield str(self.written(Path(folder)))

    def written(self, folder: Path) -> Path:
        """Writes the text as a file, in a folder of its own that is named by what it says.

        Raises:
            OSError: it cannot be written.
        """
        data = (self.text or "").encode("utf-8", "replace")
        path = folder / hashlib.sha256(data).hexdigest()[:12] / f"{self.name}{_SUFFIXES[self.form]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path


class PlanArguments(BaseModel):
    """The arguments of what takes a plan."""

    plan: Plan


def require_known(name: str, store: Store | None) -> None:
    """Refuses a name that is neither a preset nor a study in the store: files are not opened by an agent's word.

    Raises:
        UserError: it is neither.
    """
    if name in presets() or (store is not None and is_defined(store, name)):
        return
    known = [*presets(), *(defined_studies(store) if store is not None else ())]
    guess = nearest(name, known)
    hint = f"; did you mean {guess!r}?" if guess else ""
    raise UserError(
        f"study: {name!r:.100} is neither a preset nor a study in the store; known: {', '.join(known)}{hint}"
    )
