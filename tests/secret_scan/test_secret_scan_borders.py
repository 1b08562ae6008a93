"""The borders of the factory: a planted secret comes out of no prompt, log, error, table or answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from analyze_fakes import DAY, PROMPTS, FakeModel, answer, paper, proposal, specs_json
from registry_samples import NOW

from factory_assets.doctor.result import DoctorInputs
from factory_assets.doctor.run import run_checks
from factory_assets.doctor.secrets import check_secrets
from factory_assets.domain.agents import (
    Question,
    Route,
    StructuredModel,
)
from factory_assets.domain.alerts import Alert
from factory_assets.domain.automation import Hold
from factory_assets.domain.builds import WaitCause
from factory_assets.domain.errors import InfrastructureError, InputError
from factory_assets.domain.papers import LabelledPaper
from factory_assets.domain.redaction import Redactor
from factory_assets.instance import Instance
from factory_assets.instance.models import Models
from factory_assets.llm.claude_api_errors import AnswerRefusedError
from factory_assets.llm.redacted import RedactedModel
from factory_assets.registry import Registry
from factory_assets.settings import Mode, Settings

SECRET = "ghx_0123456789-abcdefghij"


class ScriptedModels(Models):
    """The instance's own, with one route, to a model of the test's."""

    model: StructuredModel

    def routes(self) -> list[tuple[Route, StructuredModel]]:
        return [(Route.API, self.model)]


def scripted(settings: Settings, model: StructuredModel) -> Instance:
    """The real instance with a model of the test's."""
    made = Instance(settings)
    made.models = ScriptedModels(
        settings, made.replay, made.secrets, tools=made.tools, router=made.router, agents=made.agents
    )
    made.models.model = model
    return made


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        _env_file=None,
        factory_mode=Mode.REPLAY,
        factory_data_dir=tmp_path / "data",
        factory_prompts_dir=PROMPTS,
        github_token=SECRET,
    )


def test_a_secret_in_an_abstract_and_in_an_answer_goes_no_further(settings: Settings) -> None:
    model = FakeModel([answer(specs_json(proposal("cache-probe", problem=f"It says {SECRET} to all.")))])
    instance = scripted(settings, model)
    instance.registry.papers.upsert(
        [LabelledPaper(paper=paper(1, abstract=f"We print {SECRET} here."), topics=("x",))], now=NOW
    )
    lines: list[str] = []
    report = instance.analysis.analyze(DAY, lines.append)
    asked = "".join(question.instructions + question.prompt for question in model.questions)
    assert "We print [secret] here." in asked
    assert [queued.spec.problem for queued in report.queued] == ["It says [secret] to all."]
    (queued,) = instance.registry.queue.of_day(DAY)
    assert SECRET not in asked + "".join(lines) + report.model_dump_json() + queued.model_dump_json()


def test_an_error_of_a_stage_holds_no_secret(settings: Settings) -> None:
    class Failing:
        def ask(self, question: object) -> None:
            raise InfrastructureError(f"refused {SECRET}", where=f"https://x:{SECRET}@host", fix=SECRET)

    instance = scripted(settings, Failing())
    instance.registry.papers.upsert([LabelledPaper(paper=paper(1), topics=("x",))], now=NOW)
    lines: list[str] = []
    with pytest.raises(InfrastructureError) as caught:
        instance.analysis.analyze(DAY, lines.append)
    assert "refused [secret]" in str(caught.value)
    assert SECRET not in repr((str(caught.value), caught.value.args, caught.value.__cause__, lines))


def test_every_stage_redacts_its_errors(settings: Settings, tmp_path: Path) -> None:
    odd = settings.model_copy(update={"factory_topics_file": tmp_path / SECRET / "topics.yaml"})
    with pytest.raises(InputError, match=r"\[secret\]/topics\.yaml"):
        Instance(odd).gathering.gather([DAY], lambda _: None, lambda _: None)


def test_papers_are_stored_without_secrets(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "registry.duckdb", redactor=lambda: Redactor([SECRET]))
    registry.papers.upsert([LabelledPaper(paper=paper(1, title=f"On {SECRET}"), topics=("x",))], now=NOW)
    (stored,) = registry.papers.unanalysed(DAY)
    assert stored.title == "On [secret]"


def test_whatever_is_written_into_the_registry_holds_no_secret(settings: Settings) -> None:
    registry = Instance(settings).registry
    alert = Alert(cause="a cause", title="It met it", text=f"It met {SECRET}.", link="")
    registry.alerts.note(alert, now=NOW)
    registry.holds.record(
        Hold(
            cause=WaitCause.CREDIT, reason=f"No credit for {SECRET}.", fix="", since=NOW, credential="digest"
        )
    )
    assert SECRET not in repr((registry.alerts.due(NOW), registry.holds.standing()))
    assert [hold.reason for hold in registry.reading().holds.standing()] == ["No credit for [secret]."]


