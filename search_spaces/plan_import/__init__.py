"""A written ablation plan in, a study out, with an account of every phrase."""

from __future__ import annotations

import copy
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from dit_core.config import TrialConfig
from dit_core.errors import UserError, parse
from dit_core.paths import expanded
from search_spaces.expand import expand
from search_spaces.plan_import.account import IncompletePlan, NothingUnderstood, NotUnderstood, Phrase, Question
from search_spaces.plan_import.actions import is_action
from search_spaces.plan_import.choose import axis_by_name, bare_title
from search_spaces.plan_import.entry_metrics import one_for_several
from search_spaces.plan_import.files import read_file
from search_spaces.plan_import.gist import gist, is_whole
from search_spaces.plan_import.labels import REPLACEMENT
from search_spaces.plan_import.ladders import as_arms
from search_spaces.plan_import.outside import ELSEWHERE, beside, outside
from search_spaces.plan_import.pairs import side_of
from search_spaces.plan_import.sentences import asks
from search_spaces.plan_import.stems import STOP_STEMS, stems
from search_spaces.plan_import.study_file import with_comments
from search_spaces.plan_import.together import no_such_pair
from search_spaces.plan_import.understand import EntryReader
from search_spaces.plan_import.written import Entry, WrittenPlan, told_together
from search_spaces.plan_suffixes import PLAN_SUFFIXES, PLANS_ARE, YAML
from search_spaces.profiles import PROFILES, Profile
from search_spaces.study import Ablation, Baseline, LadderStep, Study
from search_spaces.words import Words, words

_WAY_ON = (
    "say it differently in the plan, or leave it out with --skip-unknown (dit-ablate import writes the rest as a study "
    "file to complete)"
)


@dataclass(frozen=True)
class ImportedPlan:
    """A study made from a written plan.

    Attributes:
        source: the plan's file, as given.
        study: what was understood of it.
        understood: every phrase that was understood, and as what.
        not_understood: every phrase that is not part of the study, and why.
        notes: sentences on what the plan says beside its ablations.
        questions: entries that have to be settled before anything runs, with the readings they may have.
        guesses: entries whose best reading was taken although it is not certain.
        entries: names of the plan's entries, in its order.
        unsettled: whether all of the study rests on readings that have to be settled: it is there to be looked at.
    """

    source: str
    study: Study
    understood: tuple[Phrase, ...]
    not_understood: tuple[NotUnderstood, ...]
    notes: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()
    guesses: tuple[Question, ...] = ()
    entries: tuple[str, ...] = ()
    unsettled: bool = False

    @property
    def comments(self) -> tuple[str, ...]:
        """What of the plan is missing from the study, for the top of its file (``dump_study(study, comments)``)."""
        return tuple(f"Not understood, and left out: {item}" for item in self.not_understood)

    def with_comments(self, text: str) -> str:
        """Returns the study's file with comments where something of the plan was left out or guessed.

        Args:
            text: the study as YAML (``dump_study(imported.study)``).
        """
        names = [ablation.name for ablation in self.study.ablations]
        return with_comments(text, names, self.entries, self.not_understood, self.questions, self.guesses)

    def to_json(self) -> dict[str, Any]:
        """Returns the account as plain JSON data, in the fields that a preview has."""
        return {
            "study": self.study.name,
            "ready": not self.not_understood,
            "understood": [asdict(item) for item in self.understood],
            "not_understood": [asdict(item) for item in self.not_understood],
            "questions": [asdict(item) for item in self.questions],
            "guesses": [asdict(item) for item in self.guesses],
            "notes": list(self.notes),
        }

    def require_complete(self, skip_unknown: bool = False) -> Study:
        """Returns the study when nothing of the plan is missing from it.

        Args:
            skip_unknown: accept that what was not understood is left out.

        Raises:
            IncompletePlan: naming every phrase that was not understood.
        """
        if self.not_understood and (self.unsettled or not skip_unknown):
            count, listed = _count(self.not_understood), _listed(self.not_understood)
            raise IncompletePlan(
                f"{self.source}: {count} not understood: {listed}; {_WAY_ON}",
                f"{self.source}: {count} not understood, each listed above; {_WAY_ON}",
            )
        return self.study


