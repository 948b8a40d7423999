"""Looks at an agent's study before anything starts: whether it is trusted, whole, and within the caps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from dit_core.errors import UserError
from dit_core.plugins.bundle import Bundle
from search_spaces.expand import expand
from search_spaces.load import is_plan, presets, read_study_file
from search_spaces.plan_import import NothingUnderstood
from service.agents.answers import Check
from service.agents.caps import Caps, with_resource
from service.agents.plan import Plan
from service.agents.refusals import Refused, refusal_of
from service.agents.spending import Spending
from service.analysis.preview import Preview
from service.choices import Choices
from service.client import Client
from service.command_text import join
from service.cost.limits import limit_of
from service.plugins import named_plugins
from service.records.store import Store
from service.records.study_files import recorded_plugins
from service.sources import open_study
from service.trust import is_trusted


@dataclass(frozen=True)
class Looked:
    """A study that was looked at.

    Attributes:
        check: what an agent is told.
        choices: what it is run with: what the agent chose, and what the caps add.
        hours: device-hours that all its runs together may take; None for any.
        before: device-hours that its runs had taken before an agent started it.
    """

    check: Check
    choices: Choices
    hours: float | None = None
    before: float = 0.0


def look(plan: Plan, client: Client, store: Store | None, caps: Caps, spending: Spending) -> Looked:
    """Looks at an agent's study; nothing is written and nothing of its own code is run.

    Args:
        plan: what the agent gave.
        client: what looks at studies.
        store: the store; None where there is none yet.
        caps: what agents may use.
        spending: what agents have used.
    """
    try:
        with plan.source(store) as source:
            try:
                return _looked(plan, source, client, store, caps, spending)
            except NothingUnderstood as error:
                told = {**error.to_json(), "blocker": str(error).replace(source, plan.name)}
                answer = "asked" if error.questions else "refused"
                return Looked(Check.model_validate({**told, "answer": answer, "code": "incomplete"}), {})
            except UserError as error:
                refusal = refusal_of(error)
                sentence = refusal.message.replace(source, plan.name)
                return Looked(Check(answer="refused", blocker=sentence, code=refusal.code), {})
    except UserError as error:  # no such preset or study
        return Looked(Check(answer="refused", blocker=str(error), code=refusal_of(error).code), {})


def _looked(plan: Plan, source: str, client: Client, store: Store | None, caps: Caps, spending: Spending) -> Looked:
    require_trusted(_plugins(source, store))
    choices = plan.choices()
    opened = open_study(source, choices, store)
    expansion = expand(opened.study)
    caps.require_own_files(expansion)
    lanes = caps.lanes_for(opened.study)
    if lanes is not None:
        choices["settings"] = with_resource(choices.get("settings", {}), "lanes", lanes)
    name = opened.study.name
    before = 0.0
    hours: float | None = None
    sentence: str | None = None
    spent, left = spending.of(name, caps.device_hours)
    preview = client.plan(source, **choices)
    code = "incomplete" if preview.not_understood or preview.questions else "mistake"
    try:
        caps.require_images(preview, opened.study)
        if left is not None:
            hours = caps.hours_for(preview, spent, left)
            before = spending.before(name, spent)
            own = limit_of(opened.study.resources)
            if own is None or own.hours > hours:
                choices["settings"] = with_resource(choices.get("settings", {}), "max_device_hours", _short(hours))
    except Refused as error:
        sentence, code = str(error), error.code
    check = _check(preview, plan, source, sentence, code)
    return Looked(check, choices, hours, before)


def _check(preview: Preview, plan: Plan, source: str, sentence: str | None, code: str) -> Check:
    if sentence is None and preview.blocker is not None:
        sentence = preview.blocker.replace(source, plan.name)
    notes = tuple(note.replace(source, plan.name) for note in preview.notes)
    asked = code == "incomplete" and preview.questions
    answer = "compiled" if sentence is None else "asked" if asked else "refused"
    return Check.of(
        replace(preview, notes=notes), answer=answer, blocker=sentence, code=None if sentence is None else code
    )


def _short(hours: float) -> float:
    """Hours as a person would write them."""
    return float(f"{hours:.6g}")


def _plugins(source: str, store: Store | None) -> tuple[Bundle, ...]:
    """The code from outside that a study names, read and not run."""
    if source in presets() or is_plan(source):
        return ()
    if Path(source).suffix in (".yaml", ".yml") and Path(source).is_file():
        return named_plugins(read_study_file(source), Path(source).parent)
    return recorded_plugins(store, source) if store is not None else ()


def require_trusted(bundles: tuple[Bundle, ...]) -> None:
    """Refuses code from outside that no person has allowed on this machine, and says how a person does.

    Raises:
        Refused: naming the first such file, its digest and the command.
    """
    for bundle in bundles:
        if not is_trusted(bundle):
            command = join(["dit-ablate", "plan", "dit-digits", "--plugin", str(bundle.path)])
            raise Refused(
                "untrusted_code",
                f"plugins: {bundle.path} (SHA-256 {bundle.short}...) is code that no person has allowed on this "
                f"machine; a person who has read it allows it, as it is now, with `{command}`",
            )
