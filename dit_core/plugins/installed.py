"""Plugins that are installed: packages with an entry point in the group ``dit_ablate.plugins``.

They are imported once per process, where a study is opened and in every worker. Identities hold the distribution and
its version; of one that is installed for development, whose code changes under one version, a digest of its source too.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import json
from importlib.metadata import Distribution, EntryPoint, entry_points
from pathlib import Path

from dit_core.errors import UserError
from dit_core.plugins.contract import check_registered
from dit_core.registry import Origin, registering

GROUP = "dit_ablate.plugins"

_loaded: dict[str, Origin] = {}


def load_installed() -> dict[str, str]:
    """Imports the plugins that are installed and have not been imported yet.

    Returns:
        Module of every one -> what identities hold of it.

    Raises:
        UserError: one cannot be imported, takes a name that is taken, or breaks its contract.
    """
    for point in sorted(entry_points(group=GROUP), key=lambda point: (point.value, point.name)):
        if point.value not in _loaded:
            _loaded[point.value] = _load(point)
    return {module: origin.source for module, origin in _loaded.items()}


def require_installed(wanted: dict[str, str]) -> None:
    """Makes sure that this process has the plugins of another, with the same code.

    Args:
        wanted: what ``load_installed`` returned there.

    Raises:
        UserError: one is missing here, or another version.
    """
    here = load_installed()
    for module, source in wanted.items():
        if here.get(module) != source:
            raise UserError(
                f"plugins: the plugin {module} is {source} where the study was started, and "
                f"{here.get(module) or 'not installed'} on a node; install the same there"
            )


def _load(point: EntryPoint) -> Origin:
    assert point.dist is not None
    label = f"{point.dist.name} {point.dist.version}"
    origin = Origin(label, f"{point.dist.name}=={point.dist.version}{_edited(point.dist, point.module)}")
    try:
        with registering(origin):
            importlib.import_module(point.module)
        check_registered(origin)
    except UserError as error:
        origin.withdraw()
        raise UserError(f"plugins: the installed package {label} cannot be used: {error}; mend or remove it") from None
    except Exception as error:  # whatever code from outside raises
        origin.withdraw()
        raise UserError(
            f"plugins: the installed package {label} cannot be imported ({type(error).__name__}: {error}); "
            "mend or remove it"
        ) from None
    return origin


def _edited(dist: Distribution, module: str) -> str:
    """A digest of the source of a package that is installed for development; empty for others."""
    told = dist.read_text("direct_url.json")
    if told is None or not json.loads(told).get("dir_info", {}).get("editable"):
        return ""
    spec = importlib.util.find_spec(module.partition(".")[0])
    if spec is None or spec.origin is None:
        return ""
    start = Path(spec.origin)
    files = sorted(start.parent.rglob("*.py")) if spec.submodule_search_locations else [start]
    sha = hashlib.sha256()
    for file in files:
        sha.update(f"{file.relative_to(start.parent)}\n".encode() + file.read_bytes())
    return f"+{sha.hexdigest()[:12]}"
