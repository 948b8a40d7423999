"""Text as it may be shown, recorded and logged: without passwords, tokens and keys."""

from __future__ import annotations

import os
import re

_HIDDEN = "***"
_USERINFO = re.compile(r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*://)(?P<user>[^/@\s:]*):(?P<password>\S*)@")
_TOKEN_AS_USER = re.compile(r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*://)[^/@\s:?#'\"]{20,}@")
_QUERY = re.compile(
    r"(?P<name>[?&](?:[\w.-]*(?:password|passwd|secret|token|signature|api_?key)[\w.-]*)=)[^&\s'\"]+", re.I
)
_HEADER = re.compile(r"\b(?P<kind>Basic|Bearer) +[A-Za-z0-9+/=._~-]{12,}")
_SECRET_NAME = re.compile(r"PASSWORD|PASSWD|SECRET|TOKEN|CREDENTIAL|API_?KEY|ACCESS_KEY|PRIVATE_KEY")
_NO_SECRET_NAME = re.compile(r"(_PATH|_FILE|_URL|_URI|_DIR|_MODE)$")
_SHORTEST = 8
"""Shorter values of variables are words like ``true`` or ``none``, which occur everywhere."""


def redacted(text: str) -> str:
    """Returns ``text`` without what opens a door.

    Hidden are passwords in addresses (``scheme://user:password@host``, ``?password=...``), tokens in the place of a
    user's name, HTTP credentials, and the values of this process's environment variables whose names say that they
    are secret (``AWS_SECRET_ACCESS_KEY``, ``MLFLOW_TRACKING_PASSWORD``, ``RAY_AUTH_TOKEN``).
    """
    for secret in _secrets():
        text = text.replace(secret, _HIDDEN)
    text = _USERINFO.sub(rf"\g<scheme>\g<user>:{_HIDDEN}@", text)
    text = _TOKEN_AS_USER.sub(rf"\g<scheme>{_HIDDEN}@", text)
    text = _QUERY.sub(rf"\g<name>{_HIDDEN}", text)
    return _HEADER.sub(rf"\g<kind> {_HIDDEN}", text)


def has_secret(text: str) -> bool:
    """Returns whether ``redacted`` would hide something of an address."""
    return redacted(text) != text


def _secrets() -> list[str]:
    """The values of secret environment variables, longest first: one may be part of another."""
    found = {
        value
        for name, value in os.environ.items()
        if _SECRET_NAME.search(name.upper())
        and not _NO_SECRET_NAME.search(name.upper())
        and len(value) >= _SHORTEST
        and not value.isdecimal()
    }
    return sorted(found, key=len, reverse=True)
