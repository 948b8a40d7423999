"""What README and documentation say is so: Python runs, study files expand, commands and options exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import torch
import yaml
from tiny_study import TINY, dit_ablate

from search_spaces.expand import expand
from search_spaces.load import study_from_yaml
from service import StudyResult

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
PAGES = ("README.md", "CONTRIBUTING.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))))


def blocks(language: str) -> list[str]:
    """The README's code blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.mark.slow
def test_the_python_example_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = blocks("python")
    # the same grid through the same API, shrunk to seconds and without Ray
    shrunk = code.replace('overrides={"size": "S"}', f"overrides={TINY!r}")
    shrunk = shrunk.replace("12_800", "128").replace("6_400", "64")
    shrunk = shrunk.replace("client.run(study)", 'client.run(study, executor="local")')
    assert shrunk.count('"local")') == 1 and "budget_images=128" in shrunk and "(64,)" in shrunk
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(compile(shrunk, "README.md", "exec"), names)
    result = names["result"]
    assert isinstance(result, StudyResult)
    assert len(result.arms) == 4 and len(result.trials) == 8
    assert result.done and result.report_html is not None and result.report_html.is_file()
    assert "4 arms x 2 seeds = 8 trials" in capsys.readouterr().out
    assert (tmp_path / "my-store" / "mlflow.db").is_file()


def test_the_study_file_expands() -> None:
    text = next(block for block in blocks("yaml") if block.startswith("name:"))
    expansion = expand(study_from_yaml(text))
    assert len(expansion.arms) == 4 and len(expansion.trials) == 12
    assert expansion.baseline.config.training.learning_rate == 0.001


def test_the_resources_are_a_studys_resources() -> None:
    text = next(block for block in blocks("yaml") if block.startswith("resources:"))
    (study,) = [block for block in blocks("yaml") if block.startswith("name:")]
    data = yaml.safe_load(study) | yaml.safe_load(text)
    assert study_from_yaml(yaml.safe_dump(data)).resources.workers == 2


def test_the_plan_is_understood(tmp_path: Path) -> None:
    (plan,) = blocks("markdown")
    path = tmp_path / "my-plan.md"
    path.write_text(plan)
    result = dit_ablate("plan", path, "--store", tmp_path / "store")
    assert result.exit_code == 0
    assert "conv-upsample" in result.stdout and "Not understood" not in result.stdout


def commands(text: str) -> list[list[str]]:
    """Every ``dit-ablate ...`` in a page's shell blocks and inline code."""
    blocks_of_it = re.findall(r"```(?:bash|sh)\n(.*?)```", text, re.DOTALL)
    lines = [line for block in blocks_of_it for line in block.replace("\\\n", " ").splitlines()]
    lines += [" ".join(found.split()) for found in re.findall(r"`(dit-ablate [a-z][^`]*)`", text)]
    found = [shlex.split(line, comments=True) for line in lines]
    return [words[words.index("dit-ablate") + 1 :] for words in found if "dit-ablate" in words]


def test_every_command_and_option_exists() -> None:
    help_of: dict[str, str] = {}
    for page in PAGES:
        for command, *words in commands((ROOT / page).read_text()):
            if command not in help_of and command != "COMMAND":
                shown = dit_ablate(command, "--help")
                assert shown.exit_code == 0, f"{command} in {page}"
                help_of[command] = shown.stdout
            for option in (word for word in words if word.startswith("--") and command != "COMMAND"):
                assert option in help_of[command], f"{option} of {command} in {page}"
    assert len(help_of) > 12


@pytest.mark.parametrize(("page", "name", "arms"), [("first-study.md", "first", 4), ("images.md", "my-pixels", 2)])
def test_a_newcomer_s_study_expands(page: str, name: str, arms: int) -> None:
    studies = re.findall(r"```yaml\n(name:.*?)```", (ROOT / "docs" / page).read_text(), re.DOTALL)
    expansions = [expand(study_from_yaml(text, page)) for text in studies]
    assert [(expansion.study.name, len(expansion.arms)) for expansion in expansions] == [(name, arms)]


@pytest.mark.skipif(torch.cuda.is_available(), reason="plan is about the card that is here")
def test_the_figures_of_the_large_study_are_those_that_its_command_prints(tmp_path: Path) -> None:
    planned, run = (
        [words for words in commands(README) if words[:2] == [name, "dit-paper"]] for name in ("plan", "run")
    )
    assert planned[-1][1:] == run[-1][1:], "one configuration"
    shown = dit_ablate(*planned[-1], "--store", tmp_path / "store")
    assert "Finishing time on 8 lanes (8 GPUs)" in shown.stdout and "may not fit into its 80 GB" not in shown.stdout
    left_to_itself = dit_ablate("plan", "dit-paper", "--set", "resources.lanes=8", "--store", tmp_path / "store")
    assert "Finishing time on 8 lanes of 8 workers (64 GPUs)" in left_to_itself.stdout
    rows = re.findall(r"^\| (?:what runs|time|GPU memory|disk) \| (.*) \|$", README, re.MULTILINE)
    assert len(rows) == 4
    printed = set(re.findall(r"\d[\d,]*", shown.stdout))
    own = {"400,000", "256", "12"}  # steps, images and days, by division
    assert set(re.findall(r"\d[\d,]*\b", " ".join(rows))) - own <= printed


def test_every_file_it_names_exists() -> None:
    named = set(re.findall(r"\]\(((?!http)[^)]+)\)", README)) | set(
        re.findall(r"\b(?:examples|docs)/[\w./-]+\w", README)
    )
    assert len(named) >= 3
    missing = [name for name in named if not (ROOT / name).exists()]
    assert not missing
