"""Code of a repo that runs when somebody installs it, by what its project files say."""

from __future__ import annotations

import ast
import configparser
import shlex
from collections.abc import Iterator

from factory_assets.domain.trees import Tree
from factory_assets.languages.project_files import project_folders, read_json, read_toml, table

_NPM_HOOKS = (
    *("preinstall", "install", "postinstall", "preprepare", "prepare", "postprepare"),
    *("prepublish", "dependencies"),
)
"""https://docs.npmjs.com/cli/using-npm/scripts: what `npm install` runs in a package."""

_PYTHON_HOOKS = (
    (("build-system",), "backend-path"),
    (("tool", "setuptools"), "cmdclass"),
    (("tool", "hatch", "build", "hooks"), "custom"),
    (("tool", "hatch", "metadata", "hooks"), "custom"),
    (("tool", "poetry"), "build"),
    (("tool", "pdm", "build"), "custom-hook"),
    (("tool", "pdm", "build"), "run-setuptools"),
)
_MOST_STEPS = 5
_PACKAGE_FINDERS = frozenset({"find_packages", "find_namespace_packages"})


def python_install_code(tree: Tree) -> Iterator[str]:
    """What building or installing a Python package would run, each with its place and how to do without."""
    if "setup.py" in tree and not _only_declares(tree["setup.py"].text):
        yield "setup.py does more than call setup() with plain values: declare the package in pyproject.toml"
    project = read_toml(tree, "pyproject.toml")
    for keys, name in _PYTHON_HOOKS:
        if name in table(project, *keys):
            yield f"pyproject.toml, [{'.'.join(keys)}] {name}: code of this repo builds the package; take it out"
    for name, value in table(project, "tool", "setuptools", "dynamic").items():
        attribute = value.get("attr") if isinstance(value, dict) else None
        if isinstance(attribute, str) and not _is_plain_value(tree, attribute):
            yield (
                f"pyproject.toml, [tool.setuptools.dynamic] {name}: {attribute} is no plain value: the code around it"
                " runs when the package is built; write the value there"
            )
    if table(project, "tool", "hatch", "version").get("source") == "code":
        yield "pyproject.toml, [tool.hatch.version] source: code of this repo runs for the version; name the path alone"
    settings = configparser.RawConfigParser(strict=False)
    try:
        settings.read_string(tree["setup.cfg"].text if "setup.cfg" in tree else "")
    except configparser.Error:
        return
    if settings.has_option("options", "cmdclass"):
        yield "setup.cfg, [options] cmdclass: code of this repo builds the package; take it out"


def _is_plain_value(tree: Tree, attribute: str) -> bool:
    """Whether what setuptools looks up stands there as a value, which it then reads without importing the module.

    See https://setuptools.pypa.io/en/latest/userguide/pyproject_config.html#dynamic-metadata. A name that comes from
    another module of the repo is followed: it is as plain there.
    """
    for _ in range(_MOST_STEPS):
        module, _, name = attribute.rpartition(".")
        path = module.replace(".", "/")
        places = [f"{folder}{path}{end}" for folder in ("", "src/") for end in ("/__init__.py", ".py")]
        place = next((place for place in places if place in tree), None)
        if place is None:
            # Where there is no such module, nothing is run, and the build says so.
            return True
        found = _assigned(
            tree[place].text, name, module if place.endswith("/__init__.py") else module.rpartition(".")[0]
        )
        if not isinstance(found, str):
            return found is not None and _is_value(found)
        attribute = found
    return False


def _assigned(script: str, name: str, package: str) -> ast.expr | str | None:
    """The value that a module gives a name at its top, or from where it takes it, in full; None for anything else."""
    try:
        statements = ast.parse(script).body
    except (SyntaxError, ValueError, RecursionError):
        return None
    for statement in reversed(statements):
        match statement:
            case ast.Assign(targets=targets, value=value) if any(_is_name(one, name) for one in targets):
                return value
            case ast.AnnAssign(target=target, value=value) if _is_name(target, name):
                return value
            case ast.ImportFrom(module=module, names=names, level=level):
                taken = next((one.name for one in names if (one.asname or one.name) == name), None)
                if taken is not None:
                    parts = package.split(".")
                    above = parts[: len(parts) + 1 - level] if level else []
                    return ".".join([*filter(None, above), *([module] if module else []), taken])
            case _:
                pass
    return None


