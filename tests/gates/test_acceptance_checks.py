"""A scenario counts only where it is small, lies below one folder, and gives the same answer always."""

from __future__ import annotations

from datetime import date

import pytest
from acceptance_material import SNIPPETS, expects, scenario

from factory_assets.domain.acceptance import (
    CommandForm,
    Contract,
    ExitCode,
    Form,
    FunctionForm,
    OptionForm,
    Scenario,
)
from factory_assets.domain.specs import Language
from factory_assets.gates.scenario_checks import check_scenario, solved_agrees

CONTRACT = Contract(
    commands=(
        CommandForm(
            usage="clamp [OPTIONS] VALUE LOW HIGH",
            does="Prints the number that is nearest within the bounds.",
            options=(OptionForm(name="--json", does="Prints JSON."),),
            exit_codes=(ExitCode(code=1, when="The bounds are the wrong way round."),),
        ),
    ),
    functions=(FunctionForm(signature="clamp(value, low, high)", does="The same."),),
    files=(),
    rules=(),
)
TODAY = date(2026, 6, 3)


def check(one: Scenario, language: Language = Language.PYTHON, *others: Scenario) -> str | None:
    return check_scenario(one, CONTRACT, language, others=others, today=TODAY)


GOOD = [
    scenario("12", "3", "9", wants=[expects("9")]),
    scenario("1", "9", "3", exit_code=1),
    scenario(stdin="a\tb\n", wants=[expects("", of="stderr"), expects("x", of="out/sum.txt")]),
    scenario("a.txt", files={"a.txt": "see http://somewhere.io"}, wants=[expects("1", form=Form.NUMBER)]),
    scenario("http://[::1]:80/", "http://192.0.2.7", "--url='http://[2001:db8::7]'", wants=[expects("9")]),
    scenario("http://a.b.Test./?q=http://localhost", "http://[bad", "file:///x", wants=[expects("9")]),
    scenario("setup.py", "somewhere.io", stdin="clamp.co main.go", wants=[expects("9")]),
    scenario("http://docs.example.org/x", stdin="example.com", wants=[expects('{"a": []}', form=Form.JSON)]),
    scenario("1", wants=[expects(r"^(foo|bar)+ [\])*+]+ \d{2,}$", form=Form.REGEX)]),
    scenario("1", wants=[expects("(a+)+$", form=Form.REGEX)]),
    scenario("1", wants=[expects("2026-06-05")]),
]


@pytest.mark.parametrize("one", GOOD, ids=range(len(GOOD)))
def test_an_honest_scenario_counts(one: Scenario) -> None:
    assert check(one) is None


@pytest.mark.parametrize("language", Language)
def test_code_that_calls_the_library_counts_in_each_language(language: Language) -> None:
    assert check(scenario(snippet=SNIPPETS[language], wants=[expects("9")]), language) is None


