"""Makes again what is damaged in a store. Nothing is deleted: what is made again stands beside what is damaged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from dit_core.errors import UserError
from dit_core.files import clear_abandoned
from service.analysis.damage import DamageKind
from service.analysis.standing import Standing, standing
from service.records.store import Store
from service.records.trial_claims import TrialClaims
from service.verify.finding import Finding, Remedy
from service.verify.hold import Hold, held
from service.verify.inspect import Verdict, verify
from service.verify.mend_records import mend_configuration, mend_counts, mend_decision, mend_definition, mend_orphan
from service.verify.mend_trial import TrialMender
from service.verify.replay import Stopped


@dataclass
class Repaired:
    """What a repair did.

    Attributes:
        mended: what was made again.
        left: what was not, each with the reason.
        interrupted: whether it was asked to stop before it was done.
    """

    mended: list[Finding] = field(default_factory=list)
    left: list[tuple[Finding, str]] = field(default_factory=list)
    interrupted: bool = False


def repair(
    store: Store, study: str | None = None, *, train: bool = False, tell: Callable[[str], None] | None = None
) -> Repaired:
    """Makes again what is damaged.

    What follows from other records is written, what can be measured from a sound checkpoint is evaluated, and what
    needs training is trained where ``train`` allows it, in a folder of its own.

    Args:
        store: the store.
        study: mend this study and its trials only.
        train: train again where that is needed.
        tell: told what is done, a line each.

    Raises:
        UserError: the store has format 1 or no such study, or a run of the study is going on.
    """
    store.require_writable()
    return _Repair(store, train, tell or (lambda _: None)).run(study)


class _Repair:
    def __init__(self, store: Store, train: bool, tell: Callable[[str], None]) -> None:
        self._store, self._train, self._tell = store, train, tell
        self._done = Repaired()

    def run(self, study: str | None) -> Repaired:
        first = verify(self._store, study)
        for finding in first.findings:
            if finding.damage.kind is DamageKind.ORPHAN:
                self._try(finding, lambda item: mend_orphan(self._store, item.damage))
            elif finding.damage.kind is DamageKind.DEFINITION:
                self._try(finding, lambda item: mend_definition(self._store, item.damage))
            elif finding.damage.kind is DamageKind.LEFTOVER:
                self._try(finding, lambda _: clear_abandoned(self._store.path))
        verdict = verify(Store(self._store.place), study) if self._done.mended else first
        self._store.records.damaged.clear()
        by_study: dict[str, list[Finding]] = {}
        for finding in verdict.findings:
            if finding.damage.kind in _FIRST:
                continue
            if finding.remedy in (Remedy.RUN, Remedy.NONE):
                self._leave(finding, finding.cost)
            elif finding.remedy is Remedy.TRAIN and not self._train:
                self._leave(finding, f"needs {finding.cost}; `--train` does it")
            else:
                by_study.setdefault(finding.damage.study, []).append(finding)
        for name, findings in by_study.items():
            if not self._done.interrupted:
                self._study(verdict.standings[name], findings, verdict)
        return self._done

    def _study(self, known: Standing, findings: list[Finding], verdict: Verdict) -> None:
        trainings: dict[str, list[Finding]] = {}
        with held(self._store, known.prepared) as hold:
            for finding in findings:
                if finding.damage.kind is DamageKind.CONFIGURATION:
                    self._try(finding, lambda item: mend_configuration(self._store, item.damage, known))
                elif finding.damage.kind is DamageKind.COUNTS:
                    self._try(finding, lambda item: mend_counts(self._store, item.damage, known))
                elif finding.damage.kind is not DamageKind.DECISION:
                    trainings.setdefault(finding.damage.train_id, []).append(finding)
            for train_id, own in trainings.items():
                try:
                    self._training(train_id, own, known, verdict.sound.get(train_id, {}), hold)
                except Stopped:
                    self._done.interrupted = True
                    return
            decisions = [finding for finding in findings if finding.damage.kind is DamageKind.DECISION]
            if decisions:  # last, since they follow from what was measured
                known = standing(known.prepared, self._store)
            for finding in decisions:
                self._try(finding, lambda item: mend_decision(self._store, item.damage, known))

    def _training(
        self, train_id: str, findings: list[Finding], known: Standing, sound: dict[int, str], hold: Hold
    ) -> None:
        trials = [result.trial for result in known.results.values() if result.train_id == train_id]
        mender = TrialMender(self._store, known.prepared.expansion, trials, train_id, sound, hold)
        try:
            refusal = mender.refusal()
        except UserError as error:
            refusal = str(error)
        if refusal is not None:
            for finding in findings:
                self._leave(finding, refusal)
            return
        claims = TrialClaims(self._store.records, hold.study, hold.run)
        owner = claims.take(train_id)
        if owner is not None:
            for finding in findings:
                self._leave(finding, f"the study {owner.study!r} is training these weights now; repair again later")
            return
        try:
            self._mend(mender, findings, trials[0].name)
        finally:
            claims.release(train_id)

    def _mend(self, mender: TrialMender, findings: list[Finding], trial: str) -> None:
        for cost in dict.fromkeys(finding.cost for finding in findings if finding.remedy is Remedy.TRAIN):
            self._tell(f"{trial}: {cost}")
        for finding, problem in mender.mend(findings):
            self._mended(finding) if problem is None else self._leave(finding, problem)

    def _try(self, finding: Finding, mend: Callable[[Finding], None]) -> None:
        try:
            mend(finding)
        except UserError as error:
            self._leave(finding, str(error))
        else:
            self._mended(finding)

    def _mended(self, finding: Finding) -> None:
        self._done.mended.append(finding)
        self._tell(f"made again: {finding.damage.text}")

    def _leave(self, finding: Finding, why: str) -> None:
        self._done.left.append((finding, why))


_FIRST = (DamageKind.ORPHAN, DamageKind.DEFINITION, DamageKind.LEFTOVER)