def import_plan(path: str | Path, profile: str = "digits", accept_guesses: bool = False) -> ImportedPlan:
    """Reads a plan, in Markdown, JSON, YAML or prose, as a study around a profile's baseline.

    Args:
        path: the plan.
        profile: decides the baseline, and with it the budget, seeds, rungs and policy.
        accept_guesses: take the best reading of entries that would have to be asked, and say so.

    Raises:
        UserError: the file is unreadable or not a plan, or not one ablation of it was understood.
    """
    where = str(path)
    known = PROFILES.get(profile, "profile")
    written = _read(expanded(path), where)
    written, readers, ablations = _best_way(written, known, accept_guesses)
    ladder = _ladder(readers)
    missed = tuple(item for reader in readers for item in reader.not_understood)
    asked = tuple(reader.question for reader in readers if reader.question is not None and not reader.guessed)
    guesses = tuple(reader.question for reader in readers if reader.question is not None and reader.guessed)
    unsettled = not ablations and not ladder
    if unsettled and asked:  # what they would become is shown, and does not run
        ablations, ladder = _best_readings(written, known)
    ordered, rest = outside(written, readers)
    missed += ordered
    notes = [*beside(written, readers)]
    open_texts = {item.text for item in ordered}
    notes += [f"{label} {text!r} {ELSEWHERE}" for label, text in written.remarks if text not in open_texts]
    notes += [*rest, *one_for_several(readers)]
    if not ablations and not ladder:
        text = f"{where}: no ablation of this plan was understood: {written.strange or _listed(missed)}"
        raise NothingUnderstood(text, missed, asked, tuple(notes))
    metrics = [name for reader in readers for name in reader.metrics]
    study = _study(Path(path), written, known, {"ablations": tuple(ablations), "ladder": ladder}, metrics)
    understood = tuple(phrase for reader in readers for phrase in reader.understood)
    entries = tuple(reader.name for reader in readers) + tuple(dict.fromkeys(item.ablation for item in ordered))
    return ImportedPlan(where, study, understood, missed, tuple(notes), asked, guesses, entries, unsettled)


def _best_way(
    written: WrittenPlan, profile: Profile, accept_guesses: bool
) -> tuple[WrittenPlan, list[EntryReader], list[Ablation]]:
    """The way to take the text apart that leaves the least open; the first one where several do."""
    best: tuple[float, WrittenPlan, list[EntryReader], list[Ablation]] | None = None
    contended: set[Words] = set()  # an entry that has to be asked about is not settled by another way to read it
    for way in (written, *written.others):
        if _repeats(way) > _repeats(written):
            continue  # what stands above several entries is a label of theirs
        readers = _readers(way, profile.config, profile, accept_guesses)
        ablations = _possible(readers, profile)
        left = sum(reader.open and reader.entry.off is None for reader in readers)
        answers = [r for r in readers if not r.open and words(bare_title(r.name)) in contended]
        dropped = sum(_drops(way, other) for other in (written, *written.others) if other is not way)
        left += dropped
        worth = len(readers) - 3 * len(answers) - left * _OPEN - (len(readers) if told_together(way) else 0)
        if way is written:
            contended = {words(bare_title(r.name)) for r in readers if len(r.about) > 1 or r.entry.off}
        if best is None or worth > best[0]:
            best = (worth, way, readers, ablations)
        if way is written and (not left or any(map(is_whole, way.entries))) and not told_together(way):
            break
    assert best is not None
    return best[1:]


def _repeats(way: WrittenPlan) -> int:
    """How many entries have a title that another one has, too."""
    titles = [words(bare_title(entry.title)) for entry in way.entries if entry.title]
    return len(titles) - len(set(titles))


def _drops(way: WrittenPlan, other: WrittenPlan) -> int:
    """How many entries of another way to take the text apart are in none of this one's."""
    mine = {word for entry in way.entries for text in entry.texts for word in stems(text)}
    count = 0
    for entry in other.entries:
        said = {word for text in entry.texts for word in stems(text)} - STOP_STEMS
        count += bool(said) and len(said - mine) > 0.5 * len(said) and any(map(asks, entry.texts))
    return count


_OPEN = 1.5
"""What an entry that is left open costs, beside one that is settled."""


def _best_readings(written: WrittenPlan, profile: Profile) -> tuple[list[Ablation], tuple[LadderStep, ...]]:
    readers = _readers(written, profile.config, profile, accept_guesses=True)
    return _possible(readers, profile), _ladder(readers)


def _possible(readers: list[EntryReader], profile: Profile) -> list[Ablation]:
    """The ablations of all entries; one that the baseline cannot run is left out with the reason, and no other."""
    found = []
    entries = [copy.deepcopy(reader.entry) for reader in readers]
    for at, reader in enumerate(readers):
        ablation = reader.read()
        reader.ride(entries[at], ablation)
        if reader.entry.off is not None:
            continue
        way = reader.entry.other
        while reader.open and way is not None:
            again = EntryReader(way, reader.name, reader.baseline, profile, reader.accept_guesses)
            sides = [told for told in way.remarks if side_of(told[0])]
            acted = Entry(actions=list(way.actions), remarks=sides)
            other = again.read()
            again.ride(entries[at], other)
            again.ride(acted, other)
            both = again.combined is not None and {*again.combined.axes} == {*reader.about}
            if not again.open and (both or len(reader.about) < 2):
                reader, ablation = again, other
                readers[at] = again
            way = way.other
        for way in filter(None, (_behind_its_arrow(entries[at], reader), _as_titled(entries[at], reader))):
            if not reader.open:
                break
            again = EntryReader(way, reader.name, reader.baseline, profile, reader.accept_guesses)
            other = again.read()
            again.ride(entries[at], other)
            if not again.open:
                reader, ablation = again, other
                readers[at] = again
        if reader.open and reader.unclear and (said := _gist(entries[at], profile, reader.about)) is not None:
            again = EntryReader(said, reader.name, reader.baseline, profile, reader.accept_guesses)
            other = again.read()
            again.ride(entries[at], other)
            again.ride(Entry(actions=_acted(entries[at])), other)
            if not again.open:
                reader, ablation = again, other
                readers[at] = again
        first = not any(map(_ladder_of, readers[:at]))
        if (ladder := _ladder_of(reader)) and not first:
            ablation = as_arms(ladder, reader.name, reader.baseline, profile)
        if (ablation is None and not ladder) or reader.left_out:
            continue
        alone = {"ladder": ladder} if ablation is None else {"ablations": (ablation,)}
        try:
            arms = expand(Study(name="one", baseline=Baseline(profile=profile.name), **alone)).arms
        except UserError as error:
            reader.leave_out(str(error))
            continue
        if ablation is None:
            continue
        if len(arms) > 1:
            found.append(ablation)
        else:
            reader.leave_out(f"its only value of {ablation.axis} is the baseline's own, so that nothing is compared")
    return found