NINE = [expects("9")]
BAD = [
    (scenario("1", files={f"{at}.txt": "x" for at in range(21)}, wants=NINE), "more than 20 files"),
    (scenario("1", files={"a": "x" * 20_001}, wants=NINE), "a has more than 20,000 bytes"),
    (scenario(*["1"] * 41, wants=NINE), "more than 40 arguments"),
    (scenario("1", wants=[expects("9")] * 21), "more than 20 expectations"),
    (scenario("1", wants=NINE, behaviour=" "), "the title and the behaviour need 1 to 600 characters"),
    (scenario("1", wants=NINE, behaviour="One.\nTwo."), "more than one line"),
    (scenario("1", files={"../a": "x"}, wants=NINE), "is no path of a file below its folder"),
    (scenario("1", files={"/etc/a": "x"}, wants=NINE), "is no path of a file below its folder"),
    (scenario("1", files={"a/.git/config": "x"}, wants=NINE), "or a hidden one"),
    (scenario("1", wants=[expects("x", of="a/../../b")]), "is no path of a file below its folder"),
    (scenario("1", files={"a": "x", "a/b": "x"}, wants=NINE), "a file has the path of a folder"),
    (scenario("1", exit_code=137, wants=NINE), "the exit code is not one from 0 to 125"),
    (scenario("1", snippet="print(1)", wants=NINE), "it has arguments and a snippet"),
    (scenario("1"), "it asks for nothing that a program that does nothing lacks"),
    (scenario("1", wants=[expects("")]), "it asks for nothing that a program that does nothing lacks"),
    (scenario("1", exit_code=1, wants=[expects("", form=Form.CONTAINS)]), "what stdout has to be is empty"),
    (scenario("1", wants=[expects("(", form=Form.REGEX)]), "is none of RE2's: missing ): ("),
    (scenario("1", wants=[expects(r"(a)\1", form=Form.REGEX)]), r"invalid escape sequence: \1"),
    (scenario("1", wants=[expects("a(?=b)", form=Form.REGEX)]), "invalid perl operator: (?="),
    (scenario("1", wants=[expects(r"a\pL", form=Form.REGEX)]), "is none of Python's: bad escape"),
    (scenario("1", wants=[expects(".{999}x", form=Form.REGEX)]), "it has more than 1,000 steps"),
    (scenario("1", wants=[expects(".*", form=Form.REGEX)]), "is found in nothing, too"),
    (scenario("1", wants=[expects("x" * 501, form=Form.REGEX)]), "more than 500 characters"),
    (scenario("1", wants=[expects("{'a': 1}", form=Form.JSON)]), "is no JSON"),
    (scenario("1", wants=[expects("{}", form=Form.JSON)]), "holds no key"),
    (scenario("1", wants=[expects("3 %", form=Form.NUMBER)]), "ends with no number"),
    (
        scenario("1", wants=[expects("3", form=Form.NUMBER, tolerance=-1)]),
        "a tolerance is no number from 0 on",
    ),
    (scenario("1", wants=[expects("3", form=Form.NUMBER, tolerance=float("nan"))]), "a tolerance"),
    (scenario("https://arxiv.org/abs/1", wants=NINE), "it names the host arxiv.org"),
    (scenario("--url=https://me:x@arxiv.org:443/", wants=NINE), "it names the host arxiv.org"),
    (scenario(stdin='{"at": "HTTP://Arxiv.org","n": 1}', wants=NINE), "it names the host arxiv.org"),
    (scenario("(http://a.test,http://10.0.0.1/)", wants=NINE), "it names the host 10.0.0.1"),
    (scenario("http://[2001:db9::1]/", wants=NINE), "it names the host 2001:db9::1"),
    (scenario("http://notexample.com/", wants=NINE), "it names the host notexample.com"),
    (scenario("1", wants=[expects("on 2026-06-04")]), "it asks for the date of today"),
    (scenario("1\u202e", wants=NINE), "control or hidden characters"),
    (scenario("1", files={"a": "x\0"}, wants=NINE), "control or hidden characters"),
    (scenario(snippet="def f(:", wants=NINE), "is no code of the language"),
]


@pytest.mark.parametrize(("one", "why"), BAD, ids=range(len(BAD)))
def test_a_scenario_that_cannot_count_is_told_why(one: Scenario, why: str) -> None:
    assert why in (check(one) or "")


