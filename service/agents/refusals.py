"""What an agent is told when something is not done: a code for its program and a sentence for everybody."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ValidationError

from dit_core.errors import UserError, explain
from service.redact import redacted
from service.trust import Untrusted

Code = Literal[
    "invalid_arguments",
    "mistake",
    "incomplete",
    "untrusted_code",
    "above_cap",
    "outside_data_root",
    "read_only",
    "running",
    "not_yours",
    "cannot_write",
    "internal",
]
"""Why something was not done: arguments of the wrong form; a mistake in what was given; a plan that has to be settled;
code that no person has allowed; more than a cap allows; a file outside of the data root; a server that only reads; a
study that runs already; a study that people started; a disk; a fault of this program."""


class Refusal(BaseModel):
    """Why something was not done.

    Attributes:
        schema_version: of this answer's form.
        code: for a program.
        message: one sentence for everybody.
    """

    schema_version: Literal[1] = 1
    code: Code
    message: str


class Refused(UserError):
    """Something that an agent may not do."""

    def __init__(self, code: Code, sentence: str) -> None:
        super().__init__(sentence)
        self.code: Code = code


def refusal_of(error: BaseException, arguments: type[BaseModel] | None = None) -> Refusal:
    """Returns what is told of an error, or of the first one among its causes that says something to a person.

    Args:
        error: the error.
        arguments: the model of the arguments that it may be about.
    """
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, Refused):
            return _refusal(found.code, str(found))
        if isinstance(found, Untrusted):
            return _refusal("untrusted_code", str(found))
        if isinstance(found, UserError):
            return _refusal("incomplete" if found.incomplete else "mistake", str(found))
        if isinstance(found, ValidationError):
            return _refusal("invalid_arguments", explain(found, arguments))
        if isinstance(found, OSError):
            return _refusal("cannot_write", f"{found.filename or 'a file'}: {found.strerror or found}")
        found = found.__cause__
    return _refusal("internal", f"a fault of dit-ablate ({type(error.__cause__ or error).__name__}); its log has more")


def _refusal(code: Code, sentence: str) -> Refusal:
    return Refusal(code=code, message=redacted(" ".join(sentence.split())))
