"""Tests that a macro of the file writes, in Rust."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from factory_assets.languages.parsing import line_of, nodes
from factory_assets.languages.parts import Facts, Part, Test, holds


def made_by_macros(facts: Facts, closed: Sequence[Part], assertions: Collection[str]) -> Iterator[Test]:
    """A test for each call of a macro of the file that writes one: https://doc.rust-lang.org/reference/macros-by-example."""
    source = facts.source
    proofs: dict[str, int] = {}
    for macro in source.nodes("macro_definition"):
        marks = (source.text(one) for one in nodes(macro, "token_tree"))
        name = macro.child_by_field_name("name")
        if name is not None and any("".join(mark.split()) == "[test]" for mark in marks):
            called = {source.text(one) for one in nodes(macro, "identifier")}
            proofs[source.text(name)] = len(called.intersection(assertions))
    for call in source.nodes("macro_invocation") if proofs else ():
        macro_name = call.child_by_field_name("macro")
        made = source.text(macro_name) if macro_name else ""
        if made in proofs:
            part = Part(source.data, call.start_byte, call.end_byte, line_of(call))
            given = next((source.text(one) for one in nodes(call, "identifier") if one != macro_name), made)
            is_off = holds(closed, call.start_byte)
            yield Test(part, given, is_told=False, is_off=is_off, proofs=proofs[made])
