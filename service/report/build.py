"""Builds the report: Markdown, figures, and one self-contained HTML file, from the same data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2

from dit_core.gflops import Cost
from search_spaces.load import dump_study
from search_spaces.tuned import TUNING
from search_spaces.types import AblationView
from service.analysis import narrative, numbers
from service.analysis.arm_costs import ArmCost, arm_costs, with_costs
from service.analysis.audits import audits_of
from service.analysis.budgets import at_equal_budgets
from service.analysis.damage import Damage, study_damage
from service.analysis.differing import differing
from service.analysis.hardware import hardware_notes
from service.analysis.numbers import MetricFormat
from service.analysis.pausing import what_is_there_stays
from service.analysis.scaling import scaling
from service.analysis.search_points import importances, search_points
from service.analysis.sentences import listing, sentence
from service.analysis.summary import Summary, summarise
from service.analysis.tuned_arms import choices
from service.command_text import command_line
from service.preflight import Prepared
from service.records.store import Store
from service.report import finalists_table, method, scaling_section, search_section, tables, tuning_section
from service.report.ablation_tables import ablation_table
from service.report.abridged import Abridged, abridged, first_lines
from service.report.budget_section import budget_table
from service.report.costs import predicted_and_spent
from service.report.page.bundle import plotly_bundle
from service.report.page.sections import (
    history_chart,
    parallel_chart,
    pareto_chart,
    scaling_chart,
    slices_chart,
    tuning_chart,
)
from service.report.page.sort_keys import sort_key
from service.report.page.theme import colours, swaps
from service.report.pictures import Picture, heat_picture, overview, question_picture, samples_picture
from service.report.place import shown_report
from service.report.samples import sample_sheet
from service.report.sheets import Sheets


@dataclass(frozen=True)
class Report:
    """Where a report was written.

    Attributes:
        markdown: the Markdown file; its figures lie beside it.
        html: the HTML file, complete in itself.
        figures: the figures, PNG.
        shown: where people find the two: the files, or their addresses in a store on S3.
        summary: what it shows.
        damage: what of the study is damaged, sample grids compared with their hashes.
    """

    markdown: Path
    html: Path
    figures: tuple[Path, ...]
    shown: tuple[Path | str, Path | str]
    summary: Summary
    damage: tuple[Damage, ...]

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file of the report."""
        return (self.markdown, self.html, *self.figures)


@dataclass(frozen=True)
class Section:
    """One ablation's part of the report."""

    title: str
    action: str
    finding: str
    verdicts: Picture | None
    table: tables.Table
    notes: tuple[str, ...]
    samples: Picture | None
    heat_map: Picture | None = None


@dataclass(frozen=True)
class Sizes:
    """The part of the report on size, where a study varies it."""

    paragraphs: tuple[str, ...]
    table: tables.Table
    picture: Picture


@dataclass(frozen=True)
class Tuning:
    """The part of the report on tuned arms, where a study has some."""

    paragraphs: tuple[str, ...]
    table: tables.Table
    picture: Picture | None
    data: dict[str, Any]


@dataclass(frozen=True)
class Best:
    """The part of the report on the best of a search, compared again."""

    paragraphs: tuple[str, ...]
    table: tables.Table


@dataclass(frozen=True)
class Search:
    """The part of the report on a search, where a study has one."""

    paragraphs: tuple[str, ...]
    table: tables.Table
    pictures: tuple[Picture, ...]
    data: dict[str, Any]
    best: Best | None = None


def build_report(prepared: Prepared, store: Store, *, command: str) -> Report:
    """Writes ``studies/<name>/report/{report.md,report.html,verdicts.json,figures/*.png}`` from the store's records.

    A study that is not finished gets a report that says so at its top.

    Args:
        prepared: the study; its data sets are not needed.
        store: where the records are.
        command: the command that reproduces the study.
    """
    study = prepared.expansion.study
    summary = summarise(prepared, store, failures=store.given_up(study.name))
    costs = arm_costs(summary, store)
    summary = with_costs(summary, costs)
    prepared = summary.prepared  # with the arms that were proposed while it ran
    content = _content(prepared, summary, costs, store, command)
    pictures: list[Picture] = content["pictures"]
    files = {f"report/figures/{picture.name}": picture.data for picture in pictures}
    files["report/verdicts.json"] = json.dumps(summary.verdicts.to_json(), indent=2).encode()
    if content["tuning"] is not None:
        files["report/tuning.json"] = json.dumps(content["tuning"].data, indent=2).encode()
    if content["search"] is not None:
        files["report/search.json"] = json.dumps(content["search"].data, indent=2).encode()
    files["report/report.md"] = render("report.md.j2", content).encode()
    files["report/report.html"] = render("report.html.j2", content).encode()
    written = {name: store.publish(f"studies/{study.name}/{name}", data) for name, data in files.items()}
    drawn = tuple(path for name, path in written.items() if name.startswith("report/figures/"))
    shown = shown_report(store, study.name)
    return Report(written["report/report.md"], written["report/report.html"], drawn, shown, summary, content["damage"])


