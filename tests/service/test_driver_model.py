"""Policy, store and claims under drivers that start, pause, die and finish segments in any order (hypothesis)."""

from __future__ import annotations

import itertools
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from unittest.mock import patch

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from small_studies import METRIC, expansion

from dit_core.errors import UserError
from dit_core.events import Evaluated, MetricResult
from service.engine.ledger import Ledger
from service.engine.retention import Retention
from service.engine.segment import Segment
from service.engine.wire import DONE, FAILED, SegmentResult
from service.policies import create
from service.preflight import Prepared
from service.records.checkpoint_keys import checkpoints
from service.records.claims import StudyClaim, claim_study
from service.records.kinds import Point, Process, Stretch
from service.records.liveness import PATIENCE_SECONDS, Liveness, live_key
from service.records.process import Life
from service.records.records import Records
from service.records.store import Store

pytestmark = pytest.mark.slow

HOSTS, STUDIES = ("a", "b"), ("one", "two")
VALUES = {"baseline": 5.0, "good": 3.0, "bad": 9.0}


class Memory:
    """A backend in memory; written once means once."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def put(self, key: str, data: bytes, *, durably: bool = True) -> bool:
        return self.kept.setdefault(key, data) is data

    def get(self, key: str) -> bytes | None:
        return self.kept.get(key)

    def list(self, prefix: str) -> list[str]:
        return sorted(key for key in self.kept if key.startswith(prefix) and "/" not in key[len(prefix) :])

    def write(self, key: str, data: bytes) -> None:
        self.kept[key] = data

    def delete(self, key: str) -> None:
        self.kept.pop(key, None)


def study(name: str) -> Prepared:
    """Three arms, of which both studies have the same; the worst is stopped at the first rung."""
    arms = {"good": {"training": {"learning_rate": 1e-2}}, "bad": {"training": {"learning_rate": 1e-1}}}
    policy = {"name": "rungs", "stop_fraction": 0.5}
    rungs = (64,) if name == "one" else (64, 96)
    found = expansion(arms, name=name, seeds=(0,), rungs=rungs, budget=128, policy=policy)
    identities = {trial.name: trial.arm.name.ljust(64, "0") for trial in found.trials}
    return Prepared(found, create(found.study.policy), identities, {}, plan_digest=f"plan of {name}".encode().hex())


PREPARED = {name: study(name) for name in STUDIES}


class Driver:
    """A process that runs a study, or tries to."""

    def __init__(self, name: str, host: str, pid: int, backend: Memory, folder: Path, clock: object) -> None:
        self.name, self.host = name, host
        self.process = Process(pid=pid, host=host, boot=host, pids="p", started=1)
        self.store = Store(folder)
        self.store.records = Records(backend)
        self.liveness = Liveness(self.store.records, clock=clock)
        self.claim: StudyClaim | None = None
        self.ledger: Ledger | None = None
        self.hands: list[Segment] = []
        self.alive, self.paused, self.ever_paused, self.beats = True, False, False, 0

    @property
    def superseded(self) -> bool:
        return self.claim is not None and self.store.superseded(self.name, self.claim.run)

    def train(self, segment: Segment) -> None:
        """What a segment leaves in the store: the stretch, the checkpoint, the measurement."""
        backend, identity, until = self.store.records.backend, segment.train_id, segment.until
        made = [item.images for item in checkpoints(self.store.records, identity) if item.images <= until]
        start = max(made, default=0)
        if start < until:
            point = Point(images=until, loss=1.0, mse=1.0, vb=0.0, seconds=1.0)
            self.store.add_stretch(
                identity, Stretch(start=start, images=until, points=(point,), began=0.0, seconds=1.0)
            )
            backend.put(f"trials/{identity}/checkpoints/{until:012d}.safetensors", identity.encode())
        value = VALUES[identity.rstrip("0")] - until / 1000
        event = Evaluated(until, (MetricResult(METRIC, value),), None, 0.0, 0.0)
        self.store.add_evaluation(identity, segment.trial_config(), event, segment.study)


class Drivers(RuleBasedStateMachine):
    """The world: one store, two hosts, a clock, and drivers that come and go."""

    @initialize()
    def begin(self) -> None:
        self.backend, self.now, self.pids = Memory(), 0.0, itertools.count(100)
        self.drivers: list[Driver] = []
        self.current: Driver | None = None
        self.written: dict[str, bytes] = {}
        self.stack = ExitStack()
        self.folder = Path(self.stack.enter_context(TemporaryDirectory()))
        for target, value in {
            "service.records.liveness.this_process": lambda: self.current.process,
            "service.records.claims.this_process": lambda: self.current.process,
            "service.records.liveness.life": self.life,
            "service.records.claims.time": SimpleNamespace(sleep=self.would_wait),
            "service.engine.held_up.LOOK_SECONDS": 0.0,
        }.items():
            self.stack.enter_context(patch(target, value))

    def teardown(self) -> None:
        if not hasattr(self, "stack"):
            return
        with self.stack:
            for driver in self.drivers:
                driver.alive = False
            for name in STUDIES:
                self.finish(name)

    # -- the world as a driver sees it -------------------------------------------------------------

    def life(self, process: Process) -> Life:
        """Of processes of the own host everything is known, of others nothing."""
        if self.current is None or process.host != self.current.host:
            return Life.UNKNOWN
        alive = any(driver.alive and driver.process == process for driver in self.drivers)
        return Life.LIVES if alive else Life.ENDED

    @staticmethod
    def would_wait(seconds: float) -> None:
        raise TimeoutError

    def awake(self) -> list[Driver]:
        return [driver for driver in self.drivers if driver.alive and not driver.paused and driver.claim is not None]

    def some(self, data: st.DataObject, drivers: list[Driver]) -> Driver:
        found = drivers[data.draw(st.integers(0, len(drivers) - 1))]
        self.current = found
        return found

    def beat(self, driver: Driver) -> None:
        """A heartbeat; a driver that finds itself superseded ends, and writes nothing."""
        if driver.superseded:
            assert driver.ever_paused, "a driver that was never paused has been taken over"
            driver.alive = False
        else:
            driver.beats += 1
            self.backend.write(live_key(driver.name), f"{driver.claim.run} {driver.beats}".encode())

    # -- what happens ------------------------------------------------------------------------------

    @rule(name=st.sampled_from(STUDIES), host=st.sampled_from(HOSTS), offset=st.sampled_from([0.0, 3600.0, -7200.0]))
    def start(self, name: str, host: str, offset: float) -> None:
        driver = Driver(name, host, next(self.pids), self.backend, self.folder, lambda: self.now + offset)
        self.drivers.append(driver)
        self.try_to_claim(driver)

    @precondition(lambda self: self.asking())
    @rule(data=st.data())
    def ask_again(self, data: st.DataObject) -> None:
        self.try_to_claim(self.some(data, self.asking()))

    def asking(self) -> list[Driver]:
        return [driver for driver in self.drivers if driver.alive and driver.claim is None]

    def try_to_claim(self, driver: Driver) -> None:
        self.current = driver
        ledger, before = Ledger(PREPARED[driver.name], driver.store), dict(self.backend.kept)
        if ledger.finished:
            driver.alive = False
            return
        try:
            driver.claim = claim_study(driver.store, driver.name, liveness=driver.liveness)
        except (UserError, TimeoutError) as error:
            driver.alive = isinstance(error, TimeoutError)  # refused, or it goes on watching
            assert self.backend.kept == before, "a refused run has written something"
            return
        driver.ledger = ledger
        ledger.claimed(driver.claim.run, driver.liveness)
        ledger.on_settled = Retention(ledger, driver.store).tidy
        self.beat(driver)
        ledger.begin()

    @precondition(lambda self: self.awake())
    @rule(data=st.data())
    def hand_out(self, data: st.DataObject) -> None:
        driver = self.some(data, self.awake())
        self.beat(driver)
        if not driver.alive:
            return
        segment = driver.ledger.next()
        if segment is None:
            if driver.ledger.finished:
                self.end(driver)
            return
        fresh = Store(self.folder)
        fresh.records = Records(self.backend)
        known = fresh.evaluations(segment.train_id, segment.trial_config(), [segment.until])
        assert driver.ever_paused or not known, f"{segment.id} is measured already"
        driver.hands.append(segment)

    @precondition(lambda self: any(driver.hands for driver in self.awake()))
    @rule(data=st.data(), fails=st.integers(0, 5))
    def finish_segment(self, data: st.DataObject, fails: int) -> None:
        driver = self.some(data, [driver for driver in self.awake() if driver.hands])
        segment = driver.hands.pop(0)
        if fails and not (driver.superseded and not driver.ever_paused):
            driver.train(segment)  # also what a driver does that has been superseded and does not know it yet
        self.beat(driver)
        if driver.alive:
            result = SegmentResult(DONE) if fails else SegmentResult(FAILED, error="by chance")
            driver.ledger.settle(segment, result)

    @precondition(lambda self: self.awake())
    @rule(data=st.data(), trained=st.booleans())
    def kill(self, data: st.DataObject, trained: bool) -> None:
        driver = self.some(data, self.awake())
        if trained and driver.hands:
            driver.train(driver.hands[0])  # killed before it could settle
        driver.alive = False

    @precondition(lambda self: self.awake())
    @rule(data=st.data())
    def pause(self, data: st.DataObject) -> None:
        driver = self.some(data, self.awake())
        driver.paused = driver.ever_paused = True

    @precondition(lambda self: any(driver.alive and driver.paused for driver in self.drivers))
    @rule(data=st.data())
    def wake(self, data: st.DataObject) -> None:
        self.some(data, [driver for driver in self.drivers if driver.alive and driver.paused]).paused = False

    @rule(seconds=st.sampled_from([2.0, 10.0, 40.0]))
    def time_passes(self, seconds: float) -> None:
        """Whoever is awake beats every two seconds, and whoever watches looks as often."""
        until = self.now + seconds
        while self.now < until:
            self.now += 2.0
            for driver in self.awake():
                self.current = driver
                self.beat(driver)
            for driver in self.asking():
                self.current = driver
                driver.liveness.of(driver.name, driver.store.last_run(driver.name))

    def end(self, driver: Driver) -> None:
        driver.store.add_run(driver.name, driver.claim.run, {"interrupted": False})
        driver.claim.end()
        driver.alive = False

    # -- what must hold ----------------------------------------------------------------------------

    @invariant()
    def one_writer(self) -> None:
        if not hasattr(self, "drivers"):
            return
        sure = [driver for driver in self.awake() if not driver.ever_paused]
        assert len({driver.name for driver in sure}) == len(sure), "two drivers run a study"
        held = [segment.train_id for driver in sure for segment in driver.hands]
        assert len(set(held)) == len(held), "two drivers train the same weights"

    @invariant()
    def records_stand(self) -> None:
        if not hasattr(self, "backend"):
            return
        lost = [key for key, data in self.written.items() if self.backend.kept.get(key) != data]
        assert not lost
        self.written = {key: data for key, data in self.backend.kept.items() if key.endswith(".json")}
        self.written = {key: data for key, data in self.written.items() if not key.endswith("/live.json")}

    # -- in the end --------------------------------------------------------------------------------

    def finish(self, name: str) -> None:
        """Whatever has happened, one more run finishes the study, to what an undisturbed one comes to."""
        driver = Driver(name, "a", next(self.pids), self.backend, self.folder, lambda: self.now)
        self.drivers.append(driver)
        for _ in range(100):
            self.try_to_claim(driver)
            if driver.claim is not None or not driver.alive:
                break
            self.now += PATIENCE_SECONDS / 10
        while driver.alive and not driver.ledger.finished:
            segment = driver.ledger.next()
            if segment is None:
                self.now += PATIENCE_SECONDS / 10  # until whoever holds the weights counts as dead
                continue
            driver.train(segment)
            driver.ledger.settle(segment, SegmentResult(DONE))
        driver.alive = False
        with suppress(AttributeError):
            self.end(driver)
        ledger = Ledger(PREPARED[name], driver.store)
        assert ledger.finished and not ledger.failed
        assert {str(status.trial.arm.name): str(status.state) for status in ledger.statuses()} == {
            "baseline": ledger_state("baseline", ledger), "good": ledger_state("good", ledger), "bad": "stopped@64",
        }  # fmt: skip
        assert [stop.arm for stop in ledger.stops] == ["bad"]
        for trial in PREPARED[name].expansion.trials:
            for images, metrics in ledger.results[trial.name].evaluations.items():
                assert metrics[METRIC].value == VALUES[trial.arm.name] - images / 1000


def ledger_state(arm: str, ledger: Ledger) -> str:
    """Finished arms were measured by this study or by the other."""
    (found,) = {str(status.state) for status in ledger.statuses() if status.trial.arm.name == arm}
    assert found in ("completed", "reused")
    return found


TestDrivers = Drivers.TestCase
TestDrivers.settings = settings(
    max_examples=25, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
