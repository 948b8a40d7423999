"""What travels with a job: the study's file, its plugins and the Python files beside it, and no more.

A study may lie beside anything: stores, images, a home folder. So nothing travels but code, and what stays is said.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dit_core.errors import UserError
from dit_core.plugins.bundle import Bundle
from service.analysis.numbers import plural

LARGEST_FILE = 1024**2
MOST_BYTES = 16 * 1024**2
MOST_FILES = 1000
MOST_LOOKED_AT = 20_000
"""Ray takes up to 100 MB; a program is far from that, and whatever is not would be somebody's data."""
_NEVER = {"node_modules", "site-packages", "__pycache__", "venv", "env", "build", "dist", "mlruns", "mlflow-artifacts"}
_OURS = {"dit_core", "search_spaces", "service", "dit_ablate"}
"""The packages that the cluster has of its own: another version of them must not come before."""


@dataclass
class Luggage:
    """What was packed.

    Attributes:
        files: the Python files, relative to the study's folder.
        left_out: names beside the study that stay, with the reason.
        bytes_left_out: the size of the files directly beside the study that stay.
        cut: why not all Python files were packed; empty when they were.
    """

    files: list[Path] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    bytes_left_out: int = 0
    cut: str = ""

    def sentence(self, study_file: str) -> str:
        """Says what travels and what stays."""
        packed = f" and {plural(len(self.files), 'Python file')} beside it" if self.files else ""
        text = f"Sent along: {study_file}{packed}."
        if self.cut:
            text += f" {self.cut}."
        if self.left_out:
            shown = ", ".join(self.left_out[:3]) + (", ..." if len(self.left_out) > 3 else "")
            size = f", {self.bytes_left_out / 1e6:,.0f} MB" if self.bytes_left_out >= 1e6 else ""
            text += f" Left here: {shown} ({plural(len(self.left_out), 'item')}{size}); only Python files travel."
        return text


def packed_plugin(index: int, bundle: Bundle) -> str:
    """Returns where a plugin of the command line lies in the job's folder."""
    return f"plugin-{index}/{bundle.name}"


def pack_plugins(own: Sequence[Bundle], added: Sequence[Bundle], study_file: Path | None, folder: Path) -> None:
    """Writes plugins into a job's folder.

    Args:
        own: those that the study's file names, which lie where it says.
        added: those of the command line, which get a folder each.
        study_file: the study's file.
        folder: the job's.

    Raises:
        UserError: one that the study names lies where nothing travels from.
    """
    for bundle in own:
        top = None if study_file is None else study_file.absolute().parent
        if top is None or not Path(bundle.folder).is_relative_to(top):
            raise UserError(
                f"plugins: {bundle.path} does not lie beside or below the study's file, from where code travels with a "
                "job; move it there, or give it as --plugin"
            )
        _write(bundle, folder / Path(bundle.folder).relative_to(top))
    for index, bundle in enumerate(added):
        _write(bundle, (folder / packed_plugin(index, bundle)).parent)


def _write(bundle: Bundle, folder: Path) -> None:
    for module in bundle.modules.values():
        (folder / module.file).parent.mkdir(parents=True, exist_ok=True)
        (folder / module.file).write_text(module.text, encoding="utf-8")


def pack(study_file: Path, folder: Path) -> Luggage:
    """Copies a study's file, and the Python files beside and below it, into an empty folder.

    Left out are hidden folders, environments, stores, links, what is larger than a program, and the packages of
    dit-ablate itself, which the cluster has.
    """
    shutil.copy(study_file, folder / study_file.name)
    luggage, size = Luggage(), 0
    for path in _beside(study_file, luggage):
        if len(luggage.files) == MOST_FILES or size + path.stat().st_size > MOST_BYTES:
            luggage.cut = (
                f"More than {MOST_FILES:,} Python files or {MOST_BYTES // 1024**2} MB lie there: the rest stays"
            )
            break
        size += path.stat().st_size
        name = path.relative_to(study_file.parent)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder / name)
        luggage.files.append(name)
    return luggage


def _beside(study_file: Path, luggage: Luggage) -> Iterator[Path]:
    top, looked = study_file.resolve().parent, 0
    shown_top = study_file.parent
    for here, folders, files in os.walk(shown_top):
        at_top = Path(here) == shown_top
        kept = []
        for name in sorted(folders):
            reason = _unwanted(Path(here) / name, top_level=at_top)
            if reason is None:
                kept.append(name)
            elif at_top and reason:
                luggage.left_out.append(f"{name} ({reason})")
        folders[:] = kept
        for name in sorted(files):
            path = Path(here) / name
            looked += 1
            if looked > MOST_LOOKED_AT:
                luggage.cut = f"The folder {top} holds more than {MOST_LOOKED_AT:,} files: not all were looked at"
                return
            small = path.suffix == ".py" and not path.is_symlink() and path.stat().st_size <= LARGEST_FILE
            if small:
                yield path
            elif at_top and path != study_file and not name.startswith(".") and path.is_file():
                luggage.left_out.append(name)
                luggage.bytes_left_out += path.stat().st_size


def _unwanted(folder: Path, *, top_level: bool) -> str | None:
    """Why a folder does not travel: empty when that goes without saying, None when it is looked into."""
    if folder.name.startswith(".") or folder.name in _NEVER or folder.is_symlink():
        return ""
    if (folder / "store.json").exists():
        return "a store"
    if (folder / "pyvenv.cfg").exists():
        return ""
    if top_level and folder.name in _OURS and (folder / "__init__.py").exists():
        return "the cluster's own is used"
    return None
