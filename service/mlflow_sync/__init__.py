"""MLflow, synchronised from the store's records: idempotent, off the training path, never in its way."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from service.mlflow_sync.address import default_tracking_uri

if TYPE_CHECKING:
    from service.mlflow_sync.background import BackgroundSync
    from service.mlflow_sync.sync import About, MlflowSync

__all__ = ["About", "BackgroundSync", "MlflowSync", "default_tracking_uri"]

_WHERE = {"About": "sync", "BackgroundSync": "background", "MlflowSync": "sync"}


def __getattr__(name: str) -> Any:
    # imported when asked for: addresses, which every command shows, need little of it
    if name not in _WHERE:
        raise AttributeError(f"module 'service.mlflow_sync' has no attribute {name!r}")
    return getattr(import_module(f"service.mlflow_sync.{_WHERE[name]}"), name)