def _as_titled(entry: Entry, reader: EntryReader) -> Entry | None:
    """The entry as one about the axis that its title names, where its part was taken for another one."""
    axis = axis_by_name(bare_title(entry.title)) if entry.parts and entry.replacements and not entry.axes else None
    if axis is None or reader.about:
        return None
    return replace(copy.deepcopy(entry), axes=[axis.name])


_ARROW = re.compile(r"^(?P<action>[A-Za-z][A-Za-z ]{1,24}?)\s*(?:→|->|⟶|➔|=>|⇒)\s*(?P<tried>\S.*)$", re.S)


def _behind_its_arrow(entry: Entry, reader: EntryReader) -> Entry | None:
    """The entry with what stands behind the arrow of its action as what is tried: ``REPLACE → plain adaLN``."""
    found = _ARROW.match(entry.actions[0]) if len(entry.actions) == 1 and not entry.replacements else None
    if found is None or not is_action(found["action"]) or len(reader.about) > 1:
        return None
    way = replace(copy.deepcopy(entry), actions=[found["action"]])
    way.put(REPLACEMENT, found["tried"])
    return way


def _gist(entry: Entry, profile: Profile, about: tuple[str, ...]) -> Entry | None:
    """What an entry says in all, of the first way to take it apart in which that is clear."""
    way: Entry | None = entry if entry.crossed is None else None
    while way is not None and not (way.overlong or way.beyond):
        if (said := gist(way, profile.config, profile)) is not None and (not about or said.axes[0] in about):
            return None if no_such_pair([*entry.replacements, *entry.actions], said.axes[0], profile) else said
        way = way.other
    return None


def _acted(entry: Entry) -> list[str]:
    """The actions of an entry in every way to take it apart."""
    return [*entry.actions, *(_acted(entry.other) if entry.other is not None else ())]


def _read(path: Path, where: str) -> WrittenPlan:
    if path.is_dir():
        raise UserError(f"{where}: is a folder; {PLANS_ARE}")
    if path.suffix.lower() not in (*PLAN_SUFFIXES, *YAML):
        raise UserError(f"{where}: unknown kind of plan; {PLANS_ARE}")
    written = read_file(path, where)
    if not written.entries:
        entries = "a plan has entries with Ablated Part, Action, Replacement and Metrics"
        raise UserError(f"{where}: no ablations found; {written.strange or entries}")
    return written


def _readers(written: WrittenPlan, baseline: TrialConfig, profile: Profile, accept_guesses: bool) -> list[EntryReader]:
    readers: list[EntryReader] = []
    for number, entry in enumerate(written.entries, 1):
        name = base = _title(entry) or f"Ablation {number}"
        copy = 1
        while name in {reader.name for reader in readers}:
            copy += 1
            name = f"{base} ({copy})"
        readers.append(EntryReader(entry, name, baseline, profile, accept_guesses))
    return readers


def _title(entry: Entry) -> str:
    return entry.title or (entry.parts[0] if entry.parts else "")


def _ladder(readers: list[EntryReader]) -> tuple[LadderStep, ...]:
    """The study's ladder, which is the first; the arms of others are ablations."""
    return next((ladder for reader in readers if (ladder := _ladder_of(reader))), ())


def _ladder_of(reader: EntryReader) -> tuple[LadderStep, ...]:
    """The ladder that an entry is; empty for any other."""
    return reader.combined.ladder if reader.combined is not None and not reader.left_out else ()


def _study(path: Path, written: WrittenPlan, profile: Profile, asked: dict[str, Any], metrics: list[str]) -> Study:
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-._") or "plan"
    wanted = tuple(dict.fromkeys((profile.primary_metric, *metrics)))
    overrides = {} if wanted == profile.config.evaluation.metrics else {"evaluation.metrics": list(wanted)}
    data = {
        "name": f"{slug[:80]}-{profile.name}",
        "description": f"{written.title or path.stem}, imported from {path.name}",
        "baseline": {"profile": profile.name, "overrides": overrides},
        **asked,
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


__all__ = [
    "PLAN_SUFFIXES",
    "ImportedPlan",
    "IncompletePlan",
    "NotUnderstood",
    "NothingUnderstood",
    "Phrase",
    "Question",
    "import_plan",
]
