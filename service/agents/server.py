"""The desk over the Model Context Protocol: tools, resources, and errors as a code and a sentence."""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import anyio
from mcp.server.auth.provider import TokenVerifier
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError, ToolError, UnexpectedToolError
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, CallToolResult, TextContent, ToolAnnotations
from pydantic import ValidationError

from service.agents.answers import Axes, Check, Report, Started, Status, Stop, Studies, Verdicts
from service.agents.desk import Desk
from service.agents.plan import Plan, PlanArguments
from service.agents.refusals import Refusal, refusal_of

_log = logging.getLogger(__name__)
INSTRUCTIONS = """\
dit-ablate runs ablation studies of Diffusion Transformers: a baseline, questions about it, several seeds. \
list_axes says what can be varied, the resource dit-ablate://plan-guide how to write a plan. check_study says what \
would become of a study and what it costs; nothing runs. start_study returns at once; poll study_status. \
study_verdicts has the conclusions: only a contrast with the status 'clear' shows a difference; 'undecided' means \
that the study is too small to tell, not that there is none. Quote differences with their intervals. What a person \
has capped cannot be changed from here."""
STUDIES = "dit-ablate://studies"
GUIDE = "dit-ablate://plan-guide"


class AgentServer(MCPServer[Any]):
    """A server that answers one request after another and tells every error as a code and a sentence.

    A process has the code of one study in use at a time, so requests wait for each other.
    """

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self._one_at_a_time = anyio.Lock()

    async def call_tool(self, name: str, arguments: dict[str, Any], context: Any = None) -> Any:
        """Calls a tool; what goes wrong becomes an answer with ``is_error``."""
        async with self._one_at_a_time:
            try:
                return await super().call_tool(name, arguments, context)
            except ToolError as error:
                return _told(_refusal(error))

    async def read_resource(self, uri: Any, context: Any = None) -> Any:
        """Reads a resource.

        Raises:
            MCPError: with the sentence as its message and the code in its data.
        """
        async with self._one_at_a_time:
            try:
                return await super().read_resource(uri, context)
            except ResourceNotFoundError:
                raise
            except ResourceError as error:
                refusal = _refusal(error)
                data = {"uri": str(uri), **refusal.model_dump()}
                raise MCPError(code=INVALID_PARAMS, message=refusal.message, data=data) from None


def _refusal(error: ToolError | ResourceError) -> Refusal:
    if error.__cause__ is None:  # the package's own, e.g. that there is no such tool
        return Refusal(code="invalid_arguments", message=str(error))
    ours = isinstance(error, UnexpectedToolError) and isinstance(error.__cause__, ValidationError)  # an answer of ours
    refusal = refusal_of(RuntimeError(str(error)) if ours else error, PlanArguments)
    if refusal.code == "internal":
        _log.error("an agent's request failed", exc_info=error)
    return refusal


def _told(refusal: Refusal) -> CallToolResult:
    text = TextContent(type="text", text=f"{refusal.code}: {refusal.message}")
    return CallToolResult(content=[text], structured_content=refusal.model_dump(), is_error=True)


def server_of(desk: Desk, auth: AuthSettings | None = None, token_verifier: TokenVerifier | None = None) -> AgentServer:
    """Builds a server that answers from a desk.

    Args:
        desk: what answers.
        auth: how HTTP requests prove that they may ask; None for standard input and output.
        token_verifier: what knows the token.
    """
    server = AgentServer(
        "dit-ablate",
        title="dit-ablate: ablation studies of Diffusion Transformers",
        instructions=INSTRUCTIONS,
        version=version("dit-ablate"),
        auth=auth,
        token_verifier=token_verifier,
        log_level="WARNING",
    )
    _add_tools(server, desk)
    _add_resources(server, desk)
    return server


def _add_tools(server: AgentServer, desk: Desk) -> None:
    def list_axes(profile: str = "digits") -> Axes:
        return desk.axes(profile)

    def check_study(plan: Plan) -> Check:
        return desk.check(plan)

    def start_study(plan: Plan) -> Started:
        return desk.start(plan)

    def list_studies() -> Studies:
        return desk.studies()

    def study_status(study: str) -> Status:
        return desk.status(study)

    def study_verdicts(study: str) -> Verdicts:
        return desk.verdicts(study)

    def study_report(study: str) -> Report:
        return desk.report(study)

    def stop_study(study: str) -> Stop:
        return desk.stop(study)

    reads_only = desk.caps.read_only
    tools: tuple[tuple[Callable[..., Any], bool, str], ...] = (
        (list_axes, True, "List what can be varied: axes, their values for a profile, where they come from."),
        (
            check_study,
            True,
            "Say what would become of a study: compiled, asked (something has to be settled first) or refused, with "
            "its arms, questions, cost, the smallest difference that its seeds can resolve, and why it would not "
            "start. Nothing runs.",
        ),
        (
            start_study,
            False,
            "Start a study, or continue it, and return at once with its name as the handle. Only what the store does "
            "not hold yet runs; it goes on when this server ends.",
        ),
        (list_studies, True, "List the studies of the store, each with its state."),
        (study_status, True, "Say where a study stands: trials, arms, what was stopped and why, whether it runs."),
        (
            study_verdicts,
            True,
            "Say what may be concluded from a study: one verdict per comparison with its simultaneous interval. Only "
            "'clear' ones show a difference.",
        ),
        (study_report, reads_only, "Return a study's report as Markdown, written anew, and where its files lie."),
        (
            stop_study,
            False,
            "Ask a running study that an agent has started to write checkpoints and end. Nothing is lost; starting it "
            "again continues.",
        ),
    )
    for tool, reads, told in tools:
        if reads or not reads_only:
            _add_tool(server, tool, reads, told)


def _add_tool(server: AgentServer, tool: Callable[..., Any], reads: bool, told: str) -> None:
    hints = ToolAnnotations(read_only_hint=reads, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
    server.add_tool(tool, description=told, annotations=hints, structured_output=True)


def _add_resources(server: AgentServer, desk: Desk) -> None:
    def guide() -> str:
        return desk.guide()

    def studies() -> str:
        return desk.studies().model_dump_json()

    def study(study: str) -> str:
        return desk.status(study).model_dump_json()

    def report(study: str) -> str:
        return desk.markdown(study)

    def grid(study: str, arm: str, seed: int) -> bytes:
        return desk.grid(study, arm, seed)

    def add(name: str, read: Callable[..., Any], uri: str, kind: str, told: str) -> None:
        server.resource(uri, name=name, description=told, mime_type=kind)(read)

    one = f"{STUDIES}/{{study}}"
    add("guide", guide, GUIDE, "text/plain", "How to write a plan that compiles as it stands.")
    add("studies", studies, STUDIES, "application/json", "The studies of the store.")
    add("study", study, one, "application/json", "Where a study stands.")
    add("report", report, f"{one}/report", "text/markdown", "A study's report as it was written last.")
    add("grid", grid, f"{one}/grids/{{arm}}/{{seed}}", "image/png", "The newest sample grid of a trial.")
