"""The page of the Python API: every public name of ``dit_ablate``, from its docstring."""

from __future__ import annotations

import dit_ablate
from service.choices import Choices
from service.export import ExportChoices

HEAD = """# Python

What `import dit_ablate` offers. `Client` does all that the command line does, and its results are pandas frames.

"""


def api_page() -> str:
    """Returns the page as Markdown for mkdocstrings; a public name that is added later joins in."""
    names = [name for name in dit_ablate.__all__ if not name.startswith("__")]
    names.sort(key=lambda name: (name != "Client", name != "Study"))
    shown = [getattr(dit_ablate, name) for name in names]
    shown[1:1] = [Choices, ExportChoices]  # the keyword arguments of the client's methods
    return HEAD + "".join(f"::: {item.__module__}.{item.__qualname__}\n\n" for item in shown)
