"""What a run was thought to take, recorded before its first trial, and how that compares with what it took."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from service.cost.amount import Amount
from service.cost.estimate import Estimate
from service.cost.interval import Interval
from service.records.measurements import StoredMetric
from service.records.predictions import Guess, PredictedArm, PredictionRecord
from service.records.results import Results, TrialResult
from service.records.store import Store


def record_prediction(store: Store, study: str, run: int, estimate: Estimate, workers: int) -> None:
    """Records what a run is thought to take, unless that has been recorded.

    Args:
        store: where records go.
        study: the study's name.
        run: the run's number.
        estimate: what it is thought to take.
        workers: workers of a lane.
    """
    arms = {
        name: PredictedArm(
            source=rates.source, train=_guess(rates.train), sample=_guess(rates.sample), score=_guess(rates.score)
        )
        for name, rates in estimate.rates.items()
    }
    record = PredictionRecord(
        device=estimate.device,
        workers=workers,
        arms=arms,
        ahead=_guess(estimate.ahead.total),
        least=None if estimate.least is None else _guess(estimate.least),
        finish=None if estimate.finish is None else _guess(estimate.finish),
        lanes=estimate.lanes or 0,
    )
    store.records.put(PredictionRecord.key(study, run), record)


@dataclass(frozen=True)
class Spent:
    """Device time that was spent, in seconds.

    Attributes:
        train: on training.
        sample: on sampling.
        score: on scoring.
    """

    train: float = 0.0
    sample: float = 0.0
    score: float = 0.0

    @property
    def total(self) -> float:
        """All of it."""
        return self.train + self.sample + self.score

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.train + other.train, self.sample + other.sample, self.score + other.score)


@dataclass(frozen=True)
class Comparison:
    """What was predicted for the work that was done, beside what that has taken.

    Attributes:
        runs: the runs that had a prediction and did something.
        predicted: device seconds that the predictions give for the images trained and the evaluations made in them.
        spent: device seconds that these have taken.
        ahead: device seconds that the first of these runs was thought to take if no arm was stopped.
        sources: where the predictions came from, see ``service.cost.rates``.
        devices: what they were made for, and what the work was done on where that is something else.
    """

    runs: tuple[int, ...]
    predicted: Amount
    spent: Spent
    ahead: Interval
    sources: tuple[str, ...]
    devices: tuple[str, ...]

    @property
    def error(self) -> float:
        """By what share more was spent than predicted; negative for less."""
        return self.spent.total / self.predicted.total.middle - 1.0


def compared(study: str, results: Results, store: Store) -> Comparison | None:
    """Compares what was predicted for every run of a study with what it has spent; None without a prediction.

    Every stretch and every evaluation names the run that paid for it, so each is held against that run's own
    prediction. So an arm that was stopped, or a study that was interrupted, makes no prediction look wrong.

    Args:
        study: the study's name.
        results: what is known of its trials.
        store: where its records are.
    """
    records = {
        run: found.content
        for run in store.run_numbers(study)
        if (found := store.records.find(PredictionRecord.key(study, run), PredictionRecord)) is not None
    }
    predicted: list[Amount] = []
    spent = Spent()
    runs: set[int] = set()
    sources: dict[str, None] = {}
    devices: dict[str, None] = {}
    seen: set[str] = set()
    for result in results.values():
        arm = result.trial.arm.name
        for piece in _pieces(study, result, store, seen):
            record = records.get(piece.run)
            if record is None or arm not in record.arms:
                continue
            rates = record.arms[arm]
            predicted.append(
                Amount(
                    _interval(rates.train) * (piece.images * record.workers),
                    _interval(rates.sample) * (piece.evaluations * record.workers),
                    _interval(rates.score) * (piece.evaluations * record.workers),
                )
            )
            spent += piece.spent
            runs.add(piece.run)
            sources[rates.source] = None
            devices[record.device] = devices[piece.device or record.device] = None
    if not predicted:
        return None
    amount = Amount(
        Interval.total(item.train for item in predicted),
        Interval.total(item.sample for item in predicted),
        Interval.total(item.score for item in predicted),
    )
    return Comparison(
        tuple(sorted(runs)), amount, spent, _interval(records[min(runs)].ahead), tuple(sources), tuple(devices)
    )


@dataclass(frozen=True)
class _Piece:
    """A stretch of training or an evaluation, and the run that paid for it."""

    run: int
    device: str
    images: int
    evaluations: int
    spent: Spent


def _pieces(study: str, result: TrialResult, store: Store, seen: set[str]) -> Iterator[_Piece]:
    """What a study has paid for a trial; of trials that share their weights only the first has the training."""
    if result.train_id not in seen:
        seen.add(result.train_id)
        for piece in store.spans(result.train_id):
            if piece.study == study and piece.hardware is not None:
                spent = Spent(train=piece.seconds * piece.hardware.workers)
                yield _Piece(piece.run, piece.hardware.device, piece.images - piece.start, 0, spent)
    for metrics in result.evaluations.values():
        for metric in metrics.values():
            # one metric of an evaluation has its seconds
            if not isinstance(metric, StoredMetric) or metric.study != study or not metric.sample_seconds:
                continue
            workers = metric.hardware.workers if metric.hardware is not None else 1
            spent = Spent(sample=metric.sample_seconds * workers, score=metric.score_seconds * workers)
            yield _Piece(metric.run, metric.hardware.device if metric.hardware is not None else "", 0, 1, spent)


def _guess(interval: Interval) -> Guess:
    return Guess(low=interval.low, middle=interval.middle, high=interval.high)


def _interval(guess: Guess) -> Interval:
    return Interval(guess.low, guess.middle, guess.high)
