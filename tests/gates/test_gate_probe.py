"""The failing test that the gates put into a repo's test files, as the language's own runner must take it."""

from __future__ import annotations

from build_material import tree_of

from factory_assets.domain.specs import Language
from factory_assets.gates.probe import probes

_TEST_MAIN = "package tool\n\nfunc TestMain(m *testing.M) {\n\tos.Exit(m.Run())\n}\n"


def test_a_probe_in_go_is_called_as_a_test_and_not_as_testmain() -> None:
    text = f"{_TEST_MAIN}\nfunc TestSize(t *testing.T) {{\n\tt.Log()\n}}\n"
    (probe,) = probes(Language.GO, tree_of({"tool_test.go": text}), seed="1")
    assert f"func {probe.name}(t *testing.T) {{ t.Fatal() }}" in probe.text


def test_a_go_file_with_nothing_but_testmain_takes_no_probe() -> None:
    assert tuple(probes(Language.GO, tree_of({"tool_test.go": _TEST_MAIN}), seed="1")) == ()
