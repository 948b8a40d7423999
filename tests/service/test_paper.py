"""Tables and curves for a paper are views of the same verdicts, in formats that others can read."""

from __future__ import annotations

import csv
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from finished_study import PATCHES, RUNG, begin, measure, run_locally, tiny_study
from random_world import world
from tiny_study import dit_ablate

from service.analysis.study_result import StudyResult, study_result
from service.analysis.summary import summarise
from service.client import Client
from service.paper.formats import records, written
from service.paper.table import paper_table
from service.records.store import Store
from service.statistics.contrast import Kind
from service.statistics.verdict import Status


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[StudyResult, Store]]:
    folder = tmp_path_factory.mktemp("worlds")
    found = [world(folder, draw) for draw in range(4)]
    return [(study_result(summarise(prepared, store), store), store) for prepared, store in found]


def test_rows_hold_the_numbers_of_the_verdicts(worlds: list[tuple[StudyResult, Store]]) -> None:
    for result, _ in worlds:
        rows = records(result)
        for row in rows:
            if row["kind"] != str(Kind.ARM):
                continue
            mean = result.verdicts.means.get(row["arm"])
            if mean is not None:
                assert (row["fd_digits_cnn"], row["seeds"]) == (mean.value, mean.seeds)
            verdict = result.verdicts.at(row["question"], row["row"])
            for name in ("difference", "low", "high", "p"):
                assert row[name] == (None if verdict is None else getattr(verdict, name))
        places = [place for verdict in result.verdicts.verdicts for place in verdict.contrast.places]
        assert sum(row["kind"] != "arm" for row in rows) == sum(place.kind is not Kind.ARM for place in places)


def test_frames_carry_what_differs_and_the_intervals(worlds: list[tuple[StudyResult, Store]]) -> None:
    result, _ = worlds[2]
    assert {"model.patch_size", "training.learning_rate"} <= set(result.config_fields)
    assert "training.batch_size" not in result.config_fields
    by_arm = result.arms.set_index("arm")
    assert by_arm.loc["patch_size=4", "model.patch_size"] == 4
    assert set(result.config_fields) <= set(result.trials.columns) & set(result.ablations.columns)
    for verdict in result.verdicts.verdicts:
        if verdict.contrast.kind is Kind.ARM and verdict.low is not None:
            assert tuple(by_arm.loc[verdict.contrast.arm, ["low", "high", "p"]]) == (
                verdict.low,
                verdict.high,
                verdict.p,
            )
    json.dumps(result.to_json(), allow_nan=False)


def test_every_format_has_the_same_cells(worlds: list[tuple[StudyResult, Store]]) -> None:
    for result, _ in worlds:
        table = paper_table(result)
        assert all(len(row) == len(table.columns) for group in table.groups for row in group.rows)
        rows = [row for group in table.groups for row in group.rows]
        texts = [[cell.text for cell in row] for row in rows]
        markdown = [
            [re.sub(r"\*\*|( [†‡§≈])$", "", cell.strip()) for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            for line in written(result, "md").splitlines()
            if line.startswith("| ") and not line.startswith("| *")
        ][1:]
        assert markdown == [[cell.replace("|", "\\|") for cell in row] for row in texts]
        page = _Cells()
        page.feed(written(result, "html"))
        assert page.rows == [[cell.text + cell.mark for cell in row] for row in rows]
        latex = written(result, "latex")
        body = latex[latex.index(r"\midrule") : latex.index(r"\bottomrule")]
        lines = [line for line in body.splitlines() if line.endswith(r"\\") and "multicolumn" not in line]
        assert [len(re.split(r"(?<!\\)&", line)) for line in lines] == [len(table.columns)] * len(rows)
        assert latex.isascii() and not re.search(r"(?<!\\)[_%#]", latex.split("\n", 1)[1])
        assert body.count(r"\textbf") == sum(cell.bold for row in rows for cell in row) > 0


def test_marks_stand_where_nothing_is_clear_and_are_explained(worlds: list[tuple[StudyResult, Store]]) -> None:
    for result, _ in worlds:
        table = paper_table(result)
        used = {cell.mark for group in table.groups for row in group.rows for cell in row} - {""}
        assert {line[0] for line in table.legend if line[0] in "†‡§≈"} == used
        undecided = sum(v.status is Status.UNDECIDED for v in result.verdicts.verdicts for _ in v.contrast.places)
        assert sum(cell.mark == "‡" for group in table.groups for row in group.rows for cell in row) == undecided


def test_a_stopped_arm_s_value_says_where_it_was_stopped(tmp_path: Path) -> None:
    prepared = begin(tiny_study(ablations=[PATCHES], seeds=[0]), store := Store(tmp_path / "store"))
    values = {("baseline", 0): 10.0, ("patch_size=4", 0): 9.0, ("patch_size=8", 0): 90.0}
    measure(store, prepared, values, images=RUNG)
    measure(store, prepared, {key: value for key, value in values.items() if key[0] != "patch_size=8"})
    text = written(study_result(summarise(prepared, store), store), "md")
    assert "| 90.000 @128 † |" in text and "**9.000**" in text and "10.000 |" in text
    assert "† stopped early" in text and "Patch \\| Size" not in text, "one question needs no heading"


def test_the_commands(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    run_locally(tiny_study(ablations=[PATCHES], seeds=[0], policy="none"), store)
    shown = dit_ablate("table", "tiny", "--store", store.path, env={"COLUMNS": "80"})
    assert shown.exit_code == 0 and "| 2 (baseline) |" in shown.stdout
    rows = list(
        csv.DictReader(io.StringIO(dit_ablate("table", "tiny", "--format", "csv", "--store", store.path).stdout))
    )
    assert [row["model.patch_size"] for row in rows] == ["2", "4", "8"]
    told = dit_ablate("table", "tiny", "--json", "--no-config", "--store", store.path).stdout
    assert "model.patch_size" not in json.loads(told)[0]
    wrong = dit_ablate("table", "tiny", "--question", "Patch", "--store", store.path)
    assert wrong.exit_code == 2 and "did you mean 'Patch | Size'" in wrong.stderr

    frame = Client(store=store.path).curves("tiny")
    losses = frame[(frame["arm"] == "patch_size=4") & (frame["quantity"] == "loss")]
    trial = next(
        t for t in Client(store=store.path).status("tiny").trials.to_dict("records") if t["arm"] == "patch_size=4"
    )
    assert list(losses["value"]) == [point.loss for point in store.curve_points(trial["train_id"])]
    assert set(losses["model.patch_size"]) == {4} and "fd_digits_cnn" in set(frame["quantity"])
    assert dit_ablate("curves", "tiny", "--store", store.path).stdout == frame.to_csv(index=False)
    to = tmp_path / "curves.parquet"
    assert dit_ablate("curves", "tiny", "--format", "parquet", "--to", to, "--store", store.path).exit_code == 0
    pd.testing.assert_frame_equal(pd.read_parquet(to), frame)
    refused = dit_ablate("curves", "tiny", "--format", "parquet", "--store", store.path)
    assert refused.exit_code == 2 and refused.stderr.startswith("error: --to: missing")


class _Cells(HTMLParser):
    """The cells of a table's rows."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "td":
            self.rows[-1].append("")
        elif tag == "tr":
            self.rows.append([])
        self._inside = tag in ("td", "sup", "strong")

    def handle_endtag(self, tag: str) -> None:
        self._inside = False
        if tag == "table":
            self.rows = [row for row in self.rows if row]

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.rows[-1][-1] += data
