"""Everything that an agent may ask for, in plain Python: the protocol is ``server.py``'s."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

from dit_core.data.paths import cache_folder
from dit_core.errors import UserError
from dit_core.plugins.installed import load_installed
from search_spaces.axes import all_axes
from search_spaces.plan_import.prompt import prompt_text
from search_spaces.profiles import PROFILES
from service.agents.answers import Axes, AxisView, Report, Started, Status, Stop, Studies, StudyLine, Verdicts
from service.agents.answers import Check as CheckAnswer
from service.agents.caps import Caps
from service.agents.handles import Handle, Handles
from service.agents.launch import launch, now
from service.agents.looking import Looked, look
from service.agents.pictures import newest_grid
from service.agents.plan import Plan
from service.agents.refusals import Refused
from service.agents.spending import Spending
from service.analysis.axis_facts import describe
from service.analysis.study_result import StudyResult
from service.analysis.study_state import state
from service.client import Client
from service.command_text import arguments_of, command_line
from service.default_store import no_store
from service.engine import read_live
from service.records.process import process_here
from service.records.store import Store
from service.records.study_files import is_defined, read_definition
from service.redact import redacted


class Desk:
    """Answers agents.

    Args:
        client: the store, MLflow's address, and the cluster's where studies are submitted.
        caps: what agents may use.
        executor: what runs studies on this machine: ``ray`` or ``local``.
        work: the folder for plans, logs and handles; None takes one beside the store's records.
    """

    def __init__(self, client: Client, caps: Caps, executor: str = "ray", work: Path | None = None) -> None:
        self.client, self.caps, self.executor, self._work_given = client, caps, executor, work
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    # -- before ---------------------------------------------------------------------------------

    def axes(self, profile: str = "digits") -> Axes:
        """Returns what can be varied.

        Raises:
            UserError: there is no such profile.
        """
        load_installed()
        chosen = PROFILES.get(profile, "profile")
        found = [AxisView.model_validate(describe(axis, chosen)) for axis in all_axes()]
        return Axes(profile=chosen.name, axes=found)

    def guide(self) -> str:
        """Returns how to write a plan that compiles as it stands."""
        return prompt_text(PROFILES.get("digits", "profile"))

    def check(self, plan: Plan) -> CheckAnswer:
        """Returns what would become of a study; nothing is written and nothing starts."""
        return self._look(plan).check

    def start(self, plan: Plan) -> Started:
        """Starts a study and returns at once; starting it again runs what is missing.

        Raises:
            Refused: it would not run, or may not; the check says why.
        """
        self._require_writing("start a study")
        looked = self._look(plan)
        check = looked.check
        if check.answer != "compiled" or check.study is None:
            raise Refused(check.code or "mistake", check.blocker or "the study cannot run")
        self._require_free(check.study, plan)
        handle = self._submitted(plan, looked) if self.client.address else self._run(plan, looked)
        return Started(
            study=handle.study,
            command=handle.command,
            log=handle.log,
            job=handle.job,
            max_device_hours=handle.hours,
            check=check,
        )

    def _look(self, plan: Plan) -> Looked:
        store = self._store()
        handles = Handles(self._work(store) / "started")
        for child in self._children.values():
            child.poll()  # one that has ended holds nothing of the cap
        return look(plan, self.client, store, self.caps, Spending(store, handles))

    def _require_free(self, study: str, plan: Plan) -> None:
        """Refuses a study that runs, and a text under the name of a study that people started."""
        store, handle = self._store(), self._handle(study)
        if (handle is not None and self._lives(handle)) or (store is not None and read_live(store, study) is not None):
            raise Refused("running", f"study: {study} runs already; ask for its status, or stop it first")
        if plan.text is not None and handle is None and store is not None and is_defined(store, study):
            raise Refused(
                "not_yours",
                f"name: the store has a study called {study!r} that no agent has started; give this one another name, "
                f"or give study: {study} without a text to continue that one",
            )

    def _run(self, plan: Plan, looked: Looked) -> Handle:
        study, store = looked.check.study or "", Store(self.client.store_place)
        work = self._work(store)
        source = plan.study or str(plan.written(work / "plans"))
        given = (*arguments_of(source, looked.choices), "--executor", self.executor)
        log = work / "logs" / f"{study}-{now():%Y%m%dT%H%M%S%f}.txt"
        child = launch(["run", *given, "--store", store.place], log, self.client.tracking_uri)
        self._children[study] = child
        handle = Handle(
            study=study,
            command=redacted(command_line("run", given, store.place)),
            log=str(log),
            started=now().isoformat(),
            process=process_here(child.pid),
            hours=looked.hours,
            before=looked.before,
        )
        Handles(work / "started").keep(handle)
        return handle

    def _submitted(self, plan: Plan, looked: Looked) -> Handle:
        work = self._work(self._store())
        source = plan.study or str(plan.written(work / "plans"))
        job = self.client.submit(source, executor=self.executor, **looked.choices)
        handle = Handle(
            study=looked.check.study or "",
            command=redacted(job.entrypoint),
            log="",
            started=now().isoformat(),
            job=job.id,
            hours=looked.hours,
            before=looked.before,
        )
        Handles(work / "started").keep(handle)
        return handle

    # -- meanwhile and afterwards ---------------------------------------------------------------

    def studies(self) -> Studies:
        """Returns the studies of the store, each with its state."""
        lines = []
        for name in self.client.studies():
            try:
                told = state(self.client.status(name))
            except UserError as error:
                told = str(error)
            lines.append(StudyLine(study=name, state=told, started_by_agent=self._handle(name) is not None))
        return Studies(store=redacted(str(self.client.store_place)), studies=lines)

    def status(self, study: str) -> Status:
        """Returns where a study stands, from the first moment after its start.

        Raises:
            UserError: there is no such study.
        """
        handle, store = self._handle(study), self._store()
        lives = None if handle is None or handle.process is None else self._lives(handle)
        words = handle.last_words() if handle is not None and lives is False else ""
        if handle is not None and (store is None or not is_defined(store, study)):
            told = "ended before its first record" if lives is False else "starting"
            return Status(study=study, state=told, process=lives, last_words=words)
        result = self._result(study)
        told = "starting" if lives and not result.running and not result.done else state(result)
        return Status.of(result).model_copy(
            update={"process": lives, "last_words": "" if result.done else words, "state": told}
        )

    def verdicts(self, study: str) -> Verdicts:
        """Returns what may be concluded, with its uncertainty.

        Raises:
            UserError: there is no such study.
        """
        return Verdicts.of(self._result(study))

    def report(self, study: str) -> Report:
        """Writes the report anew, unless the server only reads, and returns it.

        Raises:
            UserError: there is no such study, or no report of it yet.
        """
        self._known(study)
        if not self.caps.read_only:
            self.client.report(study)
        return Report.model_validate(
            {"study": study, "markdown": self.markdown(study), "files": self._result(study).to_json()["report"]}
        )

    def markdown(self, study: str) -> str:
        """Returns the report as it was written last.

        Raises:
            UserError: there is no such study, or no report of it yet.
        """
        data = self._known(study).records.backend.get(f"studies/{study}/report/report.md")
        if data is None:
            raise UserError(f"report: {study} has none yet; one is written when its run ends")
        return data.decode()

    def grid(self, study: str, arm: str, seed: int) -> bytes:
        """Returns the newest sample grid (PNG) of a trial.

        Raises:
            UserError: there is no such trial, or no grid of it yet.
        """
        return newest_grid(self._known(study), study, arm, seed)

    def stop(self, study: str) -> Stop:
        """Asks a study that an agent has started to write checkpoints and end.

        Raises:
            Refused: the server only reads, or people started the study.
            UserError: there is no such study.
        """
        self._require_writing("stop a study")
        handle = self._handle(study)
        if handle is None:
            self._known(study)
            command = command_line("stop", [study], str(self.client.store_place))
            raise Refused(
                "not_yours", f"study: no agent has started {study}, so none may stop it; a person does with `{command}`"
            )
        store = self._store()
        stopping = store is not None and is_defined(store, study) and self.client.stop(study)
        if not stopping and self._lives(handle):  # it has not begun yet
            handle.interrupt()
            stopping = True
        told = (
            "asked to stop: the trials in flight write a checkpoint first; starting the study again continues"
            if stopping
            else "nothing to stop: no run of this study is going on"
        )
        return Stop(study=study, stopping=stopping, message=told)

    # -- the store ------------------------------------------------------------------------------

    def _store(self) -> Store | None:
        return Store.existing(self.client.store_place)

    def _known(self, study: str) -> Store:
        """The store, which has a study of this name; files are not opened by an agent's word."""
        store = self._store()
        if store is None:
            raise no_store(redacted(str(self.client.store_place)))
        if not is_defined(store, study):
            read_definition(store, study)  # says that it is not there, and what is
        return store

    def _result(self, study: str) -> StudyResult:
        self._known(study)
        return self.client.status(study)

    def _work(self, store: Store | None) -> Path:
        if self._work_given is not None:
            return self._work_given
        if store is not None and not self.client.address:
            return store.path / "agents"
        # a store that a job on the cluster will make need not be there yet, nor ever be seen from this machine
        place = hashlib.sha256(str(self.client.store_place).encode()).hexdigest()[:16]
        return cache_folder().resolve() / "agents" / place

    def _handle(self, study: str) -> Handle | None:
        return Handles(self._work(self._store()) / "started").of(study)

    def _lives(self, handle: Handle) -> bool:
        child = self._children.get(handle.study)
        if child is not None and handle.process is not None and child.pid == handle.process.pid:
            return child.poll() is None
        return handle.lives

    def _require_writing(self, what: str) -> None:
        if self.caps.read_only:
            raise Refused("read_only", f"this server only reads (--read-only): it does not {what}")
