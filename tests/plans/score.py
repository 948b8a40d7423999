#!/usr/bin/env python3
"""Scores a folder of written ablation plans: what does the product make of every entry?

    PYTHON tests/plans/score.py FOLDER [--threshold 0.9] [--project CHECKOUT] [--only NAME] [--brief]

PYTHON is the project's own interpreter (its dependencies are needed). What is scored is the checkout that holds this
file, or --project. Nothing is written and nothing is run.

Beside every plan lies FILE.expected.json, a list with one object per entry:

    entry       its title (or part, or id) as written; "names" holds further spellings that identify it
    expect      compiled | refused | ask
    axis        axis name; a list for GRID and LADDER
    action      REPLACE | REMOVE | ADD | GRID | LADDER
    values      list of values; null for the axis's usual ones; for GRID {axis: [values]} (every combination) or a list
                of {axis: value} (those points only; a ladder's steps, each with what it keeps)
    refused_values  texts of values that cannot be had and have to be named, beside the others, which are tried
    metrics     what is to be measured; metrics_refused: what has to be named as not available
    also        other readings that are right too: objects that override keys of the entry
    profile     profile under which it is judged: digits (default) or paper
    candidates  for ask: the axes between which the product has to ask
    needs       what the product lacks today
    unit        of values, for people
    why         one sentence

Verdicts. RIGHT: the entry became what is expected, arm by arm (the baseline's own value may be there or not; REMOVE
and REPLACE with the same arms are the same), or it was refused by name or asked about where that is expected. WRONG: it
became something else, or part of it (or all of it, or a metric) is gone without a word, or an ablation appeared that no
entry asks for. ASK: the product shows a guess, or names the right axis among the nearest, where it should have known.
REFUSED: it says that it did not understand (all or part of) an entry that it should have compiled or asked about.

Compared are arms (configurations), axis names and the product's own account; never the wording of a sentence.
Exit status 0 only with no WRONG and at least the threshold's share of RIGHT.
"""

from __future__ import annotations

import argparse
import dataclasses
import difflib
import itertools
import json
import re
import sys
from pathlib import Path
from typing import Any

from entry_names import assign, norm

sys.dont_write_bytecode = True

CHECKOUT = Path(__file__).resolve().parents[2]
PROFILE = "digits"
METRICS = "Metrics"
KINDS = ("RIGHT", "WRONG", "REFUSED", "ASK")
GUESS = re.compile(r"guess|confirm|ask|question|propos|suggest|candidate|assum|uncertain|ambig|doubt|maybe", re.I)
KNOWN = {"ablation", "field", "text", "reason", "nearest", "follows", "meaning"}
PLANS = (".md", ".markdown", ".json", ".jsonl", ".ndjson", ".yaml", ".yml", ".txt")


# -- what the product says ---------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Compiled:
    """An ablation of the study: its arms without the baseline, as canonical texts of their configurations."""

    name: str
    axes: tuple[str, ...]
    action: str
    arms: frozenset[str]
    labels: tuple[str, ...]
    guessed: bool = False


@dataclasses.dataclass
class Said:
    """Everything that the product says about one plan under one profile."""

    error: str = ""
    compiled: list[Compiled] = dataclasses.field(default_factory=list)
    missed: list[Any] = dataclasses.field(default_factory=list)  # NotUnderstood and the like
    guesses: list[tuple[str, tuple[str, ...]]] = dataclasses.field(default_factory=list)  # (entry, axes named)
    names: list[str] = dataclasses.field(default_factory=list)  # entries, in order
    metrics: tuple[str, ...] = ()
    ready: bool = False


