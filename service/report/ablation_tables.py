"""An ablation's table: what each arm costs and scores, how it compares, and what may be concluded of that."""

from __future__ import annotations

from dit_core.metrics.direction import better
from search_spaces.types import AblationView
from service.analysis import numbers, secondary, verdict_text
from service.analysis.cells import final, own_label, status
from service.analysis.numbers import MINUS, NOTHING, MetricFormat
from service.analysis.paper_figures import paper_figures
from service.analysis.sentences import listing
from service.analysis.summary import Summary
from service.report.tables import Column, Row, Table
from service.statistics.contrast import Kind
from service.statistics.verdict import Verdict
from service.tuning.candidates import value_of


def ablation_table(view: AblationView, summary: Summary, shown: MetricFormat) -> Table:
    """One ablation: a row per arm, and one per comparison of two arms of which neither is the baseline."""
    papers = _papers(view, summary)
    ladder, primary, others = view.action == "LADDER", summary.study.primary_metric, secondary.names(summary)
    own, against = _compares(view)
    tune = summary.study.tune if own is Kind.BESIDE else None
    columns = [Column("step" if ladder else "arm" if view.action == "TUNE" else view.axis.replace("_", " "))]
    columns += [Column(name.replace("_", " "), True) for name in ({} if tune is None else tune.values)]
    columns += [Column(title, True) for title in ("parameters", "Gflops", primary, f"difference to {against}", "p")]
    columns.append(Column("verdict"))
    if ladder:
        columns += [Column("difference to the step before", True), Column("verdict on the step")]
    columns += [Column(f"{name} ({better(name)} is better)", True) for name in others]
    columns.append(Column("status"))
    if papers:
        columns += [Column("paper's Gflops", True), Column("paper's FID-50K", True)]
    rows = []
    for label, name in view.arms:
        arm = summary.arm(name)
        at = {kind: summary.verdicts.at(view.name, label, kind) for kind in Kind}
        profile = summary.study.baseline.profile
        cells = [
            f"{label} (baseline)" if name == view.reference else own_label(label) if arm.arm.is_baseline else label,
            *(str(value_of(n, d, arm.arm, profile)) for n, d in ({} if tune is None else tune.values).items()),
            numbers.short(arm.cost.params),
            numbers.gflops(arm.cost.gmacs),
            final(arm, summary, shown),
            *_compared(at[own], shown),
        ]
        if ladder:
            cells += [_difference(at[Kind.STEP], shown), verdict_text.word(at[Kind.STEP])]
        cells += [*secondary.cells(arm, summary), status(arm, shown)]
        if papers:
            paper = papers.get(name)
            cells += [paper["gflops"], paper["fid50k_400k"]] if paper else [NOTHING] * 2
        strong = name == view.reference if view.reference else arm.arm.is_baseline
        rows.append(Row(tuple(cells), strong=strong, faint=not arm.finals))
        for kind, title in (
            (Kind.CONTROL, f"{label} {MINUS} its control"),
            (Kind.INTERACTION, f"{label}: interaction"),
            (Kind.BESIDE, f"{label} {MINUS} {view.beside.get(label)}"),
        ):
            if kind is not own and (verdict := at[kind]) is not None:
                rows.append(_extra(title, verdict, shown, len(columns)))
    if view.references:
        rows += [
            _extra(f"{place.label}: {place.kind}", verdict, shown, len(columns))
            for verdict in summary.verdicts.question(view.name)
            for place in verdict.contrast.places
            if place.question == view.name
        ]
    return Table(tuple(columns), tuple(rows), " ".join(_captions(view, summary, papers)))


def _compares(view: AblationView) -> tuple[Kind, str]:
    """Which comparison stands in an arm's own row, and what it is compared with there."""
    if view.action == "TUNE":
        return Kind.BESIDE, "the same arm untuned"
    if view.tuned_from:
        return Kind.BESIDE, "the tuned baseline" if len(set(view.beside.values())) < 2 else "its tuned reference"
    return Kind.ARM, "baseline"


def _extra(title: str, verdict: Verdict, shown: MetricFormat, width: int) -> Row:
    """A comparison that is no arm's own with the baseline."""
    row = [title, "", "", "", *_compared(verdict, shown)]
    return Row(tuple(row + [""] * (width - len(row))))


def _compared(verdict: Verdict | None, shown: MetricFormat) -> tuple[str, str, str]:
    return _difference(verdict, shown), verdict_text.p_value(verdict), verdict_text.word(verdict)


def _difference(verdict: Verdict | None, shown: MetricFormat) -> str:
    return NOTHING if verdict is None else shown.difference(verdict)


def _papers(view: AblationView, summary: Summary) -> dict[str, dict[str, str]]:
    """The paper's figures by arm; none where fewer than two arms are models of the paper."""
    known = {arm: paper_figures(summary.arm(arm), summary) for _, arm in view.arms}
    found = {arm: figures for arm, figures in known.items() if figures is not None}
    return found if len(found) > 1 else {}


def _captions(view: AblationView, summary: Summary, papers: dict[str, dict[str, str]]) -> list[str]:
    kinds = {place.kind for v in summary.verdicts.question(view.name) for place in v.contrast.places}
    text = []
    if Kind.CONTROL in kinds:
        text.append(
            "A control is the baseline made as costly as an arm by its width and depth; an arm minus its control is "
            "what is left at equal Gflops."
        )
    if view.references:
        told = ", ".join(f"{axis}={level}" for axis, level in zip(view.axis.split(", "), view.references, strict=True))
        text.append(
            f"A main effect is the mean over all cells with a value against that over all cells with its axis's "
            f"reference ({told}); an interaction is by how much the one axis's effect changes with the other's value."
        )
    elif Kind.INTERACTION in kinds:
        text.append("An interaction is an arm minus what each of its changes alone adds up to.")
    if papers:
        models = listing(dict.fromkeys(paper["model"] for paper in papers.values()))
        text.append(
            f"The paper's figures are those of DiT {models} on ImageNet 256 x 256 after 400K steps: another task and "
            "metric, so only their order can be compared with ours."
        )
    return text
