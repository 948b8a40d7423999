"""The server over HTTP: on this machine only, for whoever has the token, and not for web pages."""

from __future__ import annotations

import hmac
import os
import secrets
import socket

import uvicorn
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import AnyHttpUrl

from dit_core.errors import UserError
from service.agents.desk import Desk
from service.agents.launch import TOKEN_VARIABLE
from service.agents.server import server_of

LOOPBACK = "127.0.0.1"
_SHORTEST = 16


class OneToken:
    """Knows the one token that this server takes.

    Args:
        token: the token.
    """

    def __init__(self, token: str) -> None:
        self._token = token.encode()

    async def verify_token(self, token: str) -> AccessToken | None:
        """Returns who has this token; None for any other. How long that takes tells nothing of the right one."""
        if not hmac.compare_digest(token.encode("utf-8", "surrogateescape"), self._token):
            return None
        return AccessToken(token=token, client_id="agent", scopes=[])


def token_of_environment() -> tuple[str, bool]:
    """Returns the token, and whether it was made up now.

    Raises:
        UserError: the environment's is too short to be kept secret.
    """
    given = os.environ.get(TOKEN_VARIABLE)
    if given is None:
        return secrets.token_urlsafe(32), True
    if len(given) < _SHORTEST or not given.isascii() or not given.isprintable() or " " in given:
        raise UserError(
            f"{TOKEN_VARIABLE}: a token has at least {_SHORTEST} printable ASCII characters without spaces, given "
            f"{len(given)} characters; leave it out for one that is made up"
        )
    return given, False


def listening(port: int) -> socket.socket:
    """Returns a socket on this machine's own address; port 0 takes any free one.

    Raises:
        UserError: the port is no port, or is taken.
    """
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((LOOPBACK, port))
        found.listen()
    except (OSError, OverflowError) as error:
        found.close()
        why = getattr(error, "strerror", None) or error
        raise UserError(f"--port: cannot listen on {LOOPBACK}:{port} ({why}); give another port, or 0") from None
    return found


def http_server(desk: Desk, listener: socket.socket, token: str) -> uvicorn.Server:
    """Returns what serves over HTTP: ``run(sockets=[listener])`` does, until it is interrupted.

    Args:
        desk: what answers.
        listener: from ``listening``.
        token: what every request has to bring as ``Authorization: Bearer TOKEN``.
    """
    port = listener.getsockname()[1]
    hosts = [f"{LOOPBACK}:{port}", f"localhost:{port}"]
    auth = AuthSettings(issuer_url=AnyHttpUrl(f"http://{LOOPBACK}:{port}"), resource_server_url=None)
    server = server_of(desk, auth, OneToken(token))
    app = server.streamable_http_app(
        transport_security=TransportSecuritySettings(
            allowed_hosts=hosts, allowed_origins=[f"http://{host}" for host in hosts]
        )
    )
    return uvicorn.Server(uvicorn.Config(app, log_level="warning"))
