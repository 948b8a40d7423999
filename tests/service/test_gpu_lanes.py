"""What lanes with GPUs ask Ray for, and which are refused; without a GPU: Ray counts what nodes say they have."""

from __future__ import annotations

import re
from typing import Any

import pytest
import ray

from dit_core.errors import UserError
from search_spaces.study import Resources
from service.engine import cluster
from service.engine.lane_state import Limits
from service.engine.process_groups import InterfaceTorchConfig
from service.preflight import check_cards

NODES = [
    {"CPU": 8.0, "GPU": 4.0, "accelerator_type:H100": 1.0},
    {"CPU": 8.0, "GPU": 2.0, "accelerator_type:A100": 1.0},
    {"CPU": 4.0},
]


@pytest.fixture(autouse=True)
def nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    total: dict[str, float] = {}
    for node in NODES:
        for name, value in node.items():
            total[name] = total.get(name, 0.0) + value
    gone = {"Alive": False, "Resources": {"CPU": 64.0, "GPU": 8.0, "accelerator_type:H100": 1.0}}
    monkeypatch.setattr(ray, "nodes", lambda: [gone, *({"Alive": True, "Resources": node} for node in NODES)])
    monkeypatch.setattr(ray, "cluster_resources", lambda: total)


@pytest.mark.parametrize(
    ("resources", "lanes", "asked"),
    [
        ({}, 20, {"CPU": 1}),
        ({"gpus_per_worker": 1}, 6, {"CPU": 1, "GPU": 1}),
        ({"gpus_per_worker": 1, "workers": 2, "cpus_per_worker": 2}, 3, {"CPU": 2, "GPU": 1}),
        ({"gpus_per_worker": 0.5}, 12, {"CPU": 1, "GPU": 0.5}),
        ({"gpus_per_worker": 0.6}, 6, {"CPU": 1, "GPU": 0.6}),  # no lane has parts of two cards
        ({"gpus_per_worker": 0.1}, 16, {"CPU": 1, "GPU": 0.1}),  # 1 // 0.1 is 9; here the CPUs are the limit
        ({"gpus_per_worker": 1, "accelerator_type": "A100"}, 2, {"CPU": 1, "GPU": 1, "accelerator_type:A100": 0.001}),
    ],
)
def test_lanes_that_fit_and_what_their_workers_ask_for(resources: Any, lanes: int, asked: dict[str, float]) -> None:
    given = Resources.model_validate(resources)
    assert cluster.lanes_that_fit(given) == lanes
    assert cluster.worker_needs(given) == asked
    cluster.require_room(given)


def test_a_kind_of_gpu_that_is_not_there_is_named_with_those_that_are() -> None:
    given = Resources(gpus_per_worker=1, accelerator_type="H10")
    with pytest.raises(UserError, match=r"resources.accelerator_type: .*'H10'.*H100"):
        cluster.require_room(given)
    many = Resources(gpus_per_worker=1, accelerator_type="A100", workers=3)
    with pytest.raises(UserError, match=re.escape("one lane needs 3 x 1 CPU and 3 x 1 GPU (A100)")):
        cluster.require_room(many)


@pytest.mark.parametrize(
    ("resources", "sentence"),
    [
        ({"gpus_per_worker": 0.5, "workers": 2}, "workers of one lane cannot share a GPU, since NCCL refuses two"),
        ({"gpus_per_worker": 1.5}, "1.5 given; allowed: 0, a part of one GPU, or whole GPUs"),
        ({"accelerator_type": "H100"}, "'H100' given without GPUs; give gpus_per_worker: 1"),
    ],
)
def test_what_no_cluster_can_give_is_refused_with_the_reason(resources: Any, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        check_cards(Resources.model_validate(resources))


def test_a_hung_collective_ends_when_the_lane_counts_as_hung() -> None:
    assert InterfaceTorchConfig().timeout_s == Limits().training
