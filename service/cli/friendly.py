"""How a command ends: one sentence and an exit code for a mistake, a traceback for a bug."""

from __future__ import annotations

import errno
import functools
from collections.abc import Callable
from typing import Any

import typer

from dit_core.errors import UserError
from service.cli.console import say_error
from service.cli.exit_codes import INCOMPLETE, KILLED, USER_ERROR
from service.cli.interrupt import signals_interrupt


def friendly(command: Callable[..., Any]) -> Callable[..., Any]:
    """One sentence for a user's mistake; an unexpected bug keeps its traceback."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            with signals_interrupt():
                return command(*args, **kwargs)
        except KeyboardInterrupt:
            raise typer.Exit(KILLED) from None
        except UserError as error:
            say_error(str(error))
            raise typer.Exit(INCOMPLETE if error.incomplete else USER_ERROR) from None
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
                sentence = f"cannot write {error.filename or 'a file'} ({error.strerror}); what is recorded is kept"
            elif error.errno == errno.EACCES and error.filename:
                sentence = f"no access to {error.filename} ({error.strerror}); what is recorded is kept"
            elif error.errno == errno.ENAMETOOLONG:
                sentence = f"{str(error.filename)[:60]}...: a file's name cannot be that long"
            else:
                raise
        say_error(sentence)
        raise typer.Exit(USER_ERROR)

    return wrapped
