"""What a study would cost, and what the store already holds of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rendered import plain
from tiny_study import BATCH, write_study

from dit_core.errors import UserError
from dit_core.gflops import count
from search_spaces.expand import expand
from search_spaces.load import load_study
from service import Client
from service.analysis.preview import Preview
from service.cli.preview_view import render


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study file and a store that holds it, run with one seed of two."""
    folder = tmp_path_factory.mktemp("finished")
    Client(store=folder / "store").run(write_study(folder), executor="local", seeds=(0,))
    return folder


@pytest.fixture(scope="module")
def paper() -> Preview:
    return Client(store="/nowhere").plan("dit-paper")


def test_the_papers_table_without_any_data(paper: Preview) -> None:
    printed = {
        "baseline": (675_129_632, 118.6214),
        "patch_size=4": (None, 29.0437),
        "patch_size=8": (None, 7.3924),
        "block=in-context": (None, 119.3539),
        "block=cross-attention": (None, 137.6028),
        "block=adaln": (None, 118.5471),
        "size=S": (None, 6.0557),
        "size=B": (None, 23.0051),
        "size=L": (None, 80.6976),
    }
    for name, (params, gflops) in printed.items():
        arm = paper.arm(name)
        assert arm.gflops == pytest.approx(gflops, abs=5e-5), name
        assert params is None or arm.params == params
    text = str(paper)
    for shown in ("675.1M", "118.62", "137.60", "6.06", "23.01", "80.70", "29.04", "7.39"):
        assert shown in text


def test_without_data_the_preview_says_what_is_unknown_and_what_run_will_need(paper: Preview) -> None:
    assert not paper.ready
    assert paper.segments is None and paper.remaining_gmacs is None
    assert all(arm.held is None for arm in paper.arms)
    text = str(paper)
    assert "cannot be told yet" in text
    assert "Not ready to run: data.path" in text and "--set data.path=FOLDER" in text


def test_how_to_give_a_folder_is_said_where_one_is_wanted(tmp_path: Path) -> None:
    preview = Client(store=tmp_path / "store").plan("dit-digits", settings={"data.path": "images"})
    assert "the data set 'digits' is embedded and has none" in str(preview) and "`dit-ablate init images`" in str(
        preview
    )


def test_looking_makes_no_store(tmp_path: Path) -> None:
    store = tmp_path / "store"
    preview = Client(store=store).plan(write_study(tmp_path))
    assert preview.ready and not store.exists()