class Product:
    """The package under test, behind the few calls that are needed."""

    def __init__(self) -> None:
        import search_spaces
        from search_spaces.axes import all_axes, find_axis
        from search_spaces.expand import expand
        from search_spaces.fields import with_fields
        from search_spaces.profiles import PROFILES

        self.where = Path(search_spaces.__file__).resolve().parents[1]
        self.all_axes, self.find_axis, self.expand = all_axes, find_axis, expand
        self.with_fields, self.profiles = with_fields, PROFILES
        self.axis_names = {axis.name for axis in all_axes()}

    def read(self, path: Path, profile: str) -> Said:
        """Opens a plan as ``dit-ablate plan PATH --profile PROFILE`` does, and collects what is said about it."""
        try:
            study, imported = self._open(path, profile)
            views = self.expand(study)
        except Exception as error:  # a refusal, or a crash: either way nothing was compiled
            kind = "" if type(error).__name__ == "UserError" else f"{type(error).__name__}: "
            return Said(error=f"{kind}{error}")
        said = Said(metrics=tuple(views.arms[0].config.evaluation.metrics))
        understood = list(getattr(imported, "understood", ()) or ())
        said.missed = list(getattr(imported, "not_understood", ()) or ())
        said.guesses = self._guesses(imported, said.missed, understood)
        arms = {arm.name: arm for arm in views.arms}
        guessed = {name for name, _ in said.guesses}
        for view in views.ablations:
            own = [row for row in view.arms if not arms[row[1]].is_baseline]
            axes = tuple(part.strip() for part in view.axis.split(","))
            said.compiled.append(
                Compiled(view.name, axes, view.action, frozenset(self.canonical(arms[arm].config) for _, arm in own),
                         tuple(str(label) for label, _ in own), view.name in guessed)
            )  # fmt: skip
        said.ready = not said.missed and not said.guesses
        order = [item.ablation for item in (*understood, *said.missed) if hasattr(item, "ablation")]
        order += [item.name for item in said.compiled if item.action not in ("GRID", "LADDER")]
        order += [name for name, _ in said.guesses]
        said.names = list(dict.fromkeys(name for name in order if name))
        return said

    def _open(self, path: Path, profile: str) -> tuple[Any, Any]:
        try:
            from service.sources import open_study
        except ImportError:
            from search_spaces.plan_import import import_plan

            imported = import_plan(path, profile=profile)
            return imported.study, imported
        try:
            opened = open_study(str(path), {"profile": profile})
        except Exception as first:
            if profile != PROFILE or path.suffix.lower() not in (".yaml", ".yml"):
                raise
            try:  # a study file takes no profile
                opened = open_study(str(path), {})
            except Exception:
                raise first from None
        return opened.study, opened.imported

    def _guesses(self, imported: Any, missed: list[Any], understood: list[Any]) -> list[tuple[str, tuple[str, ...]]]:
        """Finds what is shown as a guess, wherever a later version keeps it."""
        found: list[tuple[str, tuple[str, ...]]] = []
        for item in (*missed, *understood):
            for key, value in _fields(item):
                if key not in KNOWN and GUESS.search(key) and value:
                    found.append((item.ablation, self._axes_in(value if value is not True else _fields(item))))
        if imported is not None:
            for key, value in _fields(imported):
                if GUESS.search(key) and isinstance(value, list | tuple):
                    for item in value:
                        data = dict(_fields(item))
                        name = next((str(data[k]) for k in ("ablation", "entry", "name", "title") if data.get(k)), "")
                        if name:
                            found.append((name, self._axes_in([*data.values()])))
        return found

    def _axes_in(self, value: Any) -> tuple[str, ...]:
        texts = list(_texts(value))
        exact = [text for text in texts if text in self.axis_names]
        inside = [name for text in texts for name in self.axis_names if re.search(rf"\b{re.escape(name)}\b", text)]
        return tuple(dict.fromkeys(exact + inside))

    def canonical(self, config: Any) -> str:
        """A configuration as text, without what only says what is measured or kept."""
        data = config.model_dump(mode="json")
        data["evaluation"].pop("metrics", None)
        data["training"].pop("ema_decays", None)
        data["training"].pop("ema_lengths", None)
        data.pop("seed", None)
        return json.dumps(data, sort_keys=True)

    def axis(self, name: str) -> Any:
        """The axis called ``name`` by its name or an alias; None when the product has none."""
        try:
            return self.find_axis(name)
        except Exception:
            return None

    def expected_arms(self, reading: dict[str, Any], profile_name: str) -> tuple[set[str], list[str]]:
        """The arms that a reading asks for (without the baseline), and what of it the product has no value for."""
        profile = self.profiles.get(profile_name)
        baseline = profile.config
        impossible: list[str] = []
        arms: set[str] = set()
        for point in self._points(reading, profile, baseline, impossible):
            settings: dict[str, Any] = {}
            try:
                for name, value in point.items():
                    axis = self.axis(name)
                    if axis is None:
                        raise LookupError(name)
                    parsed = axis.parse(_spelled(value), profile)
                    if parsed != axis.current(baseline, profile):
                        settings |= axis.settings(parsed, profile, baseline)
                arms.add(self.canonical(self.with_fields(baseline, settings)))
            except Exception:
                impossible.append(", ".join(f"{name}={value}" for name, value in point.items()))
        arms.discard(self.canonical(baseline))
        return arms, impossible

    def _points(
        self, reading: dict[str, Any], profile: Any, baseline: Any, impossible: list[str]
    ) -> list[dict[str, Any]]:
        names, values = reading["axis"], reading.get("values")
        if isinstance(names, list):
            if isinstance(values, dict):
                return [dict(zip(values, row, strict=True)) for row in itertools.product(*values.values())]
            return list(values or ())
        if values is not None:
            return [{names: value} for value in values]
        axis = self.axis(names)
        if axis is None:
            impossible.append(str(names))
            return []
        try:
            usual = {"REMOVE": axis.remove, "ADD": axis.add}.get(reading["action"], axis.alternatives)
            args = (profile, baseline) if usual == axis.alternatives else (baseline, profile)
            return [{axis.name: value} for value in usual(*args)]
        except Exception:
            impossible.append(str(names))
            return []

    def same_axes(self, one: Any, other: tuple[str, ...]) -> bool:
        """Whether two ways to name axes mean the same, or set the same fields."""
        wanted = [one] if isinstance(one, str) else list(one or ())
        fields = []
        for names in (wanted, other):
            axes = [self.axis(name) for name in names]
            fields.append({axis.fields if axis is not None else name for axis, name in zip(axes, names, strict=True)})
        return fields[0] == fields[1]


