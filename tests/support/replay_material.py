"""Small recordings, requests and a plain HTTP client for the tests of the replay server."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from factory_assets.replay.recordings import Recordings
from factory_assets.replay.recordings_model import Analysis, Conversation

PROMPT = "Repository: two-files\nPhase: build\nWorkspace: /somewhere/here\n\nBuild it."
TOOLS = [{"name": "Write", "description": "Write a file", "input_schema": {"type": "object"}}]
KEY = {"x-api-key": "made-up", "anthropic-version": "2023-06-01"}

SPEC: dict[str, object] = {
    "name": "some-tool",
    "problem": "A problem.",
    "source_papers": ["2606.00001"],
    "solution": "A solution.",
    "language": "python",
    "files": ["some_tool/main.py"],
    "estimated_lines": 120,
    "complexity": "low",
    "who_pays": "Somebody.",
    "integration_point": "Somewhere.",
    "moat": "Something.",
}


def write(path: str, content: str) -> dict[str, object]:
    return {"tool": "Write", "input": {"file_path": f"{{workspace}}/{path}", "content": content}}


def conversation(*turns: dict[str, object], repo: str = "two-files", phase: str = "build") -> Conversation:
    return Conversation.model_validate({"repo": repo, phase: list(turns)})


def analysis(day: str, **fields: object) -> Analysis:
    return Analysis.model_validate({"date": day, **fields})


def two_files() -> Recordings:
    return Recordings.of(
        conversation(
            {"say": "Two files.", "calls": [write("a.txt", "hello\n"), write("b.txt", "there\n")]},
            {"say": "Done."},
        )
    )


def body(*messages: dict[str, object], **fields: object) -> dict[str, Any]:
    return {
        "model": "claude-sonnet-5-5",
        "max_tokens": 4000,
        "messages": list(messages) or [user(PROMPT)],
        "tools": TOOLS,
        **fields,
    }


def user(content: object) -> dict[str, object]:
    return {"role": "user", "content": content}


def assistant(content: object) -> dict[str, object]:
    return {"role": "assistant", "content": content}


class Response:
    """What came back."""

    def __init__(self, status: int, headers: dict[str, str], text: str) -> None:
        self.status = status
        self.headers = headers
        self.text = text

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def events(self) -> list[dict[str, Any]]:
        lines = self.text.splitlines()
        return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]

    @property
    def error(self) -> tuple[str, str]:
        return self.json["error"]["type"], self.json["error"]["message"]


def send(
    url: str,
    payload: object = None,
    *,
    path: str = "/v1/messages?beta=true",
    headers: dict[str, str] | None = None,
    method: str = "POST",
) -> Response:
    """One request on its own connection."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    try:
        connection.request(method, path, body=data, headers=KEY if headers is None else headers)
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Response(response.status, found, response.read().decode())
    finally:
        connection.close()
