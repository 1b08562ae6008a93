"""The example of a backends file, as its reader would use it."""

from __future__ import annotations

from pathlib import Path

from claude_code_server import Fail, Say, claude_server
from openai_server import local_model
from pydantic import SecretStr
from router_world import router_before

from factory_assets.domain.agents import Question
from factory_assets.llm.claude_api import ClaudeApi
from factory_assets.llm.routed_api import RoutedApi
from factory_assets.router.backends import Backend, CredentialKind, Kind
from factory_assets.router.backends_file import default_backend, load_backends
from factory_assets.settings import PROJECT_ROOT

EXAMPLE = PROJECT_ROOT / "docs" / "backends.example.yaml"
VARIABLES = {"ANTHROPIC_API_KEY": "sk-ant-one", "GATEWAY_TOKEN": "two"}


def test_the_example_is_valid_and_its_credentials_come_from_the_variables() -> None:
    anthropic, gateway, local = load_backends(EXAMPLE, VARIABLES)
    assert anthropic.header == ("x-api-key", "sk-ant-one")
    assert gateway.header == ("authorization", "Bearer two")
    assert (local.kind, local.header) == (Kind.OPENAI, None)


def test_the_example_says_of_claudes_models_what_the_default_does() -> None:
    (example, *_) = load_backends(EXAMPLE, VARIABLES)
    default = default_backend("https://api.anthropic.com", CredentialKind.API_KEY, SecretStr("sk-ant-one"))
    assert example == default


def test_where_claude_and_the_gateway_fail_the_factorys_question_goes_to_the_local_model(
    tmp_path: Path,
) -> None:
    question = Question("You are brief.", "two and two", {"type": "object"}, "claude-haiku-5-5")
    with (
        claude_server(Fail(529, "overloaded_error")) as claude,
        claude_server(Say("never asked")) as gateway,
        local_model(says='{"sum": 4}', key=None) as model,
    ):
        places = (claude.url, gateway.url, model.base_url)
        backends = [
            Backend.model_validate({**vars(backend), "base_url": url})
            for backend, url in zip(load_backends(EXAMPLE, VARIABLES), places, strict=True)
        ]
        access = router_before(tmp_path, *backends)
        api = ClaudeApi("https://api.anthropic.com", api_key=SecretStr("unused"), retries=0)
        answer = RoutedApi(access, api).ask(question)
    assert (answer.text, answer.model) == ('{"sum": 4}', "qwen3:32b")
    assert model.complaints == []
    assert model.requests[0]["response_format"]["type"] == "json_schema"
    assert gateway.requests == []
