"""The report: what it claims, and that it is complete in itself."""

from __future__ import annotations

import base64
import io
import math
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from finished_study import (
    BUDGET,
    CONDITIONING,
    PATCHES,
    RUNG,
    begin,
    measure,
    patches_of,
    run_locally,
    tiny_study,
    up_to_rung,
)
from PIL import Image
from scipy import stats

from dit_core.config import TrialConfig
from dit_core.evaluation import render as render_grid
from dit_core.gflops import count, training_gmacs
from service.analysis.narrative import findings, opening
from service.analysis.numbers import MetricFormat, compute, duration
from service.analysis.statistics import spread
from service.analysis.summary import Summary, summarise
from service.preflight import Prepared
from service.records.store import Store
from service.report import Report, build_report
from service.report.ablation_tables import ablation_table
from service.report.samples import first_row
from service.report.style import spread_labels

COMMAND = "dit-ablate run 'tiny study.yaml' --store <there>"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Prepared, Store]:
    store = Store(tmp_path_factory.mktemp("trained") / "store")
    return run_locally(tiny_study(), store), store


@pytest.fixture(scope="module")
def report(trained: tuple[Prepared, Store]) -> Report:
    return build_report(*trained, command=COMMAND)


class Page(HTMLParser):
    """A page's text, tables, pictures and everything it would fetch."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text, self.tables, self.images, self.fetches, self.ids, self.links = "", [], [], [], set(), []
        self.charts: set[str] = set()
        self._cell: list[str] | None = None
        self._skip = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "img":
            self.images.append(found["src"] or "")
            assert found.get("alt")
        if tag in ("link", "iframe", "object", "embed"):
            self.fetches.append(tag)
        self.fetches += [
            value for key, value in attrs if key in ("src", "srcset") and not str(value).startswith("data:")
        ]
        if "id" in found:
            self.ids.add(found["id"])
        if found.get("class") == "chart":
            self.charts.add(found["id"] or "")
        if tag == "a":
            self.links.append(found["href"] or "")
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self._cell = []
        self._skip = tag in ("style", "script") or (self._skip and tag != "body")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th") and self._cell is not None:
            self.tables[-1][-1].append("".join(self._cell).strip())
            self._cell = None
        if tag in ("style", "script"):
            self._skip = False

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(data)
        if not self._skip:
            self.text += data


def markdown_tables(text: str) -> list[list[list[str]]]:
    """The tables of a Markdown text, cells without emphasis."""
    tables: list[list[list[str]]] = []
    previous = ""
    for line in text.splitlines():
        if line.startswith("|"):
            cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            if not previous.startswith("|"):
                tables.append([])
            if not re.fullmatch(r"[|\s:-]+", line):
                tables[-1].append([cell[2:-2] if cell.startswith("**") else cell for cell in cells])
        previous = line
    return tables


# -- the files ------------------------------------------------------------------------------------


def test_html_is_complete_in_itself(report: Report) -> None:
    html = report.html.read_text()
    page = Page(html)
    assert page.fetches == []
    assert "url(" not in html and "@import" not in html
    assert len(report.figures) == 4 + 1 + 4 and page.charts == {
        path.stem for path in report.figures if not path.stem.startswith("samples-")
    }
    assert len(page.images) == 3 + 1 + 2 + 2, "a strip of samples for every arm that has some"
    for uri in page.images:
        Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))).verify()
    assert {link[1:] for link in page.links} <= page.ids
    assert 'name="viewport"' in html and "prefers-color-scheme: dark" in html


def test_markdown_and_html_hold_the_same_tables(report: Report) -> None:
    page, tables = Page(report.html.read_text()), markdown_tables(report.markdown.read_text())
    assert len(tables) == 4 + 4
    assert page.tables == tables
    assert all(len(row) == len(table[0]) for table in tables for row in table)


def test_markdown_names_figures_that_exist(report: Report) -> None:
    named = re.findall(r"!\[[^]]+\]\(([^)]+)\)", report.markdown.read_text())
    assert {report.markdown.parent / name for name in named} == set(report.figures)
    assert all(path.stat().st_size > 1000 for path in report.figures)


def test_what_people_wrote_is_escaped(report: Report) -> None:
    html = report.html.read_text()
    assert "--store &lt;there&gt;" in html and "<there>" not in html
    assert COMMAND in report.markdown.read_text()


def test_no_path_of_the_store_is_needed_to_read_it(report: Report, trained: tuple[Prepared, Store]) -> None:
    assert str(trained[1].path) not in report.html.read_text()


# -- what it says ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def patches(trained: tuple[Prepared, Store]) -> tuple[str, str]:
    return patches_of(*trained)


def test_tables_show_what_the_store_holds(
    report: Report, trained: tuple[Prepared, Store], patches: tuple[str, str]
) -> None:
    _, kept = patches
    prepared, store = trained
    rows = {row[0]: row for row in Page(report.html.read_text()).tables[0]}
    final = {
        (trial.arm.name, trial.seed): store.evaluations(prepared.train_ids[trial.name], trial.config, [BUDGET])
        .get(BUDGET, {})
        .get("fd_digits_cnn")
        for trial in prepared.expansion.trials
    }
    for name, label in (("baseline", "2 (baseline)"), (f"patch_size={kept}", kept)):
        values = [final[name, seed].value for seed in (0, 1)]
        shown, sd = (float(text) for text in rows[label][3].split(" ± "))
        assert shown == pytest.approx(stats.gmean(values), abs=0.06)
        assert sd == pytest.approx(np.std(values, ddof=1), abs=0.06)
    verdict = summarise(prepared, store).verdicts.of(f"patch_size={kept}")
    mean, low, high = (float(text.replace("−", "-")) for text in re.findall(r"[+−][\d.]+", rows[kept][4]))
    means = [stats.gmean([final[arm, seed].value for seed in (0, 1)]) for arm in (f"patch_size={kept}", "baseline")]
    assert (mean, low, high) == pytest.approx((means[0] - means[1], verdict.low, verdict.high), abs=0.06)
    assert rows[kept][6].split(":")[0].split(",")[0] == verdict.status and rows[kept][7] == "completed"


def test_stopped_arm_has_no_final_value(
    report: Report, trained: tuple[Prepared, Store], patches: tuple[str, str]
) -> None:
    size, _ = patches
    rows = {row[0]: row for row in Page(report.html.read_text()).tables[0]}
    value = summarise(*trained).arm(f"patch_size={size}").stop.value
    assert rows[size][3] == rows[size][4] == "–"
    assert rows[size][6] == "not measured: stopped at 128 images"
    stopped = re.fullmatch(r"stopped at 128: ([\d.]+)", rows[size][7])
    assert stopped is not None
    assert float(stopped[1]) == pytest.approx(value, abs=0.06)


def test_absence_is_never_claimed(report: Report) -> None:
    for text in (report.markdown.read_text(), Page(report.html.read_text()).text):
        assert "Undecided says that the seeds do not resolve a difference, not that there is none." in text
        text = text.replace("makes no difference", "")
        assert not re.search(r"no (significant )?(effect|difference)", text, re.IGNORECASE)


def test_it_tells_stops_divergence_sharing_command_and_versions(report: Report, patches: tuple[str, str]) -> None:
    stopped, kept = patches
    text = Page(report.html.read_text()).text
    assert f"patch_size={stopped} was stopped at 128 images" in text
    assert re.search(kept + r" \([+−][\d.]+ \[[+−][\d.]+, [+−][\d.]+\]", text)
    assert re.search(stopped + r" \(stopped at 128 images, there [\d.]+, baseline [\d.]+\)", text)
    assert "learning_rate=1e+06 seed=0" in text and "diverged" in text
    assert "adaln is shared with Conditioning Mechanism and run once." in text
    assert "Training every arm to the budget would have taken" in text
    assert COMMAND in text and "budget_images: 256" in text
    for package in ("python", "torch", "ray", "mlflow"):
        assert re.search(rf"{package} \d+\.\d+", text)
    assert "64 generated images against 1,438 training images" in text
    assert "This study is not finished" not in text


def test_costs_add_up(report: Report, trained: tuple[Prepared, Store], patches: tuple[str, str]) -> None:
    prepared, store = trained
    table = next(t for t in Page(report.html.read_text()).tables if t[0][1] == "images trained")
    arms = {row[0]: row for row in table[1:]}
    assert arms["baseline"][1] == f"{2 * BUDGET:,}" and arms[f"patch_size={patches[0]}"][1] == f"{2 * RUNG:,}"
    assert arms["baseline"][5] == compute(training_gmacs(count(prepared.expansion.baseline.config.model), 2 * BUDGET))
    assert int(arms["all arms"][1].replace(",", "")) == sum(int(r[1].replace(",", "")) for r in table[1:-1])
    seconds = sum(r.seconds for seed in (0, 1) for r in store.curve(prepared.train_ids[f"baseline seed={seed}"]))
    assert arms["baseline"][2] == duration(seconds)


def test_unfinished_study_says_so_first(trained: tuple[Prepared, Store], tmp_path: Path) -> None:
    prepared, full = trained
    built = build_report(prepared, up_to_rung(full, tmp_path / "half"), command=COMMAND)
    text = built.markdown.read_text()
    assert text.index("This study is not finished") < text.index("## What this study shows")
    assert "None of 4 comparisons could be made" in text
    assert "No trial has a result of fd_digits_cnn at the budget of 256 images" in text
    assert Page(built.html.read_text()).fetches == []


def test_study_without_any_record_has_a_report(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    built = build_report(begin(tiny_study(), store), store, command=COMMAND)
    assert built.figures == ()
    assert "This study is not finished" in built.markdown.read_text()


def _opening(tmp_path: Path, values: Mapping[str, list[float]], **changes: object) -> tuple[str, Summary]:
    """The opening paragraphs over made-up measurements at the budget: arm -> one value per seed."""
    store = Store(tmp_path / "store")
    seeds = list(range(max(map(len, values.values()))))
    study = tiny_study(ablations=[PATCHES], rungs=[], policy="none", seeds=seeds, **changes)
    prepared = begin(study, store)
    measure(store, prepared, {(arm, seed): v for arm, vs in values.items() for seed, v in enumerate(vs)})
    summary = summarise(prepared, store)
    return " ".join(opening(prepared.expansion, summary, MetricFormat(2))), summary


def test_one_seed_has_no_uncertainty(tmp_path: Path) -> None:
    text, _ = _opening(tmp_path, {"baseline": [10.0], "patch_size=4": [9.0], "patch_size=8": [12.0]})
    assert "patch_size=4 has the lowest mean, 9.00 over 1 seed; the lowest of several means is optimistic" in text
    assert "2 undecided" in text
    assert "no interval and no p value can be given" in text and "[" not in text


def test_best_baseline_is_said_plainly(tmp_path: Path) -> None:
    text, _ = _opening(tmp_path, {"baseline": [10.0, 11.0], "patch_size=4": [14.0, 15.5], "patch_size=8": [12.0, 13.1]})
    assert "The baseline has the lowest mean, 10.49 over 2 seeds (95 % interval " in text
    assert "every other arm is clearly not the best" in text


def test_what_is_clear_is_named_and_nothing_else(tmp_path: Path) -> None:
    base = [10.0, 10.4, 9.8, 10.1, 10.3]
    worse = [b + 1 + 0.1 * (i % 3) for i, b in enumerate(base)]
    same = [b + 0.3 * (-1) ** i for i, b in enumerate(base)]
    text, summary = _opening(tmp_path, {"baseline": base, "patch_size=4": worse, "patch_size=8": same})
    assert [v.contrast.arm for v in summary.verdicts.clear()] == ["patch_size=4"]
    assert "Of 2 comparisons, corrected together at 95 %: 1 clear, 1 undecided." in text
    (finding,) = findings(summary.expansion, summary, MetricFormat(2))
    assert re.match(r"4 \(\+1\.\d\d \[\+.*\]\) is clearly worse than 2 \(baseline\)\. Undecided", finding.text)


def test_seeds_without_a_finding_are_underpowered_not_equal(tmp_path: Path) -> None:
    base = [10.0, 10.4, 9.8, 10.1, 10.3]
    other = [b + 0.3 * (-1) ** i for i, b in enumerate(base)]
    text, _ = _opening(tmp_path, {"baseline": base, "patch_size=4": other, "patch_size=8": base[::-1]})
    assert "2 undecided. That says that the study is too small, not that the arms are equal." in text


def test_arm_with_a_missing_seed_shows_how_many_it_has(tmp_path: Path) -> None:
    _, summary = _opening(tmp_path, {"baseline": [10.0, 11.0], "patch_size=4": [9.0], "patch_size=8": [12.0, 13.0]})
    store = Store(tmp_path / "store")
    view = begin(summary.study, store).expansion.ablations[0]
    rows = {row.cells[0]: row.cells for row in ablation_table(view, summary, MetricFormat(2)).rows}
    assert rows["4"][3] == "9.40 (1 of 2 seeds, adjusted)"  # at both seeds, which 10 and 11, 12 and 13 tell
    assert rows["2 (baseline)"][3].startswith("10.49 ±") and rows["4"][4].startswith("−1.08")
    assert rows["4"][7] == "1 completed, 1 pending"


def test_paper_figures_stand_beside_ours_where_there_are_any(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    study = tiny_study(
        ablations=[CONDITIONING, PATCHES], baseline={"profile": "digits"}, rungs=[256], budget_images=512
    )
    prepared = begin(study, store)
    measure(store, prepared, {("baseline", 0): 10.0, ("block=adaln", 0): 12.0}, images=512)
    summary = summarise(prepared, store)
    table = ablation_table(prepared.expansion.ablations[0], summary, MetricFormat(2))
    assert [column.title for column in table.columns][-2:] == ["paper's Gflops", "paper's FID-50K"]
    assert [row.cells[-2:] for row in table.rows] == [("118.64", "19.47"), ("118.56", "25.21")]
    assert "only their order can be compared" in table.caption


def test_spread_of_one_seed_has_no_deviation() -> None:
    assert spread([], "identity") is None
    assert spread([2.0], "log").sd is None
    assert spread([1.0, 3.0], "identity").sd == pytest.approx(math.sqrt(2))


def test_means_are_of_the_models_kind_where_values_have_a_logarithm() -> None:
    assert spread([1.0, 4.0], "log").mean == pytest.approx(2) and spread([1.0, 4.0], "identity").mean == 2.5
    assert spread([0.0, 4.0], "log").mean == 2 and spread([1.0, math.inf], "log").mean == math.inf


# -- looks ----------------------------------------------------------------------------------------


def test_labels_are_moved_apart_in_order() -> None:
    placed = spread_labels([5.0, 5.1, 5.2, 50.0, 4.9], 2.0)
    order = sorted(range(5), key=lambda i: placed[i])
    assert order == [4, 0, 1, 2, 3]
    assert all(b - a >= 2.0 - 1e-9 for a, b in zip(sorted(placed), sorted(placed)[1:], strict=False))
    assert placed[3] == 50.0


def test_first_row_of_a_grid_is_cut_whole() -> None:
    import torch

    config = TrialConfig.model_validate(
        {"model": {"input_size": 8, "in_channels": 1, "num_classes": 10}, "evaluation": {"grid_images": 30}}
    )
    images = torch.arange(30).view(30, 1, 1, 1).mul(8).expand(30, 1, 8, 8).to(torch.uint8)
    row = np.asarray(first_row(render_grid(images, columns=10), config))
    assert set(np.unique(row)) == {8 * index for index in range(10)}
