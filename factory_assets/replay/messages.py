"""The Messages API of the replay server: credentials, the recorded answer, faults on purpose."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock

from factory_assets.domain.tokens import CHARS_PER_TOKEN, tokens_of
from factory_assets.replay.messages_reply import ApiError, JsonObject, MessageReply, TextBlock, ToolUseBlock
from factory_assets.replay.messages_request import CountRequest, MessagesRequest, read_request
from factory_assets.replay.messages_scene import Scene
from factory_assets.replay.messages_script import choose
from factory_assets.replay.messages_usage import PromptCache, prompt_tokens
from factory_assets.replay.recordings import Recordings
from factory_assets.replay.recordings_model import RecordedFault

MODELS = ("claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5")


@dataclass(frozen=True)
class ReplayAnswer:
    """A finished answer, whether it is streamed, and what shall go wrong with it."""

    reply: MessageReply
    stream: bool
    delay_seconds: float = 0.0
    cut_after_events: int | None = None
    malformed_event: int | None = None


@dataclass
class MessagesApi:
    """Answers requests from recordings.

    `accepted_keys` None takes any key that is not empty. The only state is the prompt cache and the count
    of the faults played.
    """

    recordings: Recordings
    accepted_keys: frozenset[str] | None = None
    pace_seconds: float = 0.0
    _cache: PromptCache = field(default_factory=PromptCache)
    _faults_played: Counter[tuple[str, int]] = field(default_factory=Counter)
    _lock: Lock = field(default_factory=Lock)

    def check_key(self, headers: Mapping[str, str]) -> None:
        """Take a key from x-api-key or Authorization, and the API's version header.

        Raises:
            ApiError: 401 without a key or with one that is not accepted, 400 without a version.
        """
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        key = headers.get("x-api-key", "") or (bearer.strip() if scheme.lower() == "bearer" else "")
        if not key:
            raise ApiError(
                401,
                "Could not resolve authentication method."
                " Expected the x-api-key or Authorization header to be set.",
            )
        if self.accepted_keys is not None and key not in self.accepted_keys:
            raise ApiError(401, "invalid x-api-key")
        if "anthropic-version" not in headers:
            raise ApiError(400, "anthropic-version: header is required")

    def answer(self, headers: Mapping[str, str], body: bytes) -> ReplayAnswer:
        """Answer POST /v1/messages.

        Raises:
            ApiError: what is wrong with the request, or the fault that its recording asks for.
        """
        request = read_request(body)
        scene = choose(
            self.recordings, request, from_claude_code=headers.get("user-agent", "").startswith("claude-cli")
        )
        fault = self._fault(scene)
        if fault and fault.http_status is not None:
            raise ApiError(
                fault.http_status, fault.message, error_type=fault.error_type, headers=fault.headers
            )
        return ReplayAnswer(
            reply=self._reply(request, scene),
            stream=request.stream,
            delay_seconds=self.pace_seconds + (fault.delay_seconds if fault else 0.0),
            cut_after_events=fault.cut_after_events if fault else None,
            malformed_event=fault.malformed_event if fault else None,
        )

    def count(self, body: bytes) -> JsonObject:
        """Answer POST /v1/messages/count_tokens.

        Raises:
            ApiError: what is wrong with the request.
        """
        return {"input_tokens": prompt_tokens(read_request(body, CountRequest))}

    def models(self) -> JsonObject:
        """Answer GET /v1/models."""
        data: list[JsonObject] = [
            {"type": "model", "id": name, "display_name": name, "created_at": "2026-05-01T00:00:00Z"}
            for name in MODELS
        ]
        return {"data": [*data], "has_more": False, "first_id": MODELS[0], "last_id": MODELS[-1]}

    def _fault(self, scene: Scene) -> RecordedFault | None:
        fault = scene.turn.fault
        if fault is None:
            return None
        with self._lock:
            self._faults_played[scene.key, scene.index] += 1
            played = self._faults_played[scene.key, scene.index]
        return fault if fault.times is None or played <= fault.times else None

    def _reply(self, request: MessagesRequest, scene: Scene) -> MessageReply:
        turn = scene.turn
        text = turn.say
        stop_reason = turn.stop_reason or ("tool_use" if turn.calls else "end_turn")
        if tokens_of(text) > request.max_tokens:
            text, stop_reason = text[: int(request.max_tokens * CHARS_PER_TOKEN)], "max_tokens"
        content: list[TextBlock | ToolUseBlock] = [TextBlock(text)] if text else []
        if stop_reason != "max_tokens":
            content += [
                ToolUseBlock(
                    name=call.tool,
                    input=call.input
                    if isinstance(call.input, dict)
                    else call.input.model_dump(mode="json", exclude_unset=True),
                )
                for call in turn.calls
            ]
        written = json.dumps([block.as_json() for block in content], ensure_ascii=False)
        return MessageReply(
            model=request.model,
            content=tuple(content),
            stop_reason=stop_reason,
            usage=self._cache.account(request, tokens_of(written)),
        )
