"""The HTML report in a browser: numbers at the pointer, tables that sort, files of buttons, dark, narrow, printed."""

from __future__ import annotations

import base64
import csv
import gzip
import io
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import Browser, find_chromium
from finished_study import begin, measure, tiny_study
from plotly.offline import get_plotlyjs

from service.analysis import numbers
from service.records.store import Store
from service.report import Report, build_report
from service.report.page.bundle import plotly_bundle
from service.report.page.chart import words
from service.report.page.labels import Named, names
from service.report.page.palette import DARK, INK, PAPER, SERIES
from service.report.page.sort_keys import sort_key
from service.report.verdict_figure import BETTER, OPEN, SAME, WORSE

ODD = "see </script> [/x] <b>&"
READY = "document.documentElement && document.documentElement.dataset.ready === 'yes'"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    store = Store(tmp_path_factory.mktemp("page") / "store")
    study = tiny_study(
        ablations=[
            {"name": ODD, "axis": "patch_size", "values": [2, 4, 8]},
            {"name": "Rate", "axis": "learning_rate", "values": [0.001, 0.002]},
        ],
        seeds=[0, 1, 2, 3],
        rungs=[128],
        policy="none",
    )
    prepared = begin(study, store)
    base = {"baseline": 10.0, "patch_size=4": 6.0, "patch_size=8": 14.0, "learning_rate=0.001": 10.05}
    values = {
        (arm, seed): mean * (1 + 0.02 * (seed - 1.5) + 0.01 * ((seed * 3 + place) % 4 - 1.5))
        for place, (arm, mean) in enumerate(base.items())
        for seed in range(4)
    }
    measure(store, prepared, {key: value * 2 for key, value in values.items()}, images=128)
    measure(store, prepared, values)
    return build_report(prepared, store, command="dit-ablate run 'x'")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    executable = find_chromium()
    if executable is None:
        pytest.skip("no Chromium on this machine: the report was not opened")
    with Browser(executable, tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


def show(page: Browser, report: Report, *, width: int = 1400, dark: bool = False) -> None:
    page.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    page.call("Emulation.setEmulatedMedia", features=[scheme])
    page.open(f"file://{report.html}")
    page.wait_for(READY)
    page.wait_for("document.querySelector('#verdicts .main-svg')")


def test_its_script_is_the_one_that_the_package_brings() -> None:
    assert gzip.decompress(base64.b64decode(plotly_bundle())).decode() == get_plotlyjs()


def test_the_figure_of_all_verdicts_comes_first_and_is_the_verdicts(report: Report) -> None:
    html = report.html.read_text()
    assert html.index('id="verdicts"') < html.index("arms with 4 seeds each") < html.index('id="ablation-1"')
    script = re.search(r'id="verdicts".*?<script type="application/json">(.*?)</script>', html, re.DOTALL)
    assert script is not None
    head, *rows = json.loads(script[1])["csv"]
    kept = json.loads((report.html.parent / "verdicts.json").read_text())
    known = {verdict["shown_in"][0]["label"]: verdict for verdict in kept["contrasts"]}
    assert len(rows) == len(known) == 4
    for row in (dict(zip(head, cells, strict=True)) for cells in rows):
        verdict = known[row["label"]]
        for name in ("difference", "low", "high", "ratio", "p", "seeds"):
            assert row[name] == verdict[name]
        assert row["question"] == verdict["shown_in"][0]["question"]
    said = {row[1]: row[3] for row in rows}
    assert said["4"] == "clear, better" and said["8"] == "clear, worse" and said["0.002"].startswith("not measured")


@pytest.mark.slow
def test_it_draws_without_any_network_and_shows_names_as_written(page: Browser, report: Report) -> None:
    show(page, report)
    assert (
        page.evaluate("performance.getEntriesByType('resource').filter(e => !e.name.startsWith('blob:')).length") == 0
    )
    drawn = page.evaluate("[...document.querySelectorAll('#verdicts .ytick text')].map(t => t.textContent)")
    assert drawn == [ODD, "4", "8", "Rate", "0.001", "0.002"]
    assert page.evaluate("document.querySelectorAll('h2')[1].textContent") == ODD


@pytest.mark.slow
def test_the_pointer_shows_a_comparisons_numbers(page: Browser, report: Report) -> None:
    show(page, report)
    page.evaluate("document.querySelector('#verdicts').scrollIntoView()")
    at = "(() => { const p = document.querySelector('#verdicts .points path').getBoundingClientRect();"
    x, y = page.evaluate(f"{at} return [p.x + p.width / 2, p.y + p.height / 2]; }})()")
    page.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
    told = page.wait_for("document.querySelector('#verdicts .hoverlayer text')?.textContent")
    assert told.startswith("4clear, better") and re.search(r"−\d\.\d+ \[−.*%.*p .*corrected4 seeds", told)


@pytest.mark.slow
def test_tables_sort_by_their_numbers_both_ways(page: Browser, report: Report) -> None:
    show(page, report)
    head = "document.querySelector('#ablation-1 table thead').rows[0].cells[1]"
    column = "[...document.querySelector('#ablation-1 table').tBodies[0].rows].map(r => r.cells[1].textContent)"
    assert page.evaluate(column) == ["10.42k", "10.83k", "13.18k"]
    page.evaluate(f"{head}.querySelector('button').click()")
    page.evaluate(f"{head}.querySelector('button').click()")
    assert page.evaluate(f"{head}.getAttribute('aria-sort')") == "descending"
    assert page.evaluate(column) == ["13.18k", "10.83k", "10.42k"]


@pytest.mark.slow
def test_buttons_give_numbers_and_a_light_picture(page: Browser, report: Report, tmp_path: Path) -> None:
    page.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    show(page, report, dark=True)
    page.evaluate("document.querySelectorAll('#metric-by-images .tools button').forEach(b => b.click())")
    page.evaluate("document.querySelector('#ablation-1 button.csv').click()")
    files = {
        name: _downloaded(tmp_path / name) for name in ("metric-by-images.csv", "table-1.csv", "metric-by-images.svg")
    }
    rows = list(csv.DictReader(io.StringIO(files["metric-by-images.csv"])))
    assert {row["images"] for row in rows} == {"128", "256"} and len(rows) == 4 * 4 * 2
    table = list(csv.reader(io.StringIO(files["table-1.csv"])))
    assert table[0][0] == "patch size" and [row[0] for row in table[1:]] == ["2 (baseline)", "4", "8"]
    svg = files["metric-by-images.svg"]
    assert svg.count("<svg ") > 2 and ODD in svg.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    assert 'fill="#ffffff"' in svg and _rgb(SERIES[0]) in svg and _rgb(DARK[SERIES[0]]) not in svg


def _downloaded(path: Path) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (path.exists() and path.stat().st_size):
        time.sleep(0.1)
    return path.read_text()


@pytest.mark.slow
@pytest.mark.parametrize("dark", [False, True])
def test_on_a_phone_everything_fits_and_can_be_read(page: Browser, report: Report, dark: bool) -> None:
    show(page, report, width=390, dark=dark)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    smallest = "Math.min(...[...document.querySelectorAll('main *, #verdicts text')].filter(e => e.textContent.trim())"
    assert page.evaluate(f"{smallest}.map(e => parseFloat(getComputedStyle(e).fontSize)))") >= 11
    # names stand above their rows, whole
    ends = "[...document.querySelectorAll('#verdicts .annotation-text')].map(t => t.getBoundingClientRect().right)"
    assert len(page.evaluate(ends)) == 7 and max(page.evaluate(ends)) <= 390
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    ink = page.evaluate("getComputedStyle(document.querySelector('#verdicts text')).fill")
    assert (paper, ink) == tuple(_rgb(DARK[shade] if dark else shade) for shade in (PAPER, INK))


@pytest.mark.slow
def test_paper_is_light_and_has_everything(page: Browser, report: Report) -> None:
    show(page, report, dark=True)
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.wait_for("[...document.querySelectorAll('.panel')].every(p => p.querySelector('.main-svg'))")
    assert page.evaluate("[...document.querySelectorAll('details')].every(d => d.open)")
    assert page.evaluate("getComputedStyle(document.querySelector('#verdicts text')).fill") == _rgb(INK)
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("getComputedStyle(document.querySelector('#verdicts text')).fill") == _rgb(DARK[INK])
    assert not page.evaluate("[...document.querySelectorAll('details')].some(d => d.open)")


def _rgb(colour: str) -> str:
    return f"rgb({', '.join(str(int(colour[at : at + 2], 16)) for at in (1, 3, 5))})"


def _contrast(one: str, other: str) -> float:
    """WCAG's contrast ratio of two colours."""

    def light(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, bright = sorted((light(one), light(other)))
    return (bright + 0.05) / (dark + 0.05)


def test_every_colour_of_a_figure_can_be_seen_on_dark_paper() -> None:
    for colour in {*SERIES, BETTER, WORSE, SAME, OPEN, INK}:
        assert _contrast(DARK[colour], DARK[PAPER]) >= 4.5, colour
    assert len({DARK[colour] for colour in SERIES}) == len(SERIES)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (numbers.MetricFormat(1).signed(-1234.56), -1234.6),
        ("12.3 ± 0.4", 12.3),
        ("−1.73 [−2.9, −0.4]", -1.73),
        (numbers.short(675_100_000), 675.1e6),
        (numbers.short(12_800), 12_800),
        (numbers.duration(2.5), 2.5),
        (numbers.duration(200), 200),
        (numbers.duration(97_440), 97_440),
        (numbers.compute(36.4e9), 36.4e18),
        (numbers.compute(12.0), 12e9),
        (numbers.percent(0.38), 38),
        (numbers.significant(2.5e-7), 2.5e-7),
        ("< 0.0001", 0.0001),
        ("2 (baseline)", 2),
        ("1 completed, 1 pending", 1),
    ],
)
def test_cells_sort_by_the_number_they_begin_with(text: str, key: float) -> None:
    assert float(sort_key(text)) == pytest.approx(key)


@pytest.mark.parametrize("text", [numbers.NOTHING, "", "adaln", "not finite", "patch_size=4", "completed"])
def test_cells_without_a_number_have_no_key(text: str) -> None:
    assert sort_key(text) == ""


def test_names_beside_points_never_meet() -> None:
    points = [Named(0.5, 0.5 + 0.001 * place, f"arm {place}", INK) for place in range(9)]
    found: list[dict[str, Any]] = names(points, ((0.0, 1.0), (0.0, 1.0)), (800, 400))
    assert 1 <= len(found) < 9 and found[0]["text"] == "arm 0"
    apart = names([Named(0.2, 0.2, "a", INK), Named(0.8, 0.8, "b", INK)], ((0.0, 1.0), (0.0, 1.0)), (800, 400))
    assert [note["text"] for note in apart] == ["a", "b"]


def test_text_of_users_is_no_markup() -> None:
    assert words("<b>x</b> & y") == "&lt;b&gt;x&lt;/b&gt; &amp; y"
    assert words("a" * 50, 10) == "a" * 9 + "…"
