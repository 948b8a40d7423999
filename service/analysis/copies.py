"""Whether an arm's samples are copies of training images, by the test that its evaluations recorded."""

from __future__ import annotations

from dataclasses import dataclass

from dit_core.metrics.copying_limit import SUSPICIOUS
from service.analysis.details import count, number
from service.analysis.numbers import percent, signed, whole
from service.analysis.sentences import listing
from service.analysis.summary import Summary


@dataclass(frozen=True)
class Copies:
    """The data-copying test of one trial's last evaluation, see ``dit_core.metrics.copying.DataCopying``.

    Attributes:
        arm: the arm.
        seed: the seed.
        metric: the metric in whose features images were compared.
        images: training images seen.
        statistic: C_T, in standard deviations; far below zero means copying.
        share: how often a generated image is nearer to the training images than a held-out one.
        training: training images compared.
    """

    arm: str
    seed: int
    metric: str
    images: int
    statistic: float
    share: float
    training: int

    @property
    def suspicious(self) -> bool:
        """Whether the samples are nearer to the training images than chance explains."""
        return self.statistic < SUSPICIOUS


def copies(summary: Summary) -> tuple[Copies, ...]:
    """Returns the tests of every trial's last evaluation; none where they were not recorded."""
    found = []
    for arm in summary.arms:
        for status in arm.statuses:
            for name, metric in summary.results[status.trial.name].evaluations.get(status.images, {}).items():
                statistic = number(metric.details, "data_copying_statistic")
                share = number(metric.details, "data_copying_share")
                training = count(metric.details, "data_copying_training_images")
                if statistic is not None and share is not None and training is not None:
                    found.append(
                        Copies(arm.arm.name, status.trial.seed, name, status.images, statistic, share, training)
                    )
    return tuple(found)


def told(found: tuple[Copies, ...]) -> str:
    """Returns what the tests came to, in sentences; empty where there are none."""
    if not found:
        return ""
    shares, statistics = [item.share for item in found], [item.statistic for item in found]
    suspects = list(dict.fromkeys(item.arm for item in found if item.suspicious))
    verdict = (
        f"{listing(suspects)} {'falls' if len(suspects) == 1 else 'fall'} below that: read the metric of "
        f"{'this arm' if len(suspects) == 1 else 'these arms'} as that of copied images, not of learned ones"
        if suspects
        else "no trial falls below that"
    )
    return (
        f"A generated image is nearer to its nearest training image than a held-out image is in {percent(min(shares))} "
        f"to {percent(max(shares))} of the pairs (50 % when both are alike; features of {found[0].metric}, "
        f"{whole(found[0].training)} training images compared). The statistic of the data-copying test (Meehan et al., "
        f"arXiv 2004.05675, one cell) is {signed(min(statistics), 2)} to {signed(max(statistics), 2)} over all trials "
        f"at their last evaluation; below {signed(SUSPICIOUS)} counts as copying, and {verdict}."
    )