def test_a_login_that_is_renewed_is_a_secret_of_the_registry_at_once(
    settings: Settings, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path))
    registry = Instance(settings).registry
    for token in ("oat-0123456789", "oat-abcdefghij"):
        login = {"claudeAiOauth": {"accessToken": token, "refreshToken": "ort-0123456789"}}
        (tmp_path / ".credentials.json").write_text(json.dumps(login))
        registry.alerts.note(Alert(cause=f"met {token}", title="", text="", link=""), now=NOW)
    assert {alert.cause for alert in registry.alerts.due(NOW)} == {"met [secret]"}


def test_an_imported_spec_is_queued_without_secrets(settings: Settings, tmp_path: Path) -> None:
    given = tmp_path / "spec.json"
    given.write_text(json.dumps(proposal("cache-probe", problem=f"Hides {SECRET} well.")))
    instance = Instance(settings)
    assert instance.intake.at(NOW).take_file(given).queued == ("cache-probe",)
    (queued,) = instance.registry.queue.of_day(NOW.date())
    assert queued.spec.problem == "Hides [secret] well."


def test_a_refused_answer_is_kept_without_secrets() -> None:
    class Refusing:
        def ask(self, question: object) -> None:
            raise AnswerRefusedError("no", answer=answer(f"I saw {SECRET}"))

    question = Question("instructions", "prompt", {}, "model")
    with pytest.raises(AnswerRefusedError) as caught:
        RedactedModel(Refusing(), Redactor([SECRET])).ask(question)
    assert caught.value.answer.text == "I saw [secret]"


def test_every_secret_of_the_settings_is_known_by_its_type_and_not_by_its_name() -> None:
    secret_fields = {
        name: field for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)
    }
    scheme = {
        "factory_registry_url": "postgresql",
        "factory_dagster_url": "postgresql",
        "factory_celery_broker": "redis",
    }
    values = {name: f"{scheme.get(name, 'value')}://of-{name}-0123456789/x" for name in secret_fields}
    found = Settings(_env_file=None, **values).secrets()
    assert found == {name.upper(): (value,) for name, value in values.items()}
    assert {"GITHUB_TOKEN", "ANTHROPIC_API_KEY", "IDEA_ENGINE_POSTGRES_URL"} <= set(found)


def test_passwords_in_addresses_are_secrets_too() -> None:
    settings = Settings(
        _env_file=None,
        llm_router_url="https://me:r0uter-passw0rd@router.example/v1",
        idea_engine_postgres_url="postgresql://me:p0stgres-pw@db.example/ideas",
    )
    assert settings.secrets() == {
        "LLM_ROUTER_URL": ("r0uter-passw0rd",),
        "IDEA_ENGINE_POSTGRES_URL": ("postgresql://me:p0stgres-pw@db.example/ideas", "p0stgres-pw"),
    }


def test_each_alert_url_is_a_secret_and_so_is_its_password() -> None:
    urls = ("mailto://me:ma1l-passw0rd@mail.example", "json://host.example/hook-0123456789")
    assert Settings(_env_file=None, factory_alert_urls=" ".join(urls)).secrets() == {
        "FACTORY_ALERT_URLS": (" ".join(urls), *urls, "ma1l-passw0rd")
    }


def test_the_login_of_claude_code_is_a_secret(settings: Settings, tmp_path: Path, monkeypatch) -> None:
    login = {"claudeAiOauth": {"accessToken": "oat-0123456789", "refreshToken": "ort-0123456789"}}
    (tmp_path / ".credentials.json").write_text(json.dumps(login))
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path))
    assert Instance(settings).secrets.redactor()("oat-0123456789 ort-0123456789") == "[secret] [secret]"


def test_a_login_that_cannot_be_read_stops_nothing(settings: Settings, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / ".credentials.json").write_text("nonsense")
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path))
    assert Instance(settings).secrets.redactor()(SECRET) == "[secret]"


def test_the_doctor_names_the_settings_whose_secret_cannot_be_recognised(tmp_path: Path) -> None:
    weak = Settings(_env_file=None, github_token="short", anthropic_api_key="a-long-random-value-0123")
    assert weak.weak_secrets() == ["GITHUB_TOKEN"]
    inputs = DoctorInputs(
        live=True,
        data_dir=tmp_path,
        claude_config=tmp_path,
        anthropic_url="",
        github_url="",
        weak_secrets=tuple(weak.weak_secrets()),
    )
    result = check_secrets(inputs)
    assert result is not None
    assert (result.ok, "GITHUB_TOKEN" in result.found) == (False, True)


def test_what_the_doctor_says_holds_no_password_of_an_address(tmp_path: Path) -> None:
    url = "http://me:r0uter-passw0rd@127.0.0.1:9"
    settings = Settings(_env_file=None, llm_router_url=url, factory_data_dir=tmp_path / "data")
    results = run_checks(Instance(settings).doctor_inputs())
    (router,) = [result for result in results if result.name == "router"]
    assert router.found.startswith("http://me:[secret]@127.0.0.1:9")
    assert "r0uter-passw0rd" not in repr(results)
