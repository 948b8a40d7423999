"""Verdicts in words: the one place where a difference is called clear, equivalent or undecided."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from service.analysis.numbers import NOTHING, MetricFormat, duration, percent, plural
from service.analysis.sentences import listing
from service.statistics.verdict import Status, Verdict, Verdicts

IF_TRUE = "if the true difference is the estimated one"


def word(verdict: Verdict | None) -> str:
    """The verdict in a table's cell: ``clear, better``, ``undecided: 3 more seeds``, ``stopped at 128 images``."""
    if verdict is None:
        return ""
    if verdict.status is Status.NOT_MEASURED:
        return f"{verdict.status}: {verdict.reason}" if verdict.reason else str(verdict.status)
    if verdict.status is Status.CLEAR:
        return f"{verdict.status}, {'better' if verdict.better else 'worse'}"
    if verdict.status is Status.UNDECIDED:
        return f"{verdict.status}: {more_seeds(verdict)}"
    return str(verdict.status)


def more_seeds(verdict: Verdict) -> str:
    """What would settle an undecided verdict, as a clause: ``3 more seeds``, ``one seed, so ...``.

    The price is device time, of all arms together: lanes share it, so that one waits for less.
    """
    if verdict.reason:
        return verdict.reason
    if verdict.more_seeds is None:
        return "no feasible number of seeds"
    price = (
        "" if verdict.more_device_seconds is None else f", about {duration(verdict.more_device_seconds)} of device time"
    )
    return f"{plural(verdict.more_seeds, 'more seed')}{price}"


def p_value(verdict: Verdict | None) -> str:
    """The corrected p value in a table's cell."""
    if verdict is None or verdict.p is None:
        return NOTHING
    return "< 0.0001" if verdict.p < 1e-4 else f"{verdict.p:.2g}"


def counted(verdicts: Verdicts) -> str:
    """How many verdicts there are of each kind, e.g. ``3 clear, 1 undecided``."""
    numbers = {status: sum(v.status is status for v in verdicts.verdicts) for status in Status}
    return ", ".join(f"{number} {status}" for status, number in numbers.items() if number)


def overall(verdicts: Verdicts) -> str:
    """One sentence on all comparisons together."""
    level, all_of_them = percent(1 - verdicts.level), verdicts.verdicts
    if not all_of_them:
        return "Nothing is compared."
    measured = [v for v in all_of_them if v.status is not Status.NOT_MEASURED]
    if not measured:
        return f"None of {plural(len(all_of_them), 'comparison')} could be made, so nothing can be concluded yet."
    text = f"Of {plural(len(all_of_them), 'comparison')}, corrected together at {level}: {counted(verdicts)}."
    if not any(v.status in (Status.CLEAR, Status.EQUIVALENT) for v in measured):
        text += " That says that the study is too small, not that the arms are equal."
    exploratory = [v for v in all_of_them if not v.contrast.confirmatory]
    if exploratory and len(exploratory) < len(all_of_them):
        named = len(all_of_them) - len(exploratory)
        text += (
            f" {plural(named, 'comparison')} {'is' if named == 1 else 'are'} confirmatory, named before the first "
            "trial; what is clear among the others is a lead to confirm."
        )
    return text


def best_arm(verdicts: Verdicts, shown: MetricFormat, extreme: str, baseline: str) -> str:
    """One sentence on the arm with the best mean and what choosing it does to its certainty; empty before any.

    Args:
        verdicts: the verdicts.
        shown: the metric's decimals.
        extreme: ``lowest`` or ``highest``.
        baseline: the baseline's name.
    """
    best = verdicts.best
    if best is None:
        return ""
    name = "The baseline" if best.arm == baseline else best.arm
    text = f"{name} has the {extreme} mean, {shown.value(best.mean)} over {plural(best.seeds, 'seed')}"
    if best.low is not None and best.high is not None:
        text += (
            f" ({percent(1 - verdicts.level)} interval {shown.value(best.low)} to {shown.value(best.high)}, corrected "
            "for having chosen it)"
        )
    others = [arm for arm in best.candidates if arm != best.arm]
    if best.low is None:
        return f"{text}; the {extreme} of several means is optimistic, by how much cannot be said."
    if not others:
        return f"{text}, and every other arm is clearly not the best."
    listed = listing(others) if len(others) <= 6 else plural(len(others), "other arm")
    return f"{text}; {listed} may be as good, as far as these seeds tell."


def power(verdicts: Verdicts, shown: MetricFormat) -> str:
    """One sentence on the smallest differences that this study finds; empty without an estimate of the uncertainty."""
    found = sorted(v.detectable for v in verdicts.verdicts if v.detectable is not None)
    if not found:
        return ""
    middle = f"a typical comparison of this study finds a difference of {shown.value(found[len(found) // 2])}"
    return f"With power 0.8 {middle}, after the correction for all of them."


def answer(
    found: Sequence[tuple[str, Verdict]], than: str, shown: MetricFormat, without: Callable[[str, Verdict], str]
) -> list[str]:
    """Says what several labelled verdicts against one reference come to, a sentence per status, the clear ones first.

    Args:
        found: (label, verdict), in the question's order.
        than: what they are compared with, e.g. ``2 (the baseline)``.
        shown: the metric's decimals.
        without: says why a label was not measured, as a clause.
    """
    of = {status: [(label, v) for label, v in found if v.status is status] for status in Status}
    text = []
    for better, what in ((True, "better"), (False, "worse")):
        clear = [(label, v) for label, v in of[Status.CLEAR] if bool(v.better) is better]
        if clear:
            named = listing(f"{label} ({shown.difference(v)}{_along(v)})" for label, v in clear)
            text.append(f"{named} {_is(clear)} clearly {what} than {than}.")
    if same := of[Status.EQUIVALENT]:
        named = listing(f"{label} ({shown.difference(v)})" for label, v in same)
        margin = same[0][1].margin
        within = "" if margin is None else f", within {shown.signed(margin[0])} to {shown.signed(margin[1])}"
        text.append(f"{named} {'makes' if len(same) == 1 else 'make'} no difference to {than} that matters{within}.")
    if undecided := of[Status.UNDECIDED]:
        text.append(f"{_undecided(undecided, than, shown)}")
    if missing := of[Status.NOT_MEASURED]:
        named = listing(f"{label} ({without(label, v)})" for label, v in missing)
        text.append(f"Not measured at full length: {named}.")
    return text


def _undecided(found: Sequence[tuple[str, Verdict]], than: str, shown: MetricFormat) -> str:
    reasons = {v.reason for _, v in found}
    if len(reasons) == 1 and (reason := reasons.pop()):
        named = listing(f"{label} ({shown.difference(v)}{_along(v)})" for label, v in found)
        return f"Undecided against {than}: {named}; {reason}."
    named = listing(f"{label} ({shown.difference(v)}{_along(v)}; {more_seeds(v)})" for label, v in found)
    return f"Undecided against {than}: {named}."


def _along(verdict: Verdict) -> str:
    return f"; it also changes {listing(verdict.differs)}" if verdict.differs else ""


def _is(items: Sequence[object]) -> str:
    return "is" if len(items) == 1 else "are"
