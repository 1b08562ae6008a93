"""Python."""

from __future__ import annotations

import ast
import json
import re
import secrets
from collections.abc import Collection, Iterator, Mapping
from functools import partial
from pathlib import Path, PurePosixPath

import tree_sitter_python
from pydantic import BaseModel, ConfigDict, ValidationError
from tree_sitter import Language as Grammar
from tree_sitter import Node

from factory_assets.dependencies.python import PYTHON_PACKAGES
from factory_assets.domain import reserved
from factory_assets.domain.code_imports import Import
from factory_assets.domain.trees import Tree
from factory_assets.languages.base import MAKE, OPTION, LanguageRecord, Naming, Stubs, Tests
from factory_assets.languages.clocks import python_clock
from factory_assets.languages.faults import words
from factory_assets.languages.install_code import python_install_code
from factory_assets.languages.parsing import Source, line_of, nodes
from factory_assets.languages.parts import Facts, Test
from factory_assets.languages.project_files import python_folders
from factory_assets.languages.pytest_options import kept_options
from factory_assets.languages.python_faults import FAULTS
from factory_assets.languages.python_programs import ENTRY_POINTS, GIVEN
from factory_assets.languages.test_runs import OwnTests, RunOutcome, TestCase, TestPlan, TestReport, TestStep
from factory_assets.languages.unsteady import Unsteady, asking

_IMPORTING = frozenset({"import_module", "__import__", "importorskip"})
_FAILURES = frozenset({"ImportError", "ModuleNotFoundError", "Exception"})
_CONDITIONS = frozenset({"TYPE_CHECKING", "version_info", "platform", "find_spec"})

_HAS_PYTEST = (
    """python3 -c 'import sys; from importlib.util import find_spec; sys.exit(not find_spec("pytest"))'"""
)
_PARSING = frozenset({"add_argument", "option", "Option"})
_AROUND = words(
    "module block decorated_definition expression_statement if_statement elif_clause else_clause try_statement "
    "except_clause finally_clause"
)


def _imports(tree: Tree, sources: Mapping[str, Source]) -> Iterator[Import]:
    modules = _own_modules(tree)
    for path, source in sources.items():
        # setup.py is run by the build system, which pyproject.toml names itself.
        if path == "setup.py":
            continue
        own = modules[""] | modules.get(str(PurePosixPath(path).parent), set())
        optional = _not_needed(source)
        for node in source.nodes("import_statement", "import_from_statement", "call"):
            for name in {module.partition(".")[0] for module in _imported(source, node)} - own - GIVEN:
                may_fail = line_of(node) in optional or _callee(source, node) == "importorskip"
                yield Import(name, path, line_of(node), may_fail, on_demand=_is_in_a_function(node))


def _own_modules(tree: Tree) -> dict[str, set[str]]:
    """The modules in each folder; under "" those that an import from anywhere can reach.

    A folder with an `__init__.py` is a package: what is in it is no module of its own, but for scripts beside it.
    """
    packages = {str(PurePosixPath(path).parent) for path in tree if path.endswith("__init__.py")}
    modules: dict[str, set[str]] = {"": set()}
    for path in tree:
        if not path.endswith(".py"):
            continue
        parts = PurePosixPath(path)
        for module in (parts.with_suffix(""), *parts.parents[:-1]):
            folder = str(module.parent)
            modules.setdefault(folder, set()).add(module.name)
            if folder not in packages:
                modules[""].add(module.name)
    return modules


def _imported(source: Source, node: Node) -> Iterator[str]:
    """The modules that a statement imports, or a call to one of importlib's functions with a constant."""
    if node.type == "call":
        arguments = node.child_by_field_name("arguments")
        words = arguments.named_children if arguments else []
        constant = words[0] if words and words[0].type == "string" else None
        if _callee(source, node) in _IMPORTING and constant and not any(nodes(constant, "interpolation")):
            name = "".join(source.text(part) for part in nodes(constant, "string_content"))
            yield from [name] if not name.startswith(".") else ()
        return
    field = "name" if node.type == "import_statement" else "module_name"
    for named in node.children_by_field_name(field):
        module = named.child_by_field_name("name") or named
        if module.type == "dotted_name":
            yield source.text(module)


