"""How a job learns where MLflow is: by its environment, since everybody who may use a cluster reads commands."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit


def for_job(uri: str | None) -> dict[str, str]:
    """Returns the variables that tell a job its tracking URI; none leave it to the cluster's own.

    A name and password in the URI of a server become the variables that MLflow has for them, so that the URI itself
    can be shown. A database has no such variables, so that its URI stays whole. Ray keeps a job's variables as long
    as it knows the job, for whoever may use the cluster: better are variables that the cluster sets itself.
    """
    if uri is None:
        return {}
    parts = urlsplit(uri)
    if parts.scheme not in ("http", "https") or parts.username is None:
        return {"MLFLOW_TRACKING_URI": uri}
    place = parts.netloc.rpartition("@")[2]
    found = {"MLFLOW_TRACKING_URI": parts._replace(netloc=place).geturl()}
    if parts.username:
        found["MLFLOW_TRACKING_USERNAME"] = unquote(parts.username)
    if parts.password is not None:
        found["MLFLOW_TRACKING_PASSWORD"] = unquote(parts.password)
    return found