def _is_name(target: ast.expr, name: str) -> bool:
    return isinstance(target, ast.Name) and target.id == name


def _only_declares(script: str) -> bool:
    try:
        statements = ast.parse(script).body
    except (SyntaxError, ValueError, RecursionError):
        return False
    return all(_is_declaration(statement) for statement in statements)


def _is_declaration(statement: ast.stmt) -> bool:
    match statement:
        case ast.Import(names=names):
            return all(name.name == "setuptools" for name in names)
        case ast.ImportFrom(module="setuptools" | "__future__"):
            return True
        case ast.Expr(value=ast.Constant()):
            return True
        case ast.Expr(value=ast.Call() as call):
            return _called(call) == "setup" and _plain(call)
        case _:
            return False


def _plain(call: ast.Call) -> bool:
    """Whether the arguments are values that stand there, or the packages that setuptools finds."""
    values = [*call.args, *(keyword.value for keyword in call.keywords)]
    return all(_is_value(value) for value in values)


def _is_value(value: ast.expr) -> bool:
    if isinstance(value, ast.Call):
        return _called(value) in _PACKAGE_FINDERS and _plain(value)
    try:
        ast.literal_eval(value)
    except (ValueError, TypeError, RecursionError):
        return False
    return True


def _called(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=ast.Name(id="setuptools"), attr=name):
            return name
        case _:
            return ""


def npm_install_code(tree: Tree) -> Iterator[str]:
    """What `npm install` would run, in the packages of the repo that it installs as well."""
    for folder in _installed(tree):
        scripts = table(read_json(tree, f"{folder}package.json"), "scripts")
        for name in _NPM_HOOKS:
            if name in scripts and not (name == "prepare" and _compiles(scripts, scripts[name], depth=3)):
                yield (
                    f'{folder}package.json, scripts.{name}: "{scripts[name]}" runs when the package is installed;'
                    " take it out"
                )
        if f"{folder}binding.gyp" in tree:
            yield f"{folder}binding.gyp: npm builds it when the package is installed; take it out"


def _installed(tree: Tree) -> Iterator[str]:
    """The top, and the folders of all other packages where package.json takes any in."""
    manifest = read_json(tree, "package.json")
    kinds = ("dependencies", "devDependencies", "optionalDependencies")
    taken = [str(place) for kind in kinds for place in table(manifest, kind).values()]
    if "workspaces" in manifest or any(place.startswith(("file:", "link:", ".")) for place in taken):
        yield from project_folders(tree, "package.json")
    else:
        yield ""


def _compiles(scripts: dict[str, object], command: object, *, depth: int) -> bool:
    """Whether a script is the compiler, or `npm run` of one that is: then it installs what would be published."""
    try:
        words = shlex.split(command) if isinstance(command, str) else []
    except ValueError:
        return False
    if not words or not depth or any(char in str(command) for char in ";&|`$<>\n"):
        return False
    if words[:2] == ["npm", "run"] and len(words) == 3:
        around = (f"pre{words[2]}", f"post{words[2]}")
        return not any(name in scripts for name in around) and _compiles(
            scripts, scripts.get(words[2]), depth=depth - 1
        )
    return words[0] == "tsc"


def cargo_install_code(tree: Tree) -> Iterator[str]:
    """What building a crate of the repo would run without need."""
    for folder in project_folders(tree, "Cargo.toml"):
        project = read_toml(tree, f"{folder}Cargo.toml")
        declared = table(project, "package").get("build", "build.rs")
        script = tree.get(f"{folder}{declared}") if isinstance(declared, str) else None
        needs = "links" in table(project, "package") or table(project, "build-dependencies")
        if script is None or needs:
            continue
        if not any(word in script.text for word in ("cargo:rustc-", "cargo::rustc-", "OUT_DIR")):
            yield f"{folder}{declared} runs when the crate is built, and gives the compiler nothing; take it out"
