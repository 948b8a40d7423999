"""Tables as data: made once, written as Markdown and as HTML by the templates."""

from __future__ import annotations

from dataclasses import dataclass

from dit_core.config import TrialConfig
from dit_core.diffusion.config import DiffusionConfig
from dit_core.model.config import ModelConfig
from dit_core.paper import paper_row
from search_spaces.axes import AXES
from search_spaces.profiles import PROFILES
from search_spaces.types import AblationView
from service.analysis.statistics import paired_difference
from service.analysis.summary import ArmSummary, Summary
from service.report import numbers
from service.report.costs import ArmCost, total
from service.report.numbers import MetricFormat, listing


@dataclass(frozen=True)
class Column:
    """A column: its title and whether it holds numbers, which are set flush right."""

    title: str
    numeric: bool = False


@dataclass(frozen=True)
class Row:
    """A row of plain text; ``strong`` marks the baseline (or a total), ``faint`` what has no final result."""

    cells: tuple[str, ...]
    strong: bool = False
    faint: bool = False


@dataclass(frozen=True)
class Table:
    """A table with a caption."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    caption: str = ""


def ablation_table(view: AblationView, summary: Summary, shown: MetricFormat) -> Table:
    """One ablation: what each arm costs and scores, and how it differs from the baseline."""
    papers = {arm: paper_figures(summary.arm(arm), summary) for _, arm in view.arms}
    with_paper = sum(paper is not None for paper in papers.values()) > 1
    titles = ["parameters", "Gflops", summary.study.primary_metric, "difference to baseline"]
    ladder = view.action == "LADDER"
    titles += ["difference to the step before"] if ladder else []
    first = "step" if ladder else view.axis.replace("_", " ")
    columns = [Column(first), *(Column(title, True) for title in titles), Column("status")]
    if with_paper:
        columns += [Column("paper's Gflops", True), Column("paper's FID-50K", True)]
    rows = []
    before: ArmSummary | None = None
    for label, name in view.arms:
        arm = summary.arm(name)
        step = paired_difference(arm.finals, before.finals) if before is not None else None
        before = arm
        cells = [
            own_label(label) if arm.arm.is_baseline else label,
            numbers.params(arm.cost.params),
            numbers.gflops(arm.cost.gmacs),
            final(arm, summary, shown),
            shown.difference(arm.difference) if arm.difference is not None else "–",
            *([shown.difference(step) if step is not None else "–"] if ladder else []),
            status(arm, shown),
        ]
        if with_paper:
            paper = papers[name]
            cells += [paper["gflops"], paper["fid50k_400k"]] if paper else ["–"] * 2
        rows.append(Row(tuple(cells), strong=arm.arm.is_baseline, faint=not arm.finals))
    models = listing(dict.fromkeys(paper["model"] for paper in papers.values() if paper))
    caption = (
        f"The paper's figures are those of DiT {models} on ImageNet 256 x 256 after 400K steps: another task and "
        "metric, so only their order can be compared with ours."
        if with_paper
        else ""
    )
    return Table(tuple(columns), tuple(rows), caption)


def own_label(label: str) -> str:
    """The baseline's label in a table or a figure: its value, and that it is the baseline."""
    return label if label == "baseline" else f"{label} (baseline)"


def final(arm: ArmSummary, summary: Summary, shown: MetricFormat) -> str:
    """The final metric: mean ± standard deviation over the finished seeds, and how many when some are missing."""
    if arm.final is None:
        return "–"
    seeds = len(summary.study.seeds)
    return shown.spread(arm.final) + ("" if arm.final.n == seeds else f" ({arm.final.n} of {seeds} seeds)")


def status(arm: ArmSummary, shown: MetricFormat) -> str:
    """The arm's status in words; a stopped arm's value is that of its rung, and says so."""
    if arm.ended_early and arm.stop is not None and not arm.diverged:
        return f"stopped at {arm.stop.images:,}: {shown.value(arm.stop.value)}"
    return arm.status