def render(template: str, content: Mapping[str, Any]) -> str:
    """Fills a template of ``service/report/templates``."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("service.report"),
        autoescape=template.endswith(".html.j2"),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters["sort_key"] = sort_key
    environment.filters["cell"] = lambda text: str(text).replace("|", "\\|")
    return environment.get_template(template).render(content)


def _content(prepared: Prepared, summary: Summary, costs: list[ArmCost], store: Store, command: str) -> dict[str, Any]:
    expansion, study = prepared.expansion, summary.study
    shown = narrative.metric_format(summary)
    findings = {finding.name: finding.text for finding in narrative.findings(expansion, summary, shown)}
    differs = differing(expansion)
    part = abridged(summary, shown)
    what_is_there_stays()  # and every figure is a cycle
    sheets = Sheets()
    sections = [
        _section(views, findings[views[0].name], differs[views[0].name], part, store, shown, sheets)
        for views in zip(*(one.expansion.ablations for one in (part.summary, part.drawn, part.whole)), strict=True)
    ]
    pictures = overview(part, store, shown)
    everything = f"`{command_line('status', [study.name, '--json'], store.place)}` has all"
    kept = {arm.arm.name for arm in part.summary.arms}
    sizes = _sizes(summary, shown)
    search, tuning = _search(summary, store, shown), _tuning(summary, shown)
    damage = study_damage(expansion, summary.results, store, thorough=True)  # after the curves were read
    return {
        "study": study,
        "made": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "finished": summary.finished,
        "unfinished": narrative.state_of(summary),
        "opening": narrative.opening(expansion, summary, shown),
        "sections": sections,
        "overview": pictures,
        "scaling": sizes,
        "search": search,
        "tuning": tuning,
        "stopped": tables.stopped_table(part.summary, shown),
        "reasons": first_lines([stop.reason for stop in summary.stops if not stop.seeds], everything),
        "settled": first_lines([stop.reason for stop in summary.stops if stop.seeds], everything),
        "audits": found.text if (found := audits_of(summary, store)) is not None else "",
        "saved": method.saved(summary),
        "diverged": first_lines(
            [f"{s.trial.name}: {_divergence(summary, s.trial.name)}" for s in summary.diverged], everything
        ),
        "failures": first_lines([f"{name}: {error}" for name, error in summary.failures.items()], everything),
        "costs": tables.cost_table(costs, kept),
        "budgets": budget_table(at_equal_budgets(part.summary, store), study.primary_metric, shown),
        "predicted": predicted_and_spent(summary, store),
        "breakdown": _breakdown(part.summary),
        "facts": method.facts(prepared, summary, store, shown),
        "notes": tuple(
            dict.fromkeys(
                (
                    *expansion.notes,
                    *prepared.notes,
                    *(other.text for other in summary.elsewhere),
                    *hardware_notes(expansion, summary.results, store),
                    *first_lines(
                        [f"Damaged: {one.text}." for one in damage],
                        f"`{command_line('verify', [study.name], store.place)}` names all",
                    ),
                )
            )
        ),
        "damage": damage,
        "command": command,
        "plotly": plotly_bundle(),
        "colours": {"light": colours(dark=False), "dark": colours(dark=True), "swaps": swaps()},
        "study_yaml": dump_study(study),
        "pictures": [
            picture
            for picture in (
                *pictures.values(),
                *(section.verdicts for section in sections),
                *(section.heat_map for section in sections),
                *(section.samples for section in sections),
                sizes.picture if sizes is not None else None,
                *(search.pictures if search is not None else ()),
                tuning.picture if tuning is not None else None,
            )
            if picture is not None
        ],
    }


def _section(
    views: tuple[AblationView, AblationView, AblationView],
    finding: str,
    differs: tuple[str, ...],
    part: Abridged,
    store: Store,
    shown: MetricFormat,
    sheets: Sheets,
) -> Section:
    """One question's part: the arms that are shown of it, those whose samples are drawn, and all of them."""
    view, drawn, whole = views
    summary = part.summary
    sheet = None if view.action == "TUNE" else sample_sheet(drawn, part.drawn, store, sheets)
    picture = None if sheet is None else samples_picture(drawn, sheet, len(whole.arms))
    shared: dict[str, list[str]] = {}
    for label, name in view.arms:
        arm = summary.arm(name).arm
        others = [other for other in arm.ablations if other not in (view.name, TUNING)]
        if others and not arm.is_baseline and not view.tuned_from and view.action != "TUNE":
            shared.setdefault(listing(others), []).append(label)
    notes = [part.told[view.name]] if view.name in part.told else []
    notes += [*first_lines(differs, "`dit-ablate plan` names all"), *(sentence(note) for note in view.notes)]
    notes += [
        f"{listing(labels)} {'is' if len(labels) == 1 else 'are'} shared with {others} and run once."
        for others, labels in shared.items()
    ]
    table = ablation_table(view, summary, shown)
    heat = heat_picture(whole, part.whole, shown)
    return Section(
        view.name, view.action, finding, question_picture(view, part, shown), table, tuple(notes), picture, heat
    )