def test_costs_are_those_of_the_expansion(tmp_path: Path) -> None:
    path = write_study(tmp_path)
    preview = Client(store=tmp_path / "store").plan(path)
    arms = expand(load_study(path)).arms
    assert [arm.name for arm in preview.arms] == ["baseline", "patch_size=4", "patch_size=8"]
    for shown, arm in zip(preview.arms, arms, strict=True):
        cost = count(arm.config.model)
        assert (shown.params, shown.gflops) == (cost.params, cost.gmacs)
        assert shown.tokens == (8 // arm.config.model.patch_size) ** 2
        assert shown.training_gmacs == pytest.approx(cost.gmacs * 4 * BATCH * 3 * 2)
    total = pytest.approx(sum(arm.training_gmacs for arm in preview.arms))
    assert preview.training_gmacs == total
    assert preview.remaining_gmacs == total
    assert preview.trials == 6 and preview.segments == 12
    assert "3 arms x 2 seeds = 6 trials" in str(preview)
    assert "at most 12 segments" in str(preview)


def test_what_the_store_holds_is_counted(finished: Path) -> None:
    client = Client(store=finished / "store")
    preview = client.plan(finished / "study.yaml")
    baseline = preview.arm("baseline")
    assert (baseline.held, baseline.wanted) == (2, 4)
    assert tuple(map(str, baseline.states)) == ("completed", "pending")
    assert preview.to_json()["arms"][0]["states"] == ["completed", "pending"]
    # seed 0 ran with one arm stopped at its rung: up to there its new seed runs
    assert preview.segments == 5
    assert "2 of 4 evaluations" in str(preview)
    done = client.plan(finished / "study.yaml", seeds=(0,))
    assert done.segments == 0 and done.remaining_gmacs == 0
    assert sorted(str(state) for arm in done.arms for state in arm.states) == ["completed", "completed", "stopped@64"]
    assert "The store holds all of it" in str(done)


def test_a_longer_budget_leaves_the_difference(finished: Path) -> None:
    preview = Client(store=finished / "store").plan(
        finished / "study.yaml", seeds=(0,), budget_images=6 * BATCH, settings={"policy": "none"}
    )
    stopped = next(arm.name for arm in preview.arms if not arm.is_baseline and _ended(finished, arm.name) == 2 * BATCH)
    expected = sum(arm.gflops * 3 * BATCH * (4 if arm.name == stopped else 2) for arm in preview.arms)
    assert preview.remaining_gmacs == pytest.approx(expected)
    assert preview.segments == 3  # each at the new budget; what was measured at its rung is kept


def _ended(folder: Path, arm: str) -> int:
    trials = Client(store=folder / "store").status("tiny").trials
    return int(trials.loc[trials["arm"] == arm, "images"].max())


def test_json_is_plain_and_complete(tmp_path: Path) -> None:
    preview = Client(store=tmp_path / "store").plan(write_study(tmp_path))
    data = json.loads(json.dumps(preview.to_json()))
    assert data["ready"] is True and data["blocker"] is None
    assert [arm["name"] for arm in data["arms"]] == ["baseline", "patch_size=4", "patch_size=8"]
    assert data["ablations"][0]["arms"] == [["2", "baseline"], ["4", "patch_size=4"], ["8", "patch_size=8"]]


def test_every_phrase_of_a_plan_is_accounted_for(tmp_path: Path) -> None:
    plan = tmp_path / "plan.md"
    plan.write_text(
        "### Decoder\n- **Ablated Part**: decoder architecture\n- **Action**: REPLACE\n- **Replacement**:\n"
        "  - standard linear decoder\n  - alternative decoder architectures\n- **Metrics**: FID\n"
    )
    preview = Client(store=tmp_path / "store").plan(plan)
    said = {phrase.text for phrase in preview.understood}
    assert {"decoder architecture", "alternative decoder architectures", "standard linear decoder", "FID"} <= said
    text = str(preview)
    assert "How the plan was understood" in text
    assert "'alternative decoder architectures'" in text and "conv-upsample" in text


def test_a_wrong_policy_is_refused_by_the_preview(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="rung"):
        Client(store=tmp_path / "store").plan(write_study(tmp_path, policy="rung"))


def test_rungs_beyond_a_smaller_budget_are_dropped_and_said(tmp_path: Path) -> None:
    preview = Client(store=tmp_path / "store").plan(write_study(tmp_path), budget_images=2 * BATCH)
    assert preview.rungs == () and preview.budget_images == 2 * BATCH
    assert any("64" in note and "dropped" in note for note in preview.notes)


@pytest.mark.parametrize("study", ["dit-paper", "dit-modern"])
def test_the_terminal_and_print_say_the_same(study: str, tmp_path: Path) -> None:
    preview = Client(store=tmp_path / "store").plan(study)

    def words(text: str) -> list[str]:
        return [word for word in text.split() if set(word) - set("-─")]

    assert words(str(preview)) == words(plain(render(preview), 400))


def test_names_are_shown_as_they_are_written(tmp_path: Path) -> None:
    ablations = [{"name": "see [/data/notes] or [red]", "axis": "patch_size", "values": [4]}]
    path = write_study(tmp_path, ablations=ablations, description="[bold]ours[/] vs [theirs]")
    preview = Client(store=tmp_path / "store").plan(path)
    for text in (str(preview), plain(render(preview), 200)):
        assert "see [/data/notes] or [red]" in text and "[bold]ours[/] vs [theirs]" in text