def stopped_table(summary: Summary, shown: MetricFormat) -> Table | None:
    """What was stopped, at which rung and on what comparison; None when nothing was."""
    if not summary.stops:
        return None
    metric = summary.study.primary_metric
    rows = []
    for stop in summary.stops:
        arm, baseline = summary.arm(stop.arm), summary.baseline.at(stop.images)
        at = arm.at(stop.images)
        rows.append(
            Row(
                (
                    stop.arm,
                    f"{stop.images:,}",
                    shown.spread(at) if at is not None else shown.value(stop.value),
                    shown.spread(baseline) if baseline is not None else "–",
                    f"{stop.rank} of {stop.compared}",
                    "diverged" if arm.diverged else "measured to the budget" if arm.finals else "not continued",
                )
            )
        )
    columns = (
        Column("arm"),
        Column("stopped at (images)", True),
        Column(f"{metric} there", True),
        Column("baseline there", True),
        Column("rank", True),
        Column("since then"),
    )
    return Table(columns, tuple(rows))


def cost_table(costs: list[ArmCost]) -> Table:
    """Device seconds and compute per arm, over all its seeds."""
    columns = (
        Column("arm"),
        Column("images trained", True),
        Column("training", True),
        Column("sampling", True),
        Column("scoring", True),
        Column("training compute", True),
        Column(""),
    )
    rows = [_cost_row(cost, _cost_note(cost, costs)) for cost in costs]
    return Table(columns, (*rows, _cost_row(total(costs), "", strong=True)))


def _cost_note(cost: ArmCost, costs: list[ArmCost]) -> str:
    sharing = [other.arm for other in costs if other.weights_of == cost.arm]
    parts = [f"{cost.reused} reused" if cost.reused else ""]
    parts.append(f"evaluates the weights of {cost.weights_of}" if cost.weights_of else "")
    parts.append(f"trained for {listing(sharing)} as well" if sharing else "")
    return "; ".join(part for part in parts if part)


def _cost_row(cost: ArmCost, note: str, strong: bool = False) -> Row:
    cells = (
        cost.arm,
        f"{cost.images:,}",
        numbers.duration(cost.train_seconds),
        numbers.duration(cost.sample_seconds),
        numbers.duration(cost.score_seconds),
        numbers.compute(cost.gmacs),
        note,
    )
    return Row(cells, strong=strong)


def paper_figures(arm: ArmSummary, summary: Summary) -> dict[str, str] | None:
    """What the DiT paper printed for the arm's model of the same name, as text.

    None where it has none: for a model that is no DiT of the paper, and for an arm that varies anything else.
    """
    if not set(arm.arm.delta) <= _PAPERS_AXES or not _of_the_paper(arm.arm.config):
        return None
    profile = PROFILES.get(summary.study.baseline.profile)
    size = AXES.get("size").current(arm.arm.config, profile)
    model = arm.arm.config.model
    found = paper_row(size, model.patch_size, model.block, model.decoder) if isinstance(size, str) else None
    if found is None:
        return None
    return {
        "model": str(found["model"]),
        "gflops": f"{found['gflops']:.2f}",
        "fid50k_400k": f"{found['fid50k_400k']:.2f}",
    }


_PAPERS_AXES = {"patch_size", "block", "size", "decoder"}


def _of_the_paper(config: TrialConfig) -> bool:
    """Whether the network and its objective are the paper's, up to data, size, patches, block and decoder."""
    free = {"input_size", "in_channels", "num_classes", "patch_size", "hidden_size", "depth", "num_heads", "block",
            "decoder"}  # fmt: skip
    model, diffusion = config.model, config.diffusion
    return model.model_copy(update={name: getattr(ModelConfig(), name) for name in free}) == ModelConfig() and (
        diffusion.model_copy(update={"beta_start": 1e-4, "beta_end": 0.02}) == DiffusionConfig()
    )
