"""The commands: what they print, their exit codes, and what scripts get."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from finished_study import begin, tiny_study
from rendered import plain
from tiny_study import BATCH, dit_ablate, write_study

from dit_core import gflops
from service.records.store import Store

COMMAND = str(Path(sys.executable).with_name("dit-ablate"))
COMMANDS = (
    "plan",
    "run",
    "status",
    "stop",
    "queue",
    "report",
    "submit",
    "sync",
    "mirror",
    "ui",
    "axes",
    "import",
    "cache-latents",
)
PLAN = (
    "### Patch Size\n- **Ablated Part**: patch size\n- **Action**: REPLACE\n- **Replacement**:\n  - 2\n  - 4\n"
    "- **Metrics**: FID\n"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study file and the store of its finished run."""
    folder = tmp_path_factory.mktemp("cli")
    write_study(folder)
    result = dit_ablate("run", folder / "study.yaml", "--executor", "local", "--store", folder / "store")
    assert result.exit_code == 0, result.output
    (folder / "run.txt").write_text(result.stdout)
    return folder


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str) -> None:
    shown = dit_ablate(command, "--help")
    assert shown.exit_code == 0
    assert f"dit-ablate {command}" in shown.stdout and "Example" in shown.stdout


def test_help_lists_commands_and_exit_codes() -> None:
    shown = dit_ablate("--help")
    assert shown.exit_code == 0
    for command in COMMANDS:
        assert command in shown.stdout
    for words in ("0 done", "1 trials failed", "2 a mistake", "3 stopped", "130"):
        assert words in " ".join(shown.stdout.split())


def test_the_version_is_printed() -> None:
    shown = dit_ablate("--version")
    assert shown.exit_code == 0 and re.fullmatch(r"dit-ablate \d+\.\d+\.\d+\n", shown.stdout)


@pytest.mark.slow
def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom service.cli.app import app\n"
        "try:\n    app(['run', '--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'ray', 'mlflow', 'pandas', 'matplotlib', 'scipy', 'dit_core.config'} & set(sys.modules)\n"
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr


HEAVY = {
    "torch", "pandas", "ray", "mlflow", "scipy", "sklearn", "matplotlib", "numpy", "jinja2", "PIL", "requests",
    "asyncio",
}  # fmt: skip
"""Packages that take a tenth of a second to import, or several, and what only draws, submits or runs a study needs."""


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments, told, needs, calls",
    [
        ("--help", "Usage", set(), 1),
        ("run typo.yaml", "model.patch_size: 3", set(), 1),
        ("axes", "patch_size", set(), 1),
        ("status begun", "begun", set(), 2),
        ("status tiny", "comparison", {"numpy", "scipy"}, 1),  # what its run has counted is in the store
        ("status tiny", "comparison", set(), 2),
        ("plan small.yaml", "2 arms", {"numpy"}, 2),  # which digits are loaded with, and studies simulated
    ],
)
def test_what_only_reads_and_what_is_mistaken_imports_nothing_heavy(
    arguments: str,
    told: str,
    needs: set[str],
    calls: int,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DIT_ABLATE_CACHE", str(tmp_path / "cache"))
    gflops._count.cache_clear()  # what another test has counted is kept in another folder
    for name, values in (("typo", "[2, 3]"), ("small", "[2, 4]")):
        (tmp_path / f"{name}.yaml").write_text(
            f"name: s\nbaseline: {{profile: digits}}\nablations:\n  - {{axis: patch_size, values: {values}}}\n"
        )
    shutil.copytree(folder / "store", tmp_path / "store")
    begin(tiny_study("begun", seeds=[0]), Store(tmp_path / "store"))
    code = (
        "import sys\nfrom service.cli import main\n"
        f"sys.argv = ['dit-ablate', *{arguments!r}.split()]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print('imported', *sorted({HEAVY!r} & set(sys.modules)))"
    )
    environment = {**os.environ, "DIT_ABLATE_STORE": str(tmp_path / "store"), "PYTHONPATH": os.pathsep.join(sys.path)}
    for _ in range(calls):  # what is worked out at the first call is kept for the second
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=600, cwd=tmp_path, env=environment
        )
    assert told in done.stdout + done.stderr, done.stderr
    assert done.stdout.splitlines()[-1] == " ".join(["imported", *sorted(needs)])