def _is_in_a_function(node: Node) -> bool:
    around = node.parent
    while around is not None and around.type != "function_definition":
        around = around.parent
    return around is not None


def _callee(source: Source, node: Node) -> str:
    """The last name of what is called; empty for what is no call."""
    called = node.child_by_field_name("function") if node.type == "call" else None
    return source.text(called.child_by_field_name("attribute") or called) if called else ""


def _not_needed(source: Source) -> set[int]:
    """The lines on which an import may fail, or is the substitute of one that failed, or hangs on the version, the
    platform, a module that was looked for, or a type checker.
    """
    guarded: list[Node] = []
    for node in source.nodes("try_statement", "if_statement", "with_statement"):
        if node.type == "try_statement":
            handlers = [child for child in node.named_children if child.type == "except_clause"]
            for handler in handlers:
                caught = handler.child_by_field_name("value")
                if caught is None or _names(source, caught, _FAILURES):
                    guarded += [node.named_children[0], handler]
        elif _names(source, node.named_children[0], _FAILURES | _CONDITIONS):
            guarded.append(node)
    return {row + 1 for node in guarded for row in range(node.start_point.row, node.end_point.row + 1)}


def _names(source: Source, node: Node, known: frozenset[str]) -> bool:
    return any(source.text(name) in known for name in nodes(node, "identifier"))


def _interface(path: str, source: Source) -> Iterator[tuple[str, str]]:
    # Nobody imports a __main__; its functions are the command's own.
    parts = path.removesuffix(".py").split("/")
    if not any(part == "__main__" or (part.startswith("_") and not part.endswith("__")) for part in parts):
        yield from _declared(path, source)
    for call in source.nodes("call"):
        if _callee(source, call) in _PARSING and (arguments := call.child_by_field_name("arguments")):
            words = [
                source.text(one).strip("\"'") for one in arguments.named_children if one.type == "string"
            ]
            yield from ((f"option {word}", OPTION) for word in words if word.startswith("--"))


def _declared(path: str, source: Source) -> Iterator[tuple[str, str]]:
    """Functions, classes and their fields, but for private ones and what stands in functions."""
    stack = [(source.root, f"{path}: ", False)]
    while stack:
        node, prefix, in_class = stack.pop()
        named = node.child_by_field_name("name") or node.child_by_field_name("left")
        name = source.text(named) if named else ""
        if node.type == "function_definition":
            if not name.startswith("_") or (in_class and name == "__init__"):
                yield f"{prefix}{name}", _signature(source, node)
        elif node.type == "class_definition":
            bases = node.child_by_field_name("superclasses")
            if not name.startswith("_"):
                yield f"{prefix}{name}", f"class{source.text(bases) if bases else '()'}"
                stack += [(child, f"{prefix}{name}: ", True) for child in node.named_children]
        elif node.type == "assignment":
            if in_class and node.child_by_field_name("type") and not name.startswith("_"):
                yield f"{prefix}{name}", "a field"
        elif node.type in _AROUND:
            stack += [(child, prefix, in_class) for child in node.named_children]


def _signature(source: Source, node: Node) -> str:
    """Names and kinds of the parameters, and which have defaults: annotations may be fixed."""
    parameters = node.child_by_field_name("parameters")
    words = []
    for one in parameters.named_children if parameters else []:
        named = one.child_by_field_name("name") or (
            one.named_children[0] if one.type == "typed_parameter" else one
        )
        words.append(
            source.text(named)
            + ("=..." if one.type in {"default_parameter", "typed_default_parameter"} else "")
        )
    kind = "async def" if node.children[0].type == "async" else "def"
    return f"{kind}({', '.join(words)})"


def _parse_faults(text: str) -> Iterator[tuple[int, str]]:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = error.lineno if isinstance(error, SyntaxError) else None
        yield line or 1, f"does not parse as Python: {error}"


