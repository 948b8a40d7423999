"""What was changed after a study had begun, so that its tests no longer mean what they say."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from search_spaces.study import Study
from service.records.kinds import DefinitionRecord
from service.records.store import Store


def plan_changes(store: Store, study: Study, plan_digest: str) -> tuple[str, ...]:
    """Says what was changed after the first run had begun: the analysis plan, or seeds that were added.

    Args:
        store: where the study's definitions are.
        study: the study as it is now.
        plan_digest: identity of its analysis plan; empty where it is not known.

    Returns:
        Sentences to show wherever the study's conclusions are shown.
    """
    earlier = _definitions(store, study.name)
    said = []
    plans = [record.analysis_plan for record in earlier if record.analysis_plan]
    if plan_digest and any(plan != plan_digest for plan in plans):
        before = next(r.study for r in reversed(earlier) if r.analysis_plan and r.analysis_plan != plan_digest)
        said.append(
            f"THE ANALYSIS PLAN WAS CHANGED AFTER THE STUDY HAD BEGUN ({_changed(before, study)}): what was known by "
            "then may have led to the change, so read everything below as exploratory."
        )
    if earlier:
        first = {int(seed) for seed in earlier[0].study.get("seeds", ())}
        added = [str(seed) for seed in study.seeds if seed not in first]
        if added and first:
            noun = "Seed" if len(added) == 1 else "Seeds"
            said.append(
                f"{noun} {', '.join(added)} {'was' if len(added) == 1 else 'were'} added after the study had begun: if "
                "that was because of what the first seeds showed, p values are smaller than they should be."
            )
    return tuple(said)


_known: WeakKeyDictionary[Store, dict[str, tuple[int, list[DefinitionRecord]]]] = WeakKeyDictionary()
"""Per store and study: the last number that was read, and the definitions up to it. Records don't change."""


def _definitions(store: Store, study: str) -> list[DefinitionRecord]:
    """The study's definitions, the first one first; whoever follows a run asks every few seconds."""
    known = _known.setdefault(store, {})
    last, earlier = known.get(study, (0, []))
    newer = store.records.numbered(DefinitionRecord.folder(study), DefinitionRecord, last + 1)
    earlier = [*earlier, *(newer.found[number].content for number in sorted(newer.found))]
    known[study] = newer.last, earlier
    return earlier


def _changed(before: dict[str, object], study: Study) -> str:
    """What of the plan differs, as far as the studies tell."""
    now = study.model_dump(mode="json")
    parts = [
        f"{name}: {_shown(before.get(name, _UNSAID.get(name)))} before, {_shown(now[name])} now"
        for name in ("primary_metric", "confirmatory", "equivalence_margin", "compare_at")
        if (before.get(name) or _UNSAID.get(name)) != (now[name] or None)
    ]
    return "; ".join(parts) or "another baseline or other data"


_UNSAID = {"compare_at": "images"}
"""What a study means that was written before there was such a field."""


def _shown(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "all"
    return "none" if value is None else str(value)
