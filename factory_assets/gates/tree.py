"""Gates of every phase's commit: nothing that points out of the repo, nothing huge.

Every phase's commit ships as history, so each is looked at, not only the last.
"""

from __future__ import annotations

import posixpath
import re

from factory_assets.domain.builds import GateVerdict, Phase
from factory_assets.domain.trees import SYMLINK, Tree, TreeFile
from factory_assets.gates.names import TREE_SAFE
from factory_assets.languages.faults import words

LARGEST_TEXT, LARGEST_BINARY = 1_000_000, 100_000
MOST_FILES = 500
# What programs read when somebody opens the folder, and can run commands from.
OPENED_FILES = words(
    ".envrc .mcp.json .devcontainer.json .gitpod.yml .gitpod.dockerfile .replit .mise.toml mise.toml "
    ".exrc .nvimrc .nvim.lua .vimrc .dir-locals.el .gdbinit .lldbinit"
)
OPENED_FOLDERS = words(
    ".claude .codex .cursor .devcontainer .fleet .gemini .idea .kiro .mise .roo .vscode .windsurf .zed"
)

# The first bytes of ELF, of Mach-O in both orders and for several processors, and of MS-DOS, whose header tells at 60
# where that of Windows begins: https://learn.microsoft.com/windows/win32/debug/pe-format.
_PROGRAMS = (b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xfe\xed\xfa\xcf", b"\xfe\xed\xfa\xce")
_DOS, _WINDOWS, _TOLD_AT = b"MZ", b"PE\0\0", slice(60, 64)
# What turns a line around for whoever reads it (https://trojansource.codes), letters that only programs read, and rows
# of characters without a width; flags of regions are written with such letters.
_UNSEEN = re.compile("[\u202a-\u202e\u2066-\u2069]|[\U000e0000-\U000e007f]|[\u200b-\u200d\u2060\ufeff]{4,}")
_FLAGS = re.compile("\U0001f3f4[\U000e0020-\U000e007e]{2,6}\U000e007f")
_TEST_DATA = frozenset({"tests", "test", "testdata", "fixtures"})


def judge_tree(phase: Phase, tree: Tree) -> GateVerdict:
    """Refuse links out of the repo, settings that act when it is opened, but for data of tests compiled programs and
    text that nobody sees, more than 500 files, and any file over 1 MB, or over 100 kB when it is no text.
    """
    faults = [
        f"{path} is a link to {(file.data or b'').decode(errors='replace')}, outside the repo"
        for path, file in tree.items()
        if file.mode == SYMLINK and _leads_out(path, (file.data or b"..").decode(errors="replace"))
    ]
    faults += [f"{path} acts on whoever opens the repo" for path in tree if _acts_when_opened(path)]
    faults += [
        f"{path} is a compiled program, which nobody can read: keep its source, and build it"
        for path, file in tree.items()
        if _is_program(file.data or b"") and _TEST_DATA.isdisjoint(path.split("/")[:-1])
    ]
    faults += [
        f"{path} holds characters that nobody sees: {_shown(unseen[0])}"
        for path, file in tree.items()
        if _is_text(file) and _TEST_DATA.isdisjoint(path.split("/")[:-1])
        if (unseen := _UNSEEN.search(_FLAGS.sub("", file.text)))
    ]
    faults += [
        f"{path} has {file.size:,} bytes; a file may have {LARGEST_TEXT:,}, or {LARGEST_BINARY:,} when it is no text"
        for path, file in tree.items()
        if file.size > (LARGEST_TEXT if _is_text(file) else LARGEST_BINARY)
    ]
    if len(tree) > MOST_FILES:
        faults.append(f"{len(tree)} files")
    return GateVerdict(
        gate=TREE_SAFE,
        phase=phase,
        passed=not faults,
        saw="; ".join(faults) if faults else f"{len(tree)} files, no link out of the repo",
        fix="Build the repo again; see the commit kept under refs/factory/failed." if faults else "",
    )


def _shown(unseen: str) -> str:
    return " ".join(f"U+{ord(char):04X}" for char in unseen[:4])


def _is_program(data: bytes) -> bool:
    at = int.from_bytes(data[_TOLD_AT], "little")
    return data.startswith(_PROGRAMS) or (data.startswith(_DOS) and data[at : at + len(_WINDOWS)] == _WINDOWS)


def _is_text(file: TreeFile) -> bool:
    try:
        return b"\0" not in (file.data or b"\0") and bool((file.data or b"").decode())
    except UnicodeDecodeError:
        return False


def _acts_when_opened(path: str) -> bool:
    parts = [part.casefold() for part in path.split("/")]
    return parts[-1] in OPENED_FILES or not OPENED_FOLDERS.isdisjoint(parts[:-1])


def _leads_out(path: str, target: str) -> bool:
    resolved = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    return target.startswith("/") or resolved == ".." or resolved.startswith("../")
