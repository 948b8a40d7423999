"""What travels with a job, what its environment says, and the commands that are shown of it."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from tiny_study import study_data, write_study

from dit_core.errors import UserError
from service import Client
from service.command_text import command_line, from_here, join
from service.jobs import inside, luggage
from service.jobs.submit import STOP_WAIT_SECONDS, job_name
from service.jobs.tracking import for_job


def folder_with_everything(tmp_path: Path) -> Path:
    top = tmp_path / "project"
    top.mkdir()
    study = write_study(top)
    (top / "my_block.py").write_text("A = 1\n")
    (top / "parts" / "deep").mkdir(parents=True)
    (top / "parts" / "deep" / "more.py").write_text("B = 2\n")
    for name in (".git", ".venv", "__pycache__", "node_modules", "store", "dit_core", "environment"):
        (top / name).mkdir()
        (top / name / "x.py").write_text("")
    (top / "store" / "store.json").write_text("{}")
    (top / "dit_core" / "__init__.py").write_text("")
    (top / "environment" / "pyvenv.cfg").write_text("")
    (top / ".env").write_text("AWS_SECRET_ACCESS_KEY=hidden")
    with (top / "images.bin").open("wb") as file:
        file.truncate(200 * 1000**2)
    (top / "generated.py").write_bytes(b"#" * (luggage.LARGEST_FILE + 1))
    (top / "link.py").symlink_to(top / ".env")
    return study


def test_code_beside_the_study_travels_and_nothing_else_does(tmp_path: Path) -> None:
    study = folder_with_everything(tmp_path)
    target = tmp_path / "packed"
    target.mkdir()
    packed = luggage.pack(study, target)
    assert {str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()} == {
        "study.yaml", "my_block.py", "parts/deep/more.py",
    }  # fmt: skip
    sentence = packed.sentence("study.yaml")
    assert sentence.startswith("Sent along: study.yaml and 2 Python files beside it. Left here: ")
    assert "dit_core (the cluster's own is used), store (a store), generated.py, ..." in sentence
    assert "(5 items, 201 MB); only Python files travel." in sentence


def test_a_home_folder_is_not_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = write_study(tmp_path)
    for number in range(5):
        (tmp_path / f"p{number}.py").write_text("x")
    target = tmp_path / "to" / "packed"
    target.mkdir(parents=True)
    monkeypatch.setattr(luggage, "MOST_FILES", 3)
    packed = luggage.pack(study, target)
    assert len(packed.files) == 3 and "More than 3 Python files" in packed.sentence("study.yaml")
    monkeypatch.setattr(luggage, "MOST_LOOKED_AT", 2)
    assert "more than 2 files: not all were looked at" in luggage.pack(study, target).sentence("study.yaml")


def test_the_password_of_a_server_travels_apart_from_its_address() -> None:
    assert for_job(None) == {}
    assert for_job("http://mlflow:5000") == {"MLFLOW_TRACKING_URI": "http://mlflow:5000"}
    assert for_job("https://ann:p%40ss@mlflow:5000/base?x=1") == {
        "MLFLOW_TRACKING_URI": "https://mlflow:5000/base?x=1",
        "MLFLOW_TRACKING_USERNAME": "ann",
        "MLFLOW_TRACKING_PASSWORD": "p@ss",
    }
    database = "postgresql://ann:word@db/mlflow"
    assert for_job(database) == {"MLFLOW_TRACKING_URI": database}


def submitted(
    monkeypatch: pytest.MonkeyPatch, client: Client, study: str | Path, **choices: object
) -> dict[str, object]:
    """What the job API would be given."""
    taken: dict[str, object] = {}

    def take(arguments: list[str], **rest: object) -> None:
        taken.update(rest, arguments=arguments)

    monkeypatch.setattr("service.jobs.submit.submit", take)
    client.submit(study, **choices)  # type: ignore[arg-type]
    return taken


def test_store_and_data_are_meant_on_the_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images").mkdir()
    (tmp_path / "dit-ablate-store").write_text("a file, which nobody looks at")
    study = write_study(tmp_path)
    choices = {"settings": {"data.path": "images"}, "seeds": (0,)}
    given = submitted(monkeypatch, Client(), study, **choices)
    assert given["arguments"] == [
        "study.yaml", "--seeds", "0", "--set", "data.path=images", "--executor", "ray",
    ]  # fmt: skip
    assert given["again"] == f"dit-ablate submit {study} --seeds 0 --set data.path=images"
    given = submitted(monkeypatch, Client("/on the/cluster", "http://ann:canary-word@host"), "dit-digits")
    assert given["arguments"] == ["dit-digits", "--store", "/on the/cluster", "--executor", "ray"]
    assert given["again"] == (
        "dit-ablate submit dit-digits --store '/on the/cluster' --tracking-uri \"$MLFLOW_TRACKING_URI\""
    )
    assert "canary-word" not in str(given["arguments"])
    assert submitted(monkeypatch, Client("s3://bucket/x"), "of-the-store")["study"] == "of-the-store"
    with pytest.raises(
        UserError, match=r"^store: here is relative to a folder of this machine, which the cluster does"
    ):
        Client("here").submit(study)


def test_commands_that_are_shown_keep_no_password_and_work_in_a_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MLFLOW_TRACKING_URI", "RAY_ADDRESS", inside.SUBMITTED_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    from search_spaces.load import study_from_data

    client = Client(tmp_path / "a store", "postgresql://ann:canary-word@db/x", "head:6379")
    session = client.start(study_from_data(study_data()))
    command = session.command()
    assert command == (
        f"dit-ablate run '{tmp_path}/a store/studies/tiny/study.yaml' --address head:6379 "
        f"--tracking-uri \"$MLFLOW_TRACKING_URI\" --store '{tmp_path}/a store'"
    )
    monkeypatch.setenv("DIT_ABLATE_STORE", str(tmp_path / "a store"))
    assert from_here(command).endswith('--tracking-uri "$MLFLOW_TRACKING_URI"')
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql://ann:canary-word@db/x")
    assert "--tracking-uri" not in session.command(), "the shell has it"
    monkeypatch.setenv(inside.SUBMITTED_VARIABLE, "dit-ablate submit x.yaml --address http://h:1")
    assert session.command() == "dit-ablate submit x.yaml --address http://h:1"
    assert shlex.split(join(["a b", "$HOME", "$home"])) == ["a b", "$HOME", "$home"]
    assert join(["$HOME", "$home"]) == "\"$HOME\" '$home'"
    assert command_line("ui", [], "s3://bucket/x") == "dit-ablate ui --store s3://bucket/x"


def test_a_job_of_rays_own_command_is_continued_by_the_studys_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "working_dir_files" / "_ray_pkg_1"
    folder.mkdir(parents=True)
    session = Client(tmp_path / "store", address="10.0.0.1:6379").start(write_study(folder), seeds=(0,))
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", '{"metadata": {"job_submission_id": "raysubmit_1"}}')
    assert session.command() == f"dit-ablate run tiny --address auto --store {tmp_path}/store"


def test_a_jobs_name_tells_whose_it_is() -> None:
    assert job_name("ann", "dit-digits").startswith("ann-dit-digits-")
    assert job_name("Ann Lee/..", "ü").startswith("Ann-Lee-x-")
    assert job_name("ann", "a") != job_name("ann", "a")
    assert STOP_WAIT_SECONDS >= 300