def _fields(item: Any) -> list[tuple[str, Any]]:
    if dataclasses.is_dataclass(item) and not isinstance(item, type):
        return [(field.name, getattr(item, field.name)) for field in dataclasses.fields(item)]
    if hasattr(item, "model_dump"):
        return list(item.model_dump().items())
    if isinstance(item, dict):
        return list(item.items())
    return list(vars(item).items()) if hasattr(item, "__dict__") else []


def _texts(value: Any) -> Any:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _texts(list(value.values()))
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _texts(item)
    elif _fields(value):
        yield from _texts([item for _, item in _fields(value)])


def _spelled(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


# -- verdicts ----------------------------------------------------------------------------------------------------------


def readings(entry: dict[str, Any]) -> list[dict[str, Any]]:
    """The expected reading and the others that are right too."""
    return [entry, *({**entry, **other} for other in entry.get("also", ()))]


def judge(product: Product, entry: dict[str, Any], said: Said, mine: list[Compiled], missed: list[Any],
          guesses: list[tuple[str, ...]]) -> tuple[str, str]:  # fmt: skip
    """Returns the verdict on one entry and a few words on it."""
    profile = entry.get("profile", PROFILE)
    if said.error:
        named = any(len(n) > 1 and norm(n) in norm(said.error) for n in (str(entry["entry"]), *entry.get("names", ())))
        fits = named and any(reading["expect"] == "refused" for reading in readings(entry))
        return ("RIGHT" if fits else "REFUSED"), "whole file refused"
    core = [item for item in missed if item.field != METRICS and not getattr(item, "follows", False)]
    lost = lost_metrics(entry, said, missed, bool(mine))
    firm = [item for item in mine if not item.guessed]
    if not firm:
        if not missed and not guesses and not mine:
            return "WRONG", "gone without a word"
        return judge_unsettled(product, entry, core or missed, mine, guesses)
    together = frozenset[str]().union(*(item.arms for item in firm))
    shown = "; ".join(f"{'+'.join(item.axes)} {item.action} [{', '.join(item.labels)}]" for item in firm)
    for reading in readings(entry):
        if reading["expect"] != "compiled":
            continue
        arms, impossible = product.expected_arms(reading, profile)
        leftover = [item for item in core if not said_of(item, reading.get("refused_values", ()))]
        if together == arms and not impossible and not leftover:
            return ("WRONG", f"metric gone: {', '.join(lost)}") if lost else ("RIGHT", shown)
        if impossible and not arms and same_by_name(product, reading, firm):
            return "RIGHT", shown
        if together and core and (together < arms or (impossible and together <= arms)):
            return "REFUSED", f"in part: {shown}"
    return "WRONG", shown


def judge_unsettled(product: Product, entry: dict[str, Any], missed: list[Any], mine: list[Compiled],
                    guesses: list[tuple[str, ...]]) -> tuple[str, str]:  # fmt: skip
    """The verdict on an entry of which nothing is settled: refused, or asked about."""
    guessed = [axis for axes in guesses for axis in axes] + [axis for item in mine for axis in item.axes]
    near = [axis for item in missed for axis in getattr(item, "nearest", ()) or ()]
    named = list(dict.fromkeys([*guessed, *near]))
    shown = f"named {', '.join(named)}" if named else "no axis named"
    asked = bool(guesses or mine)
    for reading in readings(entry):
        if reading["expect"] == "refused" and not asked and any(str(getattr(i, "reason", "")).strip() for i in missed):
            return "RIGHT", f"refused ({shown})"
        if reading["expect"] == "ask":
            wanted = reading.get("candidates") or []
            hits = [axis for axis in wanted if any(product.same_axes(axis, (name,)) for name in named)]
            by_name = reading is entry and len(hits) >= 2  # nearest names do where a question between two is due
            if hits and (asked or by_name):
                return "RIGHT", f"asked ({shown})"
    axes = [reading["axis"] for reading in readings(entry) if reading["expect"] == "compiled"]
    wanted = [name for axis in axes for name in ([axis] if isinstance(axis, str) else axis or [])]
    if asked or any(product.same_axes(axis, (name,)) for axis in wanted for name in named):
        return "ASK", shown
    return "REFUSED", shown


def said_of(item: Any, texts: Any) -> bool:
    """Whether a phrase that was not understood is one that had to be refused."""
    return any(norm(text) in norm(str(item.text)) for text in texts)


def same_by_name(product: Product, reading: dict[str, Any], firm: list[Compiled]) -> bool:
    """Compares by names where the product's axis cannot be asked for the expected arms (a new one, say)."""
    if len(firm) != 1 or isinstance(reading["axis"], list) or reading.get("values") is None:
        return False
    axis = norm(str(reading["axis"]).replace("_", " "))
    if difflib.SequenceMatcher(None, axis, norm(firm[0].axes[0].replace("_", " "))).ratio() < 0.8:
        return False
    return {label(value) for value in reading["values"]} == {label(value) for value in firm[0].labels}


def asks_for_ladder(product: Product, entry: dict[str, Any], ladder: Compiled, profile: str, alone: bool) -> bool:
    """Whether the study's one ladder, which names no axes, is this entry's: its points are a way to say some grids.

    A plan may have several ladders (``alone`` where it has one); the others are arms under their entries' own names.
    """
    if entry.get("action") == "LADDER":
        return alone or product.expected_arms(entry, profile)[0] >= ladder.arms
    asked = [r for r in readings(entry) if r.get("action") == "GRID" and r.get("values") is not None]
    return any(product.expected_arms(reading, profile)[0] == ladder.arms for reading in asked)


def label(value: Any) -> str:
    """A value as compared by name."""
    text = {"True": "on", "False": "off"}.get(str(value), str(value))
    try:
        return f"{float(text.replace(',', '')):g}"
    except ValueError:
        return re.sub(r"[^a-z0-9]+", "", text.casefold())


def lost_metrics(entry: dict[str, Any], said: Said, missed: list[Any], compiled: bool) -> list[str]:
    """Metrics of the registry that a compiled entry asks for and that are neither measured nor named as missing."""
    if not compiled or any(item.field == METRICS for item in missed) or not said.metrics:
        return []
    if entry.get("profile", PROFILE) != "paper":
        return []  # other profiles let another metric stand in
    from dit_core.parts import METRICS as registry

    return [name for name in entry.get("metrics", ()) if name in set(registry.names()) and name not in said.metrics]


# -- a folder ----------------------------------------------------------------------------------------------------------


def score_file(product: Product, path: Path, brief: bool) -> list[tuple[dict[str, Any], str, str]]:
    """Scores one plan; prints a line per entry and returns them."""
    entries = json.loads(path.with_name(path.name + ".expected.json").read_text())
    profiles = dict.fromkeys([*(entry.get("profile", PROFILE) for entry in entries), "paper"])
    said = {name: product.read(path, name) for name in profiles}
    found: list[tuple[dict[str, Any], str, str]] = []
    claimed: dict[str, set[int]] = {name: set() for name in said}
    metrics_refused, metrics_lost = [], []
    for index, entry in enumerate(entries):
        profile = entry.get("profile", PROFILE)
        here = said[profile]
        given = assign(here.names, entries)
        own = {name for name, at in given.items() if at == index}
        mine = [c for c in here.compiled if c.name in own]
        grids = [c for c in here.compiled if c.action == "GRID" and c.name not in given]
        if entry.get("action") == "GRID":
            mine += [c for c in grids if product.same_axes(entry["axis"], c.axes)]
        alone = sum(other.get("action") == "LADDER" for other in entries) == 1
        mine += [c for c in here.compiled if c.action == "LADDER" and c.name not in given
                 and asks_for_ladder(product, entry, c, profile, alone)]  # fmt: skip
        claimed[profile] |= {here.compiled.index(c) for c in mine}
        missed = [item for item in here.missed if getattr(item, "ablation", None) in own]
        guesses = [axes for name, axes in here.guesses if name in own]
        verdict, words = judge(product, entry, here, mine, missed, guesses)
        paper = said["paper"]
        if verdict == "RIGHT" and mine and profile != "paper" and not paper.error:  # metrics stand for themselves there
            named = assign(paper.names, entries)
            theirs = [i for i in paper.missed if named.get(getattr(i, "ablation", "")) == index]
            gone = lost_metrics({**entry, "profile": "paper"}, paper, theirs, True)
            if gone:
                verdict, words = "WRONG", f"metric gone: {', '.join(gone)}"
        refused = [item.text for item in missed if item.field == METRICS]
        refused = [text for text in refused if norm(text) not in {norm(t) for t in entry.get("metrics_refused", ())}]
        metrics_refused += refused
        metrics_lost += [words] if words.startswith("metric gone") else []
        found.append((entry, verdict, words))
        if not brief or verdict != "RIGHT":
            what = f"{str(entry['entry'])[:44]:44} expected {entry['expect']:8} {describe(entry)[:58]:58}"
            print(f"  {verdict:7} {what} | {words[:150]}")
    for profile, here in said.items():
        if profile == PROFILE or all(e.get("profile", PROFILE) == profile for e in entries):
            for at, extra in enumerate(here.compiled):
                if at not in claimed[profile] and extra.name not in assign(here.names, entries):
                    found.append(({"entry": extra.name, "expect": "nothing"}, "WRONG", "no entry asks for it"))
                    shown = f"{'+'.join(extra.axes)} {extra.action} {extra.labels}"
                    print(f"  WRONG   {extra.name[:44]:44} expected nothing  {'':58} | {shown}")
    here = next(iter(said.values()))
    state = f"refused: {here.error[:160]}" if here.error else ("ready" if here.ready else "not ready")
    counts = {kind: sum(v == kind for _, v, _ in found) for kind in KINDS}
    print(f"{path.name}: {', '.join(f'{k} {n}' for k, n in counts.items() if n)}; {state}"
          + (f"; metrics not understood: {', '.join(metrics_refused)}" if metrics_refused else ""))  # fmt: skip
    return found


def describe(entry: dict[str, Any]) -> str:
    """The expected reading in short."""
    if entry.get("axis") is None:
        return ""
    axis = entry["axis"] if isinstance(entry["axis"], str) else "+".join(entry["axis"])
    values = "usual" if entry.get("values") is None else json.dumps(entry["values"], ensure_ascii=False)
    return f"{axis} {entry['action']} {values}{' (needs work)' if entry.get('needs') else ''}"


def main() -> int:
    """Scores a folder and returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--threshold", type=float, default=0.9, help="share of RIGHT that is needed, 0..1")
    parser.add_argument("--project", type=Path, default=CHECKOUT, help="checkout to score, instead of this one")
    parser.add_argument("--only", default="", help="score plans whose name contains this")
    parser.add_argument("--brief", action="store_true", help="print no line for entries that are RIGHT")
    options = parser.parse_args()
    sys.path.insert(0, str(options.project.resolve()))
    product = Product()
    print(f"product: {product.where}; {len(product.axis_names)} axes")
    plans = [p for p in sorted(options.folder.iterdir()) if p.suffix in PLANS and not p.name.endswith(".expected.json")]
    plans = [p for p in plans if options.only in p.name]
    orphans = [p.name for p in plans if not p.with_name(p.name + ".expected.json").exists()]
    if orphans or not plans:
        print(f"no expectation for: {', '.join(orphans)}" if orphans else f"{options.folder}: no plans")
        return 2
    found = [item for path in plans for item in score_file(product, path, options.brief)]
    total = len(found)
    print()
    for kind in ("compiled", "refused", "ask", "nothing"):
        rows = [verdict for entry, verdict, _ in found if entry["expect"] == kind]
        if rows:
            print(f"expected {kind:8} {len(rows):3}: {', '.join(f'{k} {rows.count(k)}' for k in KINDS)}")
    rows = [verdict for entry, verdict, _ in found if entry.get("needs") and entry["expect"] == "compiled"]
    counted = ", ".join(f"{k} {rows.count(k)}" for k in KINDS)
    print(f"of them, needing what the product may lack: {len(rows)}: {counted}")
    verdicts = [verdict for _, verdict, _ in found]
    share = verdicts.count("RIGHT") / total
    print(f"TOTAL {total}: " + ", ".join(f"{k} {verdicts.count(k)} ({verdicts.count(k) / total:.0%})" for k in KINDS))
    passed = not verdicts.count("WRONG") and share >= options.threshold
    state = "PASS" if passed else "FAIL"
    print(f"{state}: RIGHT {share:.1%} of at least {options.threshold:.0%}, WRONG {verdicts.count('WRONG')}")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
