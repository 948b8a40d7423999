"""A written ablation plan in, a study out, with an account of every phrase."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from dit_core.config import TrialConfig
from dit_core.errors import UserError, parse
from dit_core.paths import expanded
from search_spaces.expand import expand
from search_spaces.plan_import.json_plan import read_json, read_json_lines
from search_spaces.plan_import.markdown import read_markdown
from search_spaces.plan_import.understand import EntryReader, NotUnderstood, Phrase
from search_spaces.plan_import.written import Entry, WrittenPlan
from search_spaces.profiles import PROFILES, Profile
from search_spaces.study import Ablation, Study
from search_spaces.text_files import read_text

_READERS = {
    ".md": lambda text, where: read_markdown(text),
    ".markdown": lambda text, where: read_markdown(text),
    ".json": read_json,
    ".jsonl": read_json_lines,
}

PLAN_SUFFIXES = tuple(_READERS)


@dataclass(frozen=True)
class ImportedPlan:
    """A study made from a written plan.

    Attributes:
        source: the plan's file, as given.
        study: what was understood of it.
        understood: every phrase that was understood, and as what.
        not_understood: every phrase that is not part of the study, and why.
        notes: sentences on what the plan says beside its ablations.
    """

    source: str
    study: Study
    understood: tuple[Phrase, ...]
    not_understood: tuple[NotUnderstood, ...]
    notes: tuple[str, ...] = ()

    @property
    def comments(self) -> tuple[str, ...]:
        """What of the plan is missing from the study, for the top of its file (``dump_study(study, comments)``)."""
        return tuple(f"Not understood, and left out: {item}" for item in self.not_understood)

    def require_complete(self, skip_unknown: bool = False) -> Study:
        """Returns the study when nothing of the plan is missing from it.

        Args:
            skip_unknown: accept that what was not understood is left out.

        Raises:
            UserError: naming every phrase that was not understood.
        """
        if self.not_understood and not skip_unknown:
            raise UserError(
                f"{self.source}: {_count(self.not_understood)} not understood: {_listed(self.not_understood)}; "
                "say it differently in the plan, or leave it out with --skip-unknown (dit-ablate import --skip-unknown "
                "writes the rest as a study file to complete)"
            )
        return self.study


def import_plan(path: str | Path, profile: str = "digits") -> ImportedPlan:
    """Reads a plan in Markdown, JSON or JSON lines as a study around a profile's baseline.

    Args:
        path: the plan.
        profile: decides the baseline, and with it the budget, seeds, rungs and policy.

    Raises:
        UserError: the file is unreadable or not a plan, or not one ablation of it was understood.
    """
    where = str(path)
    known = PROFILES.get(profile, "profile")
    written = _read(expanded(path), where)
    readers = _readers(written, known.config, known)
    ablations = [ablation for reader in readers if (ablation := reader.read()) is not None]
    missed = tuple(item for reader in readers for item in reader.not_understood)
    if not ablations:
        raise UserError(f"{where}: no ablation of this plan was understood: {_listed(missed)}")
    notes = [f"{reader.name}: {label} {text!r} is a remark; it changes nothing"
             for reader in readers for label, text in reader.entry.remarks]  # fmt: skip
    notes += [
        f"{label} {text!r} stands outside of every ablation; it changes nothing" for label, text in written.remarks
    ]
    study = _study(Path(path), written, known, ablations, [name for reader in readers for name in reader.metrics])
    understood = tuple(phrase for reader in readers for phrase in reader.understood)
    return ImportedPlan(where, study, understood, missed, tuple(notes))


def _read(path: Path, where: str) -> WrittenPlan:
    if path.is_dir():
        raise UserError(f"{where}: is a folder; give a plan (.md, .json, .jsonl)")
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise UserError(f"{where}: unknown kind of plan; a plan ends in {', '.join(PLAN_SUFFIXES)}")
    written = reader(read_text(path), where)
    if not written.entries:
        raise UserError(
            f"{where}: no ablations found; a plan has entries with Ablated Part, Action, Replacement and Metrics"
        )
    return written


def _readers(written: WrittenPlan, baseline: TrialConfig, profile: Profile) -> list[EntryReader]:
    readers: list[EntryReader] = []
    for number, entry in enumerate(written.entries, 1):
        name = base = _title(entry) or f"Ablation {number}"
        copy = 1
        while name in {reader.name for reader in readers}:
            copy += 1
            name = f"{base} ({copy})"
        readers.append(EntryReader(entry, name, baseline, profile))
    return readers


def _title(entry: Entry) -> str:
    return entry.title or (entry.parts[0] if entry.parts else "")


def _study(path: Path, written: WrittenPlan, profile: Profile, ablations: list[Ablation], metrics: list[str]) -> Study:
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-._") or "plan"
    wanted = tuple(dict.fromkeys((profile.primary_metric, *metrics)))
    overrides = {} if wanted == profile.config.evaluation.metrics else {"evaluation.metrics": list(wanted)}
    data = {
        "name": f"{slug[:80]}-{profile.name}",
        "description": f"{written.title or path.stem}, imported from {path.name}",
        "baseline": {"profile": profile.name, "overrides": overrides},
        "ablations": tuple(ablations),
    }
    study = parse(Study, data, str(path))
    expand(study)
    return study


def _listed(missed: tuple[NotUnderstood, ...]) -> str:
    """Names every phrase; those that only follow another are put behind it."""
    parts: list[str] = []
    for name in dict.fromkeys(item.ablation for item in missed):
        items = [item for item in missed if item.ablation == name]
        text = "; ".join(str(item) for item in items if not item.follows)
        follow = ", ".join(f"{item.field} {item.text!r}" for item in items if item.follows)
        parts.append(text + (f", and with it {follow}" if follow else ""))
    return "; ".join(parts)


def _count(missed: tuple[NotUnderstood, ...]) -> str:
    return f"{len(missed)} phrase{'' if len(missed) == 1 else 's'} of the plan"


__all__ = ["ImportedPlan", "NotUnderstood", "Phrase", "import_plan"]
