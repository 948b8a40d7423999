"""Two processes that see one store find each other's nonce; two that do not, do not."""

from __future__ import annotations

from pathlib import Path

from service.records.store import Store


def test_a_nonce_is_seen_in_the_same_store_only(tmp_path: Path) -> None:
    ours, same, other = (Store(tmp_path / name) for name in ("store", "store", "other"))
    nonce = ours.nonce_written()
    assert same.nonce_seen(nonce) and not other.nonce_seen(nonce, seconds=0.0)
    assert not same.nonce_seen(ours.nonce_written().swapcase()[::-1], seconds=0.0)
    ours.nonce_removed(nonce)
    assert not same.nonce_seen(nonce, seconds=0.0)
