"""A plan as a study file: what was understood, and in its place, as comments, what was left out or guessed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from search_spaces.plan_import.account import NotUnderstood, Question


def with_comments(
    text: str,
    names: Sequence[str],
    order: Sequence[str],
    missed: Iterable[NotUnderstood],
    questions: Iterable[Question],
    guesses: Iterable[Question],
) -> str:
    """Returns a study file with comments where the plan's entries stand.

    Args:
        text: the study as YAML, without comments.
        names: names of its ablations, in its order.
        order: names of all entries of the plan, in its order.
        missed: what was not understood.
        questions: what has to be settled.
        guesses: readings that were taken although they are not certain.
    """
    said = {name: list(_comments(name, missed, questions, guesses)) for name in order}
    lines = text.splitlines()
    if "ablations:" not in lines:
        return "\n".join([*(f"# {line}" for name in order for line in said[name]), text])
    start = lines.index("ablations:")
    out, at = lines[: start + 1], 0
    waiting = list(order)
    for line in lines[start + 1 :]:
        if line.startswith("  - ") and at < len(names):
            while waiting and waiting[0] != names[at]:
                out += [f"  # {said_of}" for said_of in said[waiting.pop(0)]]
            if waiting:
                out += [f"  # {said_of}" for said_of in said[waiting.pop(0)]]
            at += 1
        elif not line.startswith(" ") and waiting:
            out += [f"  # {said_of}" for name in waiting for said_of in said[name]]
            waiting = []
        out.append(line)
    out += [f"  # {said_of}" for name in waiting for said_of in said[name]]
    return "\n".join(out) + "\n"


def _comments(
    name: str, missed: Iterable[NotUnderstood], questions: Iterable[Question], guesses: Iterable[Question]
) -> Iterator[str]:
    for item in missed:
        if item.ablation == name and not item.follows:
            yield f"Left out: {' '.join(str(item).split())}"
    for question in questions:
        if question.ablation == name:
            yield f"To settle: {' '.join(str(question).split())}"
    for guess in guesses:
        if guess.ablation == name:
            yield f"A guess: {' '.join(str(guess).split())}"
