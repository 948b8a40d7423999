"""Addresses and commands as they may be shown, recorded and logged: without passwords."""

from __future__ import annotations

import re

_HIDDEN = "***"
_USERINFO = re.compile(r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*://)(?P<user>[^/@\s:]*):(?P<password>\S*)@")


def redacted(text: str) -> str:
    """Returns ``text`` with the password of every address in it (``scheme://user:password@host``) hidden."""
    return _USERINFO.sub(rf"\g<scheme>\g<user>:{_HIDDEN}@", text)
