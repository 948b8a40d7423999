"""MLflow, synchronised from the store's records: idempotent, off the training path, never in its way."""

from service.mlflow_sync.address import default_tracking_uri
from service.mlflow_sync.background import BackgroundSync
from service.mlflow_sync.sync import About, MlflowSync

__all__ = ["About", "BackgroundSync", "MlflowSync", "default_tracking_uri"]
