"""Who may run a study: one run at a time, told by names that can be created only once.

A claim is ``studies/<name>/claims/<number>.json``. Whoever creates the next number runs the study; it may be created
once the run before has ended, or has died (``service.records.liveness``). No lock and no clock is involved: a driver
that was paused between looking and creating finds the name taken. One that is paused while it runs may be superseded;
it learns that from the next claim, and what it writes until then are records that stand as the first writer made them.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

from dit_core.errors import UserError
from dit_core.files import clear_abandoned
from service.command_text import command_line
from service.records.envelope import seal
from service.records.kinds import Claim
from service.records.liveness import Liveness, hold, let_go
from service.records.process import Life, this_process
from service.records.store import Store

POLL_SECONDS = 0.5


class StudyClaim:
    """The right to run a study, until ``end``.

    Args:
        study: the study.
        run: the run's number.
        nonce: of the claim.
    """

    def __init__(self, study: str, run: int, nonce: str) -> None:
        self.study, self.run, self._nonce = study, run, nonce

    def end(self) -> None:
        """Says that this process runs nothing under the claim any more; the run's record says so to others."""
        let_go(self._nonce)


def claim_study(
    store: Store, study: str, *, liveness: Liveness | None = None, tell: Callable[[str], None] = lambda text: None
) -> StudyClaim:
    """Claims a study for a new run of this process.

    A run of another host, of which is not known whether it lives, is watched first: for as long as its heartbeat may
    stand still.

    Args:
        store: the store.
        study: the study.
        liveness: what tells whether other runs go on.
        tell: told, in one sentence, when there is something to wait for.

    Raises:
        UserError: another process runs the study, or the store cannot be written to.
    """
    liveness = liveness or Liveness(store.records)
    while True:
        last = wait_until_free(store, study, liveness=liveness, tell=tell)
        process, nonce = this_process(), uuid.uuid4().hex
        claim = Claim(pid=process.pid, host=process.host, process=process, nonce=nonce)
        hold(nonce)  # before it stands, so that no other thread takes it for the claim of a run that has ended
        try:
            created = store.records.backend.put(Claim.key(study, last + 1), seal(claim, key=Claim.key(study, last + 1)))
        except OSError as error:
            let_go(nonce)
            raise UserError(f"store: cannot write to {store.place} ({error.strerror or error})") from None
        if created:
            clear_abandoned(store.study_dir(study))
            return StudyClaim(study, last + 1, nonce)
        let_go(nonce)


def wait_until_free(
    store: Store, study: str, *, liveness: Liveness | None = None, tell: Callable[[str], None] = lambda text: None
) -> int:
    """Waits until it is known whether the study's newest run goes on; returns its number, 0 when there was none.

    Raises:
        UserError: it does.
    """
    liveness = liveness or Liveness(store.records)
    told = False
    while True:
        last = store.last_run(study)
        found = liveness.of(study, last) if last else Life.ENDED
        if found is Life.ENDED:
            return last
        claim = liveness.claim(study, last)
        who = f"process {claim.pid} on {claim.host}" if claim is not None else "another process"
        if found is Life.LIVES:
            stop = command_line("stop", (study,), store.place)
            raise UserError(f"study {study!r} is being run in this store by {who}; wait for it, or end it with: {stop}")
        if not told:
            told = True
            tell(f"{who} has begun to run {study!r}; watching for {liveness.patience:g} s whether it still does")
        time.sleep(POLL_SECONDS)