UNSTEADY = {
    Language.PYTHON: [
        ("import time\nprint(clamp(int(time.time()), 1, 2))", "the clock"),
        ("from datetime import date\nprint(date.today())", "the clock"),
        ("import urllib.request\n", "the network"),
        ("import random\nprint(clamp(random.random(), 1, 2))", "chance"),
        ("import subprocess\n", "another program"),
    ],
    Language.BASH: [
        ("source lib/clamp.sh\nclamp $RANDOM 1 2", "chance"),
        ('echo "$(date +%s)"', "the clock"),
        ("curl -s http://example.com", "the network"),
    ],
    Language.GO: [
        ('package main\n\nimport "time"\n\nfunc main() { println(time.Now().Unix()) }', "the clock"),
        (
            'package main\n\nimport (\n\t"fmt"\n\t"net/http"\n)\n\nfunc main() { fmt.Println(http.Get("x")) }',
            "the network",
        ),
        ('package main\n\nimport "math/rand"\n\nfunc main() { println(rand.Int()) }', "chance"),
    ],
    Language.RUST: [
        ("use std::time::Instant;\nfn main() { let now = Instant::now(); }", "the clock"),
        ("use std::net::TcpStream;\nfn main() {}", "the network"),
    ],
    Language.TYPESCRIPT: [
        ("console.log(new Date());", "the clock"),
        ("console.log(Math.random());", "chance"),
        ('import { get } from "node:https";', "the network"),
        ('await fetch("http://example.com");', "the network"),
    ],
}
URLS = {
    Language.PYTHON: "from clamp import read\n\nprint(read('{url}'))\n# https://arxiv.org/abs/1\n",
    Language.BASH: "source lib/clamp.sh\nread_from {url}\n# https://arxiv.org/abs/1\n",
    Language.GO: 'package main\n\nfunc main() {{ println("{url}") }}\n\n// https://arxiv.org/abs/1\n',
    Language.RUST: 'fn main() {{ println!("{url}"); }}\n// https://arxiv.org/abs/1\n',
    Language.TYPESCRIPT: "console.log(`{url}`);\n// https://arxiv.org/abs/1\n",
}
STEADY = {
    Language.PYTHON: "import random\n\nrandom.seed(3)\nprint(clamp(random.random(), 1, 2))",
    Language.GO: 'package main\n\nimport "math/rand"\n\nfunc main() { println(rand.New(rand.NewSource(1)).Int()) }',
    Language.TYPESCRIPT: "const update = new Date(0);\nconsole.log(update.getTime());",
}


@pytest.mark.parametrize(
    ("language", "code", "asked"), [(one, *pair) for one, pairs in UNSTEADY.items() for pair in pairs]
)
def test_code_that_asks_what_is_never_the_same_does_not_count(
    language: Language, code: str, asked: str
) -> None:
    assert f"the snippet asks {asked}, by " in (check(scenario(snippet=code, wants=NINE), language) or "")


@pytest.mark.parametrize(("language", "code"), STEADY.items())
def test_chance_with_a_seed_and_a_date_that_is_given_are_always_the_same(
    language: Language, code: str
) -> None:
    assert check(scenario(snippet=code, wants=NINE), language) is None


@pytest.mark.parametrize(("language", "code"), URLS.items())
def test_code_may_name_nobody_but_in_a_comment(language: Language, code: str) -> None:
    for url, told in (("http://example.com/x", None), ("http://somewhere.io/x", "the host somewhere.io")):
        said = check(scenario(snippet=code.format(url=url), wants=NINE), language)
        assert said is None if told is None else told in (said or "")


def test_the_same_call_counts_once_whatever_it_is_called() -> None:
    one = scenario("12", "3", "9", wants=NINE)
    again = one.model_copy(update={"title": "Another name", "behaviour": "It asks for the same."})
    assert check(again, Language.PYTHON, one) == "the same is asked by another scenario"
    assert check(again, Language.PYTHON, scenario("13", "3", "9", wants=NINE)) is None


def test_a_scenario_has_to_call_what_the_contract_names() -> None:
    bare = CONTRACT.model_copy(update={"commands": (), "functions": ()})
    for one in (scenario("1", wants=NINE), scenario(snippet="print(9)", wants=NINE)):
        assert "the contract names no" in (check_scenario(one, bare, Language.PYTHON, today=TODAY) or "")


def test_an_answer_from_the_contract_alone_agrees_where_it_gives_what_is_asked_for() -> None:
    asked = scenario(
        "1",
        exit_code=1,
        wants=[
            expects('{"a": 1}', form=Form.JSON),
            expects("wrong", of="stderr", form=Form.CONTAINS),
            expects("9", of="out.txt"),
        ],
    )
    assert solved_agrees(asked, 1, '{"b": 2, "a": 1.0}', "wrong way", {"out.txt": "9\n"})
    assert solved_agrees(asked, 1, '{"a": 1}', None, {"out.txt": "9"})
    assert not solved_agrees(asked, 0, '{"a": 1}', None, {"out.txt": "9"})
    assert not solved_agrees(asked, 1, '{"a": 2}', None, {"out.txt": "9"})
    assert not solved_agrees(asked, 1, '{"a": 1}', "fine", {"out.txt": "9"})
    assert not solved_agrees(asked, 1, '{"a": 1}', None, {})