def _sizes(summary: Summary, shown: MetricFormat) -> Sizes | None:
    found = scaling(summary)
    if found is None:
        return None
    picture = Picture(
        "scaling.png",
        scaling_section.figure(found),
        "Arms that differ in size alone. Left: at the budget, with the fitted power law. Right: at every rung, by the "
        "compute spent until then, with the law fitted to the front.",
        f"Plots of {found.metric} against Gflops and against training compute",
        scaling_chart(found),
    )
    return Sizes(tuple(scaling_section.sentences(found)), scaling_section.table(found, shown), picture)


def _tuning(summary: Summary, shown: MetricFormat) -> Tuning | None:
    found = choices(summary)
    if not found:
        return None
    drawn = tuning_section.figure(found, summary)
    picture = drawn and Picture(
        "tuning.png",
        drawn,
        "What was tried for every arm, at the short rung, means over the tuning seeds. Filled: what was chosen.",
        f"Plot of {summary.study.primary_metric} by what was tuned, one line per arm",
        tuning_chart(found, summary),
    )
    text = tuple(tuning_section.sentences(found, summary))
    data = tuning_section.data(found, summary)
    return Tuning(text, tuning_section.table(found, summary, shown), picture or None, data)


def _search(summary: Summary, store: Store, shown: MetricFormat) -> Search | None:
    points, search = search_points(summary), summary.study.search
    if not points or search is None:
        return None
    metric = summary.study.primary_metric
    drawn = {
        "search-history": (
            search_section.history(points, summary),
            history_chart(points, summary),
            "Proposals in their order. Filled: ran to the budget. Hollow: at the last rung it was measured at.",
        ),
        "search-slices": (
            search_section.slices(points, summary),
            slices_chart(points, search, metric),
            "The metric against every axis of the search.",
        ),
        "search-parallel": (
            search_section.parallel(points, summary),
            parallel_chart(points, search, metric),
            "Every finished proposal as a line through its values, from the lowest to the highest of each range; the "
            "darker, the better.",
        ),
    }
    if len(search.objectives) > 1:
        drawn["search-pareto"] = (
            search_section.pareto(points, search),
            pareto_chart(points, search, metric),
            "The objectives against each other. Filled and numbered: the Pareto front.",
        )
    pictures = tuple(
        Picture(f"{name}.png", data, caption, f"Plot of the search: {name.removeprefix('search-')}", chart)
        for name, (data, chart, caption) in drawn.items()
        if data is not None
    )
    text = tuple(search_section.sentences(points, summary, shown))
    finals = finalists_table.finals_of(points, summary, store)
    told = None if finals is None else finals.to_json()
    data = search_section.data(points, search, importances(points, summary), told)
    best = None
    if finals is not None:
        compared = finalists_table.table(finals, search.values, summary.study.primary_metric, shown)
        best = Best(tuple(finalists_table.sentences(finals, shown)), compared)
    return Search(text, search_section.table(points, summary, shown), pictures, data, best)


def _breakdown(summary: Summary) -> tables.Table:
    """Where every arm's multiply-adds go."""
    parts = list(dict.fromkeys(part for arm in summary.arms for part in arm.cost.parts))
    columns = (tables.Column("arm"), *(tables.Column(part, True) for part in parts), tables.Column("Gflops", True))

    def row(arm: str, cost: Cost, strong: bool) -> tables.Row:
        shares = (numbers.percent(cost.parts.get(part, 0.0) / cost.gmacs, 1) for part in parts)
        return tables.Row((arm, *shares, numbers.gflops(cost.gmacs)), strong=strong)

    return tables.Table(columns, tuple(row(arm.arm.name, arm.cost, arm.arm.is_baseline) for arm in summary.arms))


def _divergence(summary: Summary, trial: str) -> str:
    diverged = summary.results[trial].diverged
    return f"{diverged.reason}, at {diverged.images:,} images" if diverged is not None else ""