def _tests(facts: Facts, helpers: Collection[str]) -> Iterator[Test]:
    del helpers
    initialised = {id(part.owner) for part in facts.functions if part.name == "__init__"}
    for function in facts.functions:
        owner = function.owner
        is_fixture = any("fixture" in mark for mark in function.marks)
        if not function.name.startswith("test") or is_fixture or function.is_nested:
            continue
        is_off = any(part.start <= function.start < part.end for part in facts.untested) or not (
            owner is None
            or any("TestCase" in base for base in owner.bases)
            or (owner.name.startswith("Test") and id(owner) not in initialised)
        )
        name = f"{owner.name}::{function.name}" if owner else function.name
        yield Test(function, name, is_told=not is_off, is_off=is_off)


_FACTS = """
(comment) @comment
(string) @string
(decorator) @mark
(block . (expression_statement (string) @docstring))
(module . (expression_statement (string) @docstring))
(function_definition name: (_) @name return_type: (_)? @returns body: (_) @body) @function
((function_definition name: (_) @_name) @public (#not-match? @_name "^_"))
(class_definition name: (_) @name superclasses: (argument_list (_) @base)?) @owner
(call function: (_) @called) @call
(assignment right: (call) @valued)
(return_statement (call) @valued)
(argument_list (call) @valued)
(comparison_operator (call) @valued)
(binary_operator (call) @valued)
(for_statement right: (call) @valued)
(interpolation (call) @valued)
(attribute object: (call) @valued)
(argument_list (identifier) @passed)
(argument_list (attribute attribute: (identifier) @passed))
(keyword_argument value: (identifier) @passed)
(default_parameter value: (identifier) @passed)
(typed_default_parameter value: (identifier) @passed)
(default_parameter value: (call function: (_) @passed))
(typed_default_parameter value: (call function: (_) @passed))
(raise_statement) @refusal
((class_definition body: (block (expression_statement (assignment left: (_) @_name right: (false)))))
  @untested (#eq? @_name "__test__"))
((module (expression_statement (assignment left: (_) @_name right: (false)))) @untested (#eq? @_name "__test__"))
((module (expression_statement (call function: [(identifier) @_name (attribute attribute: (_) @_name)]))) @untested
  (#any-of? @_name "skip" "importorskip"))
((module (expression_statement (assignment left: (_) @_marks right: [
    (attribute attribute: (_) @_name)
    (call function: (attribute attribute: (_) @_name))
    (list [(attribute attribute: (_) @_name) (call function: (attribute attribute: (_) @_name))])
  ]))) @untested (#eq? @_marks "pytestmark") (#any-of? @_name "skip" "skipif" "xfail"))
(assert_statement . (_) @assertion)
((function_definition name: (_) @chooser) (#match? @chooser "^pytest_"))
((module (expression_statement (assignment left: (_) @chooser)))
  (#any-of? @chooser "collect_ignore" "collect_ignore_glob" "pytest_plugins"))
(boolean_operator (identifier) @passed)
(conditional_expression (identifier) @passed)
(assignment right: (identifier) @passed)
(return_statement (identifier) @passed)
"""


_DRIVER = Path(__file__).with_name("pytest_driver.py")


class _PytestReport(BaseModel):
    model_config = ConfigDict(frozen=True)

    cases: tuple[tuple[str, RunOutcome, bool], ...]


def read_pytest(output: str, *, mark: str) -> TestReport:
    """Read the one line that languages/pytest_driver.py ends with.

    Raises:
        ValueError: when there is no such line, or more than one.
    """
    lines = [line.removeprefix(mark) for line in output.splitlines() if line.startswith(mark)]
    if not lines:
        raise ValueError("the run ended before pytest had reported")
    if len(lines) > 1:
        raise ValueError("something other than the factory's runner wrote a report")
    try:
        report = _PytestReport.model_validate_json(lines[0])
    except ValidationError as error:
        raise ValueError(f"the report is not readable: {error.error_count()} faults") from error
    return TestReport(tuple(TestCase(*case) for case in report.cases))