@pytest.mark.slow
def test_a_driver_counts_without_pytorch_what_another_process_has_counted(tmp_path: Path) -> None:
    study = write_study(tmp_path)
    code = (
        "import sys\nfrom service.cli.count_apart import count_apart\nfrom service.preflight import prepare\n"
        "from search_spaces.expand import expand\nfrom search_spaces.load import load_study\n"
        f"expansion = expand(load_study({str(study)!r}))\n"
        f"{{}}\nprepare(expansion)\nprint('torch' in sys.modules)"
    )
    told = []
    for number, before in enumerate(("", f"count_apart({str(study)!r}, {{}})")):
        environment = {**os.environ, "DIT_ABLATE_CACHE": str(tmp_path / f"cache-{number}")}
        done = subprocess.run(
            [sys.executable, "-c", code.replace("{}", before, 1)],
            capture_output=True, text=True, timeout=600, env=environment,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        told.append(done.stdout.split())
    assert told == [["True"], ["False"]]


@pytest.mark.slow
def test_a_command_imports_no_other_command() -> None:
    code = (
        "import sys\nfrom service.cli.app import app\n"
        "try:\n    app(['axes'])\nexcept SystemExit:\n    pass\n"
        "print('imported', *sorted({'service.cli.run', 'service.cli.status', 'service.cli.ui'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600)
    assert done.stdout.splitlines()[-1] == "imported", done.stderr


@pytest.mark.slow
def test_a_terminal_without_all_characters_gets_others() -> None:
    code = (
        "from service.cli.console import out, write_what_can_be_written\n"
        "write_what_can_be_written()\nout().print('a − b ± 1 – Fréchet ö')"
    )
    ascii_only = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=ascii_only, timeout=600)
    assert (done.returncode, done.stdout) == (0, "a - b +- 1 - Fr?chet ?\n"), done.stderr


def test_the_terminal_and_the_report_show_the_same_numbers(folder: Path) -> None:
    report = (folder / "store/studies/tiny/report/report.md").read_text()
    shown = dit_ablate("report", "tiny", "--store", folder / "store").stdout
    rows = [line for line in shown.splitlines() if line.rstrip().endswith("completed")]
    numbers = [word for row in rows for word in re.findall(r"[+−][\d.,]+", row)]
    assert numbers
    for number in numbers:  # with its interval there
        assert re.search(rf"{re.escape(number)} [\[(]", report), number


def test_a_run_says_what_happened_and_what_to_do_next(folder: Path) -> None:
    said = (folder / "run.txt").read_text()
    assert said.startswith("Study tiny: 3 arms x 2 seeds = 6 trials, up to 12 segments to run.")
    lines = said.splitlines()
    assert sum("images (done)" in line for line in lines) == 4
    measured = [line for line in lines if "fd_digits_cnn" in line and " at " in line and " images" in line]
    assert sum(" at 64 images" in line and "seed=" in line for line in measured) == 6
    assert sum(line.startswith("Stopped early: ") for line in lines) == 1
    assert "2 (baseline)" in said and "stopped@64" in said
    assert f"Report  {folder}/store/studies/tiny/report/report.html" in lines
    assert f"MLflow  dit-ablate ui --store {folder}/store" in lines
    assert f"Again   dit-ablate run {folder}/study.yaml --executor local --store {folder}/store" in lines


@pytest.mark.slow
def test_what_others_print_during_a_run_stays_out_of_its_json(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from service import session

    def noisy(*arguments: Any, **more: Any) -> Any:
        print("(raylet) A worker died or was killed")  # as Ray does, from a thread of its own
        return run_segments(*arguments, **more)

    run_segments = session.run_segments
    monkeypatch.setattr(session, "run_segments", noisy)
    arguments = ("run", folder / "study.yaml", "--executor", "local", "--store", folder / "store", "--json")
    result = dit_ablate(*arguments)
    assert json.loads(result.stdout)["done"] and "(raylet)" in result.stderr


@pytest.mark.slow
def test_run_as_json_keeps_standard_output_for_the_script(folder: Path) -> None:
    arguments = ("run", folder / "study.yaml", "--executor", "local", "--store", folder / "store", "--json")
    result = dit_ablate(*arguments)
    assert result.exit_code == 0
    data = json.loads(result.stdout)
    assert data["done"] is True and len(data["trials"]) == 6
    assert {trial["status"] for trial in data["trials"]} == {"completed", "stopped@64"}
    assert "nothing is left to run" in result.stderr


def test_status_of_one_and_of_all(folder: Path) -> None:
    everything = dit_ablate("status", "--store", folder / "store")
    assert everything.exit_code == 0 and "tiny" in everything.stdout and "done" in everything.stdout
    one = json.loads(dit_ablate("status", "tiny", "--store", folder / "store", "--json").stdout)
    assert one["study"] == "tiny" and one["done"] is True
    several = json.loads(dit_ablate("status", "--store", folder / "store", "--json").stdout)
    assert [item["study"] for item in several] == ["tiny"]


def test_report_and_stop_of_a_finished_study(folder: Path) -> None:
    shown = dit_ablate("report", "tiny", "--store", folder / "store")
    assert shown.exit_code == 0 and "report.md" in shown.stdout
    assert "Nothing to stop" in dit_ablate("stop", "tiny", "--store", folder / "store").stdout


def test_axes_lists_every_axis_with_its_meaning() -> None:
    from search_spaces.axes import AXES

    shown = dit_ablate("axes")
    assert shown.exit_code == 0
    lines = shown.stdout.splitlines()
    for axis in map(AXES.get, AXES):
        assert [line for line in lines if line.startswith(f"{axis.name}  ")], axis.name
        assert axis.citation, f"{axis.name} says where it comes from"
    assert [line.split()[0] for line in lines if "───" in line] == [
        "Architecture", "Objective", "Optimisation", "Sampling",
    ]  # fmt: skip
    assert "arXiv 2212.09748" in shown.stdout and "adaln-zero*" in shown.stdout
    assert len(lines) < 6 * len(AXES.names())
    one = dit_ablate("axes", "patchify")
    for words in ("REMOVE", "ADD", "also called", "model.patch_size", "source", "arXiv 2212.09748"):
        assert words in one.stdout
    every = json.loads(dit_ablate("axes", "--json").stdout)
    assert [axis["name"] for axis in every] == AXES.names()
    assert all(axis["citation"] and axis["description"] and axis["group"] for axis in every)
    assert {axis["name"] for axis in every if axis["evaluates_only"]} >= {"sampler", "guidance_scale", "ema_decay"}
    (decoder,) = json.loads(dit_ablate("axes", "decoder", "--json").stdout)
    assert decoder["values"] == ["linear", "mlp", "conv", "conv-upsample"] and decoder["baseline"] == "linear"


def test_an_axis_names_every_value_that_the_prompt_offers() -> None:
    shown = " ".join(dit_ablate("axes", "decoder").stdout.split())
    assert "linear*, mlp, conv, conv-upsample; only where a study names it: ddt" in shown
    assert "Values: linear*, mlp, conv, conv-upsample, ddt." in dit_ablate("prompt").stdout


def test_import_writes_a_study_file_that_plans_the_same(tmp_path: Path) -> None:
    plan, study = tmp_path / "plan.md", tmp_path / "study.yaml"
    plan.write_text(PLAN)
    written = dit_ablate("import", plan, "-o", study)
    assert written.exit_code == 0 and "patch_size=4" in written.stderr
    store = tmp_path / "store"
    ours = json.loads(dit_ablate("plan", study, "--store", store, "--json").stdout)
    theirs = json.loads(dit_ablate("plan", plan, "--store", store, "--json").stdout)
    assert ours["arms"] == theirs["arms"]
    again = dit_ablate("import", plan, "-o", study)
    assert again.exit_code == 2 and "--force" in again.stderr
    assert dit_ablate("import", plan).stdout == study.read_text()


@pytest.mark.slow
def test_a_failed_trial_is_exit_code_1(tmp_path: Path) -> None:
    path = write_study(tmp_path, seeds=[0], rungs=[], policy="none", ablations=[{"axis": "patch_size", "values": [4]}])
    store = tmp_path / "store"
    assert dit_ablate("run", path, "--executor", "local", "--store", store, "--budget", BATCH).exit_code == 0
    trial = next((store / "trials").iterdir())
    # an evaluation cannot be recorded: its folder is a file
    for record in (trial / "evaluations").iterdir():
        record.unlink()
    (trial / "evaluations").rmdir()
    (trial / "evaluations").write_text("in the way")
    result = dit_ablate("run", path, "--executor", "local", "--store", store, "--budget", BATCH)
    assert result.exit_code == 1, result.output
    assert "1 trial failed" in result.stdout and "Failed" in result.stdout
    status = json.loads(dit_ablate("status", "tiny", "--store", store, "--json").stdout)
    assert [trial["status"] for trial in status["trials"]].count("failed") == 1


def start(folder: Path, *, terminal: bool) -> tuple[subprocess.Popen[bytes], int]:
    """Starts a run that takes minutes; returns it and what its output can be read from."""
    path = write_study(folder, name="long", budget_images=4000 * BATCH, rungs=[], seeds=[0], policy="none")
    read_end, write_end = pty.openpty() if terminal else os.pipe()
    process = subprocess.Popen(
        [COMMAND, "run", str(path), "--executor", "local", "--store", str(folder / "store")],
        stdin=subprocess.DEVNULL, stdout=write_end, stderr=write_end, start_new_session=True,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "140", "LINES": "40", "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    os.close(write_end)
    return process, read_end


def read_until(output: int, words: str, seconds: float = 600) -> str:
    """Reads until ``words`` have come, or the output has ended."""
    text, until = "", time.monotonic() + seconds
    while words not in text and time.monotonic() < until:
        ready, _, _ = select.select([output], [], [], 0.5)
        if ready:
            try:
                piece = os.read(output, 65536)
            except OSError:  # a terminal whose other end has gone
                break
            if not piece:
                break
            text += piece.decode(errors="replace")
    return text


@pytest.mark.slow
def test_ctrl_c_checkpoints_and_tells_how_to_go_on(tmp_path: Path) -> None:
    process, output = start(tmp_path, terminal=True)
    try:
        text = read_until(output, "training")
        assert "training" in text, text
        process.send_signal(signal.SIGINT)
        text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text + read_until(output, "\0"))
        assert process.wait(timeout=600) == 3, text
    finally:
        process.kill()
        os.close(output)
    assert "Stopping" in text and re.search(r"Resume  \S*dit-ablate run", text) and "Traceback" not in text
    assert list((tmp_path / "store" / "trials").rglob("*.safetensors"))


@pytest.mark.slow
def test_the_second_ctrl_c_ends_at_once(tmp_path: Path) -> None:
    process, output = start(tmp_path, terminal=False)
    try:
        live = tmp_path / "store" / "studies" / "long" / "live.json"
        until = time.monotonic() + 600
        while not (live.exists() and json.loads(live.read_text())["running"]) and time.monotonic() < until:
            time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        text = read_until(output, "\0")
        assert process.wait(timeout=600) in (130, 3), text
        code = process.returncode
    finally:
        process.kill()
        os.close(output)
    assert "Traceback" not in text
    assert ("continue with" in text) == (code == 130)


@pytest.mark.slow
def test_ui_serves_the_stores_records_on_this_machine_only(folder: Path) -> None:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        busy = dit_ablate("ui", "--store", folder / "store", "--port", port)
        assert busy.exit_code == 2 and "--port" in busy.stderr
    process = subprocess.Popen(
        [COMMAND, "ui", "--store", str(folder / "store"), "--port", str(port)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    try:
        body = json.dumps({"max_results": 10}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/api/2.0/mlflow/experiments/search",
            data=body,
            headers={"Content-Type": "application/json"},
        )
        names: list[str] = []
        until = time.monotonic() + 600
        while not names and time.monotonic() < until and process.poll() is None:
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    names = [item["name"] for item in json.load(answer)["experiments"]]
            except OSError:
                time.sleep(0.5)
        assert "tiny" in names
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        assert process.wait(timeout=600) == 0
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.stdout is not None
    assert f"http://127.0.0.1:{port}" in process.stdout.read().decode()


def test_ui_of_a_server_elsewhere_says_where_to_look() -> None:
    shown = dit_ablate("ui", "--tracking-uri", "http://mlflow.example:5000")
    assert shown.exit_code == 0 and "http://mlflow.example:5000" in shown.stdout


def test_the_environment_names_the_store(folder: Path) -> None:
    shown = dit_ablate("status", env={"DIT_ABLATE_STORE": str(folder / "store")})
    assert shown.exit_code == 0 and "tiny" in shown.stdout


@pytest.mark.slow
def test_a_job_keeps_its_store_out_of_the_folder_that_ray_throws_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, home = tmp_path / "session" / "runtime_resources" / "working_dir_files" / "_ray_pkg_1", tmp_path / "home"
    job.mkdir(parents=True)
    home.mkdir()
    write_study(job, seeds=[0], rungs=[], budget_images=BATCH, ablations=["decoder"], policy="none")
    monkeypatch.chdir(job)
    refused = dit_ablate("run", "study.yaml", "--executor", "local", "--store", "results")
    assert refused.exit_code == 2 and "absolute path" in refused.stderr
    done = dit_ablate("run", "study.yaml", "--executor", "local", env={"HOME": str(home)})
    assert done.exit_code == 0, done.output
    assert (home / "dit-ablate-store" / "store.json").is_file() and str(home) in done.stdout
    assert [path.name for path in job.iterdir()] == ["study.yaml"]


def test_the_live_table_shows_every_trial_with_its_values(folder: Path) -> None:
    from rich.console import Console

    from search_spaces.expand import expand
    from search_spaces.load import load_study
    from service.analysis.standing import standing
    from service.analysis.status import trial_statuses
    from service.cli.live_table import LiveTable
    from service.cli.measured import Measured
    from service.engine import Live, Snapshot
    from service.preflight import prepare
    from service.records.store import Store

    study = load_study(folder / "study.yaml")
    prepared, store = prepare(expand(study)), Store(folder / "store")
    known = standing(prepared, store)
    results = known.results
    statuses = trial_statuses(study, results, known.stops, frozenset({"baseline seed=0"}))
    live = {"baseline seed=0": Live("baseline seed=0", 128, 96, 0.5, "training", "lane")}
    snapshot = Snapshot(statuses, live, known.stops, 2, 1, 10.0, 60.0, 4, 2)

    def drawn(height: int) -> str:
        table = LiveTable(study, Measured(prepared, store), Console(width=120, height=height))
        return plain(table.render(snapshot), 120)

    text = drawn(40)
    rows = [line for line in text.splitlines() if line.strip().startswith(("baseline", "patch_size"))]
    assert len(rows) == 6 and "training" in rows[0] and "0.5000" in rows[0] and "stopped@64" in text
    for status in statuses:
        value = results[status.trial.name].value("fd_digits_cnn", 64)
        assert f"{value:.4g}" in text
    assert "1 of 2 lanes up; 4 segments done" in text
    assert "and 2 more trials" in drawn(12)
