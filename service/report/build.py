"""Builds the report: Markdown, figures, and one self-contained HTML file, from the same data."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2

from dit_core.gflops import Cost
from search_spaces.load import dump_study
from search_spaces.types import AblationView
from service.analysis import narrative, numbers
from service.analysis.damage import study_damage
from service.analysis.hardware import hardware_notes
from service.analysis.numbers import MetricFormat
from service.analysis.sentences import listing, sentence
from service.analysis.summary import Summary, summarise
from service.preflight import Prepared
from service.records.store import Store
from service.report import figures, method, tables
from service.report.costs import arm_costs
from service.report.samples import SampleSheet, sample_sheet


@dataclass(frozen=True)
class Report:
    """Where a report was written.

    Attributes:
        markdown: the Markdown file; its figures lie beside it.
        html: the HTML file, complete in itself.
        figures: the figures, PNG.
        shown: where people find the two: the files, or their addresses in a store on S3.
    """

    markdown: Path
    html: Path
    figures: tuple[Path, ...]
    shown: tuple[Path | str, Path | str]

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file of the report."""
        return (self.markdown, self.html, *self.figures)


@dataclass(frozen=True)
class Picture:
    """A figure of the report.

    Attributes:
        name: file name in ``figures/``.
        data: PNG bytes.
        caption: one or two sentences.
        alt: what it shows, for those who do not see it.
    """

    name: str
    data: bytes
    caption: str
    alt: str

    @property
    def uri(self) -> str:
        """The picture as a data URI."""
        return f"data:image/png;base64,{base64.b64encode(self.data).decode()}"


@dataclass(frozen=True)
class Section:
    """One ablation's part of the report."""

    title: str
    action: str
    finding: str
    table: tables.Table
    notes: tuple[str, ...]
    samples: Picture | None


def build_report(prepared: Prepared, store: Store, *, command: str) -> Report:
    """Writes ``studies/<name>/report/{report.md,report.html,figures/*.png}`` from the store's records.

    A study that is not finished gets a report that says so at its top.

    Args:
        prepared: the study; its data sets are not needed.
        store: where the records are.
        command: the command that reproduces the study.
    """
    study = prepared.expansion.study
    summary = summarise(prepared, store, failures=store.given_up(study.name))
    prepared = summary.prepared  # with the arms that were proposed while it ran
    content = _content(prepared, summary, store, command)
    pictures: list[Picture] = content["pictures"]
    files = {f"report/figures/{picture.name}": picture.data for picture in pictures}
    files["report/report.md"] = render("report.md.j2", content).encode()
    files["report/report.html"] = render("report.html.j2", content).encode()
    *drawn, markdown, html = (store.publish(f"studies/{study.name}/{name}", data) for name, data in files.items())
    return Report(markdown, html, tuple(drawn), shown_report(store, study.name))


def shown_report(store: Store, study: str) -> tuple[Path | str, Path | str]:
    """Returns where people find the Markdown and the HTML of a study's report."""
    folder = f"studies/{study}/report"
    return store.shown(f"{folder}/report.md"), store.shown(f"{folder}/report.html")


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
    environment.filters["cell"] = lambda text: str(text).replace("|", "\\|")
    return environment.get_template(template).render(content)


def _content(prepared: Prepared, summary: Summary, store: Store, command: str) -> dict[str, Any]:
    expansion, study = prepared.expansion, summary.study
    shown = narrative.metric_format(summary)
    findings = {finding.name: finding.text for finding in narrative.findings(expansion, summary, shown)}
    sections = [_section(view, findings[view.name], summary, store, shown) for view in expansion.ablations]
    overview = _overview(prepared, summary, store)
    costs = arm_costs(summary, store)
    return {
        "study": study,
        "made": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "finished": summary.finished,
        "unfinished": narrative.state_of(summary),
        "opening": narrative.opening(expansion, summary, shown),
        "sections": sections,
        "overview": overview,
        "stopped": tables.stopped_table(summary, shown),
        "reasons": [stop.reason for stop in summary.stops],
        "saved": method.saved(summary),
        "diverged": [f"{s.trial.name}: {_divergence(summary, s.trial.name)}" for s in summary.diverged],
        "failures": [f"{name}: {error}" for name, error in summary.failures.items()],
        "costs": tables.cost_table(costs),
        "breakdown": _breakdown(summary),
        "facts": method.facts(prepared, summary, store, shown),
        "notes": tuple(
            dict.fromkeys(
                (
                    *expansion.notes,
                    *prepared.notes,
                    *(other.text for other in summary.elsewhere),
                    *hardware_notes(expansion, summary.results, store),
                    *(
                        f"Damaged: {damage.text}."
                        for damage in study_damage(expansion, summary.results, store, thorough=True)
                    ),
                )
            )
        ),
        "command": command,
        "study_yaml": dump_study(study),
        "pictures": [
            picture
            for picture in (*overview.values(), *(section.samples for section in sections))
            if picture is not None
        ],
    }


def _section(view: AblationView, finding: str, summary: Summary, store: Store, shown: MetricFormat) -> Section:
    sheet = sample_sheet(view, summary, store)
    picture = None if sheet is None else _samples(view, sheet)
    shared: dict[str, list[str]] = {}
    for label, name in view.arms:
        arm = summary.arm(name).arm
        others = [other for other in arm.ablations if other != view.name]
        if others and not arm.is_baseline:
            shared.setdefault(listing(others), []).append(label)
    notes = [sentence(note) for note in view.notes]
    notes += [
        f"{listing(labels)} {'is' if len(labels) == 1 else 'are'} shared with {others} and run once."
        for others, labels in shared.items()
    ]
    return Section(view.name, view.action, finding, tables.ablation_table(view, summary, shown), tuple(notes), picture)


def _samples(view: AblationView, sheet: SampleSheet) -> Picture:
    slug = re.sub(r"[^a-z0-9]+", "-", view.name.lower()).strip("-") or "ablation"
    classes = f", classes {', '.join(map(str, sheet.labels))}" if sheet.labels else ""
    return Picture(
        f"samples-{slug}.png",
        sheet.png,
        f"Samples of seed {sheet.seed}{classes}; every row starts from the same noise.",
        f"Sample images, one row per arm of {view.name}",
    )


def _overview(prepared: Prepared, summary: Summary, store: Store) -> dict[str, Picture | None]:
    expansion, metric = prepared.expansion, summary.study.primary_metric
    drawn = {
        "gflops": (
            figures.gflops_against_metric(expansion, summary),
            f"Cost against quality. Filled: mean over the seeds that ran to {summary.study.budget_images:,} images, "
            "with the standard deviation as a bar. Hollow: stopped or not finished, at the last rung (images after @).",
            f"Scatter plot of Gflops against {metric}, one point per arm",
        ),
        "progress": (
            figures.metric_by_images(expansion, summary),
            f"{metric} at every rung, mean over seeds. A cross marks where an arm was stopped.",
            f"Line plots of {metric} against images seen, one panel per ablation",
        ),
        "loss": (
            figures.training_loss(expansion, summary, store),
            "Training loss (mean squared error plus variational term), mean over seeds.",
            "Line plots of the training loss, one panel per ablation",
        ),
    }
    names = {"gflops": "gflops-against-metric.png", "progress": "metric-by-images.png", "loss": "training-loss.png"}
    return {
        key: Picture(names[key], data, caption, alt) if data is not None else None
        for key, (data, caption, alt) in drawn.items()
    }


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