def _steps(plan: TestPlan) -> tuple[TestStep, ...]:
    mark = f"@{secrets.token_hex(16)}@"
    folder = plan.folder.resolve()
    own = [folder / name for name in python_folders(plan.tree)]
    folders = dict.fromkeys(str(path) for path in own if path.is_relative_to(folder))
    installed = [path for path in plan.env.get("PYTHONPATH", "").split(":") if path]
    arguments = ([*folders, *installed], plan.files, kept_options(plan.tree))
    return (
        TestStep(
            argv=(
                *("python3", "-I", "-c", _DRIVER.read_text(encoding="utf-8")),
                *(mark, *map(json.dumps, arguments)),
            ),
            read=partial(read_pytest, mark=mark),
            hidden=mark,
        ),
    )


def _probe(path: str, text: str, word: str) -> tuple[str, str]:
    name = f"test_{word}"
    test = f"\n\ndef {name}():\n    assert [] == [0]\n"
    # Where unittest runs the tests, it finds nothing but its own classes.
    owner = f"Test{word.title().replace('_', '')}"
    case = (
        f"\n\nimport unittest as {word}\n\n\nclass {owner}({word}.TestCase):\n"
        f"    def {name}(self):\n        self.fail()\n"
    )
    return f"{text}{test}{case if 'unittest' in text else ''}", f"{path}::{name}"


RECORD = LanguageRecord(
    naming=Naming(spellings=words("py cpython"), taken=frozenset(reserved.PYTHON), joint="_", by_module=True),
    grammar=Grammar(tree_sitter_python.language()),
    facts=_FACTS,
    tests=Tests(
        path=re.compile(r"^(?:tests/(?:.*/)?)?(?:test_[^/]*|[^/]*_test)\.py$"),
        live_in="tests/test_*.py files with test functions",
        read=_tests,
        steering=frozenset({"conftest.py"}),
        key=lambda name: name.split("[", 1)[0],
        names_are_certain=True,
        failing=frozenset({"fail"}),
        asserting=("assert", "check", "expect", "verify", "raises", "warns"),
        skips=words("skip skipif skipIf skipUnless skipTest xfail expectedFailure importorskip"),
    ),
    parse_faults=_parse_faults,
    stubs=Stubs(
        statements=frozenset({"pass", "..."}),
        returns=frozenset({"return", "return None"}),
        refusals=("raise NotImplementedError",),
        plain_marks=(
            *("staticmethod", "classmethod", "property", "cache", "lru_cache", "override"),
            *("functools.", "typing."),
        ),
    ),
    source_suffixes=(".py",),
    needs=(MAKE, ("python3", "command -v python3"), ("pytest", _HAS_PYTEST)),
    install_code=python_install_code,
    read_imports=_imports,
    configuration=words(
        "*.pth pyproject.toml setup.cfg setup.py pytest.ini .pytest.ini pytest.toml .pytest.toml tox.ini .coveragerc "
        "noxfile.py sitecustomize.py usercustomize.py ruff.toml .ruff.toml mypy.ini requirements*.txt uv.lock "
        "poetry.lock Pipfile Pipfile.lock"
    ),
    faults=FAULTS,
    read_interface=_interface,
    check_syntax=("python3", "-I", "-c", "import ast, sys; ast.parse(open(sys.argv[1], 'rb').read())"),
    entry_points=ENTRY_POINTS,
    scaffold={"pyproject.toml": "pyproject.toml.j2", "{module}/__init__.py": "package_init.py.j2"},
    clock=python_clock,
    own_tests=OwnTests(name="python3 -m pytest", steps=_steps, probe=_probe),
    unsteady=Unsteady(
        importing=("import_statement", "import_from_statement"),
        modules=asking(
            clock="time",
            network="socket ssl http.client http.server urllib.request urllib3 requests httpx aiohttp",
            chance="random secrets uuid",
            programs="subprocess",
        ),
        calls=asking(
            clock="now utcnow today", programs="os.system os.popen", chance="os.urandom os.getpid id hash"
        ),
        seeds=words("seed Random default_rng"),
    ),
    packages=PYTHON_PACKAGES,
)
