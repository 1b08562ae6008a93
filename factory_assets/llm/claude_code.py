"""The real Claude Code program in a sandbox: one phase of an agent, or one structured question."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from factory_assets.domain.agents import (
    AgentOutcome,
    AgentTask,
    Answer,
    OutcomeKind,
    Question,
    Reach,
    Route,
)
from factory_assets.domain.builds import Usage
from factory_assets.domain.errors import CredentialError, FactoryError, InfrastructureError
from factory_assets.domain.redaction import Redactor
from factory_assets.folders import fresh_folder, remove_folder
from factory_assets.llm.claude_api_errors import refused_error
from factory_assets.llm.claude_code_binary import find_claude_binary
from factory_assets.llm.claude_code_ending import judge
from factory_assets.llm.claude_code_home import Login, home_of
from factory_assets.llm.claude_code_run import Limits, Run
from factory_assets.llm.claude_code_tokens import LOGIN_BEGINNING, shown_as
from factory_assets.llm.claude_code_transcript import keep_transcript
from factory_assets.llm.model_access import GRANT_HEADER, ModelAccess
from factory_assets.llm.prices import most_usd
from factory_assets.network.trust import trust
from factory_assets.sandbox import Confines, EgressRules, Launch, Program, Sandbox, write_launch
from factory_assets.scratch import scratch_folder

if TYPE_CHECKING:
    from claude_agent_sdk import ClaudeAgentOptions

_FIX = "Set ANTHROPIC_API_KEY, ANTHROPIC_AUTH_TOKEN or CLAUDE_CODE_OAUTH_TOKEN, or log in with Claude Code."
_ASK_SECONDS = 900.0
# Turns of a question: an answer that does not fit the schema is sent back to the model by the program.
_ASK_TURNS = 6
# One message holds the whole output of a tool.
_MESSAGE_BYTES = 64 * 1024 * 1024
# Tools that act when the phase is over, or beside its workspace.
_OUTLIVING_TOOLS = ("CronCreate", "EnterWorktree", "ScheduleWakeup")
# Set by the SDK for the program.
_SDK_VARIABLES = ("CLAUDE_AGENT_SDK_VERSION", "CLAUDE_CODE_SDK_READS_SESSION_STATE")
# Where the program renews a person's login.
_RENEWAL = Reach(("platform.claude.com", "api.anthropic.com"))
_ENVIRONMENT = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "CLAUDE_CODE_ENTRYPOINT": "sdk-py",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "DISABLE_TELEMETRY": "1",
    # As root the program refuses to run unasked unless it is told that it is contained.
    "IS_SANDBOX": "1",
}


class ClaudeCode:
    """Runs Claude Code; implements domain.agents.AgentRunner and domain.agents.StructuredModel.

    In the place of each credential the program holds a token of the router, which is good for one run alone. Its
    HOME is a folder in `state_dir` per workspace, fresh for every task that does not resume a session.

    Only a question by a person's login holds the login itself, because the program may have to renew it, and
    gives it back renewed. No code but the program's own runs there: a question has no tools.

    Args:
        sandbox: what it runs in.
        access: opens the way to the model.
        asked: the model's API in words, for errors.
        credentials: those that the router holds, by their environment names (ANTHROPIC_API_KEY,
            ANTHROPIC_AUTH_TOKEN, CLAUDE_CODE_OAUTH_TOKEN): the program is told of its way by the same names.
        binary: the program; the bundled one when None.
        state_dir: outside every workspace, on a disk that lasts between two calls.
        login_home: a person's ~/.claude, used when there are no credentials. Questions may renew the login;
            agents borrow its token as it is, for as long as it lasts.
        retries: how often the program asks again when the API fails.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        access: ModelAccess,
        *,
        asked: str,
        credentials: Mapping[str, SecretStr],
        binary: Path | None,
        state_dir: Path,
        login_home: Path | None = None,
        retries: int = 10,
    ) -> None:
        self._sandbox = sandbox
        self._access = access
        self._asked = asked
        self._credentials = {name: secret.get_secret_value() for name, secret in credentials.items()}
        self._binary = binary
        self._state_dir = state_dir
        self._login = Login(login_home) if login_home and not credentials else None
        self._retries = retries
        self._spent: dict[str, Usage] = {}

    def run_agent(
        self, task: AgentTask, report: Callable[[str], None], meter: Callable[[Usage], None]
    ) -> AgentOutcome:
        """Run one phase to its end.

        Raises:
            MissingToolError: when there is no program.
        """
        state = home_of(self._state_dir, task.workspace)
        home = state / "home"
        if task.resume is None or not home.is_dir():
            fresh_folder(home)
        workspace = task.workspace.resolve()
        purse, seconds = task.max_budget_usd, task.timeout_seconds
        with ExitStack() as held:
            way = held.enter_context(self._access.open(task.purpose, limit_usd=purse, seconds=seconds))
            try:
                self._check_credentials()
                lent = self._login.lend(home, way.token(LOGIN_BEGINNING)) if self._login else None
                redact = self._redactor(way.token(""))
            except CredentialError as error:
                return _not_started(task, str(error))
            confines = held.enter_context(self._sandbox.confine(EgressRules(task.reach, self._access.url)))
            believed = trust() if task.reach.hosts else None
            launch = self._launch(
                workspace,
                home,
                confines,
                directory=state / "launch",
                readable=believed.paths if believed else (),
                extra={
                    **shown_as(self._credentials, way),
                    **task.variables,
                    **(believed.variables if believed else {}),
                },
            )
            limits = Limits(seconds, patience=0)
            before = self._spent.get(task.resume or "", Usage())
            run = Run(launch, workspace, limits, report, meter, redact, task.model, way, spent_before=before)
            run.watch(task.prompt, self._agent_options(task, run))
            ending, usage = run.ending, run.usage
        if run.session_id and task.transcript:
            keep_transcript(home, run.session_id, task.transcript, redact)
        if run.session_id and run.session_total:
            self._spent[run.session_id] = run.session_total
        verdict = judge(replace(ending, credential_expired=lent is not None and lent.has_expired))
        return AgentOutcome(
            kind=verdict.kind,
            detail=verdict.detail,
            turns=run.turns or run.meter.calls,
            usage=usage,
            seconds=run.seconds,
            session_id=run.session_id,
            model=run.model,
            until=verdict.until,
            refusal=verdict.refusal,
        )

    def ask(self, question: Question) -> Answer:
        """Answer without tools; the program makes the answer fit the schema.

        Raises:
            CredentialError: refused, or there is none.
            ModelStoppedError: refused whoever asks, because of the account or the model.
            RateLimitedError: with the time to come back, where one was named.
            PromptTooLongError: the question is too long.
            InputError: any other refusal of the API.
            InfrastructureError: the API, the network or the program failed.
            MissingToolError: when there is no program.
        """
        self._check_credentials()
        started = time.monotonic()
        with ExitStack() as held:
            folder = held.enter_context(scratch_folder(within=self._state_dir / "questions"))
            home, workspace = fresh_folder(folder / "home"), fresh_folder(folder / "work")
            instructions = workspace / "instructions.md"
            instructions.write_text(question.instructions, encoding="utf-8")
            way = held.enter_context(
                self._access.open(
                    question.purpose,
                    limit_usd=most_usd(question, calls=_ASK_TURNS),
                    seconds=_ASK_SECONDS,
                    login=self._login is not None,
                )
            )
            extra = {"CLAUDE_CODE_MAX_OUTPUT_TOKENS": str(question.max_output_tokens)}
            if self._login:
                self._login.copy(home)
                held.callback(self._login.take_back, home)
                extra["ANTHROPIC_CUSTOM_HEADERS"] = f"{GRANT_HEADER}: {way.token('')}"
            else:
                extra.update(shown_as(self._credentials, way))
            rules = EgressRules(_RENEWAL if self._login else Reach(), self._access.url)
            confines = held.enter_context(self._sandbox.confine(rules))
            launch = self._launch(workspace, home, confines, directory=folder / "launch", extra=extra)
            limits = Limits(_ASK_SECONDS, patience=1 if self._login else 0)
            redact = self._redactor(way.token(""))
            run = Run(launch, workspace, limits, _unheard, _unmetered, redact, question.model)
            run.watch(question.text, self._question_options(question, run, instructions))
        return self._answer(question, run, seconds=time.monotonic() - started)

    def forget(self, workspace: Path) -> None:
        """Remove the sessions of the runs in `workspace`, when its build is over."""
        remove_folder(home_of(self._state_dir, workspace))

    def _check_credentials(self) -> None:
        if not self._credentials and not self._login:
            raise CredentialError("There is no credential for Claude Code.", fix=_FIX)

    def _redactor(self, token: str) -> Redactor:
        login = self._login.secrets() if self._login else ()
        return Redactor([*self._credentials.values(), *login, token])

    def _launch(
        self,
        workspace: Path,
        home: Path,
        confines: Confines,
        *,
        directory: Path,
        extra: Mapping[str, str],
        readable: Sequence[Path] = (),
    ) -> Launch:
        binary = find_claude_binary(self._binary)
        # A program that npm installed needs the rest of its package.
        package = binary.parent if (binary.parent / "package.json").is_file() else binary
        (home / "tmp").mkdir(exist_ok=True)
        program = Program(
            argv=(str(binary),),
            workspace=workspace,
            confines=confines,
            home=home,
            readable=(package, *readable),
            env={
                **_ENVIRONMENT,
                "ANTHROPIC_BASE_URL": confines.egress.url if confines.egress else self._access.url,
                "CLAUDE_CODE_MAX_RETRIES": str(self._retries),
                **extra,
            },
        )
        return write_launch(self._sandbox, program, directory=directory, inherited=_SDK_VARIABLES)

    def _agent_options(self, task: AgentTask, run: Run) -> ClaudeAgentOptions:
        return replace(
            self._options(run),
            model=task.model,
            max_turns=task.max_turns,
            max_budget_usd=task.max_budget_usd,
            tools={"type": "preset", "preset": "claude_code"} if task.tools is None else list(task.tools),
            allowed_tools=list(task.tools or ()),
            disallowed_tools=list(_OUTLIVING_TOOLS),
            system_prompt={"type": "preset", "preset": "claude_code"},
            resume=task.resume,
        )

    def _question_options(self, question: Question, run: Run, instructions: Path) -> ClaudeAgentOptions:
        return replace(
            self._options(run),
            model=question.model,
            max_turns=_ASK_TURNS,
            tools=[],
            # A file, because an argument of a command line holds 128 KB at most.
            system_prompt={"type": "file", "path": str(instructions)},
            output_format={"type": "json_schema", "schema": dict(question.answer_schema)},
        )

    def _options(self, run: Run) -> ClaudeAgentOptions:
        from claude_agent_sdk import ClaudeAgentOptions  # noqa: PLC0415  heavy

        return ClaudeAgentOptions(
            cwd=run.workspace,
            cli_path=run.launch.script,
            # The sandbox is the limit; there is nobody to ask.
            permission_mode="bypassPermissions",
            setting_sources=[],
            strict_mcp_config=True,
            verbatim_prompts=True,
            max_buffer_size=_MESSAGE_BYTES,
            stderr=run.hear,
        )

    def _answer(self, question: Question, run: Run, *, seconds: float) -> Answer:
        try:
            return self._answer_in(run, setting=question.setting, seconds=seconds)
        except FactoryError:
            if run.usage.cost_usd > 0:
                question.lost(Answer("", Route.CLAUDE_CODE, run.model, run.usage, seconds))
            raise

    def _answer_in(self, run: Run, *, setting: str, seconds: float) -> Answer:
        verdict = judge(run.ending)
        where = f"Claude Code at {self._asked}"
        if verdict.kind is OutcomeKind.AUTHENTICATION:
            raise CredentialError(verdict.detail, where=where, fix=_FIX)
        if verdict.refusal is not None and verdict.kind is not OutcomeKind.INFRASTRUCTURE:
            credential = next(iter(self._credentials), "the login of Claude Code")
            raise refused_error(
                verdict.refusal, where=where, model=run.model, credential=credential, setting=setting
            )
        # An answer that the program refused for its form is still the model's: whoever asked judges it.
        text = run.answer or (verdict.detail if verdict.kind is OutcomeKind.DONE else None)
        if text is None or verdict.kind is OutcomeKind.INFRASTRUCTURE:
            raise InfrastructureError(
                f"{verdict.kind}: {verdict.detail}", where=where, fix="Run it again later."
            )
        return Answer(text, Route.CLAUDE_CODE, run.model, run.usage, seconds)


def _not_started(task: AgentTask, detail: str) -> AgentOutcome:
    return AgentOutcome(
        kind=OutcomeKind.AUTHENTICATION,
        detail=detail,
        turns=0,
        usage=Usage(),
        seconds=0.0,
        session_id=None,
        model=task.model,
    )


def _unheard(line: str) -> None:
    """A question has no progress worth telling."""


def _unmetered(usage: Usage) -> None:
    """A question is one answer, whose usage comes with it."""
