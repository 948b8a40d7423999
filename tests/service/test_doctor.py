"""What `dit-ablate doctor` says where there is no cluster to ask."""

from __future__ import annotations

import pytest
import ray
from tiny_study import dit_ablate


def test_a_ray_that_does_not_start_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(*_: object, **__: object) -> None:
        raise Exception("The current node timed out during startup. This could happen because some of the processes")

    monkeypatch.setattr(ray, "init", late)
    result = dit_ablate("doctor")
    assert result.exit_code == 1, result.output
    assert "WRONG Ray does not start on this machine: The current node timed out during startup" in result.stdout
    assert "1 of these must be put right first." in result.stdout
