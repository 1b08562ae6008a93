"""Where a source in Python can be made wrong."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from factory_assets.languages.faults import TOKENS, Faults, words

_RESULTS = {
    **dict.fromkeys(("int", "float"), "({}) + 1"),
    "bool": "not ({})",
    "str": "({}) + 'x'",
    "bytes": "({}) + b'x'",
    "dict": "dict()",
    "set": "set()",
    "frozenset": "frozenset()",
    "tuple": "()",
    **dict.fromkeys(("list", "Sequence"), "[]"),
    **dict.fromkeys(("Iterator", "Iterable", "Generator"), "iter(())"),
}
_FORMS = {
    **dict.fromkeys(("list", "list_comprehension"), "[]"),
    **dict.fromkeys(("tuple", "expression_list"), "({})[::-1]"),
    **dict.fromkeys(("string", "concatenated_string"), "({}) + 'x'"),
    **dict.fromkeys(("comparison_operator", "boolean_operator", "not_operator"), "not ({})"),
}


def _returned(node: Node, result: str) -> Iterator[tuple[Node, str]]:
    for value in node.named_children[:1]:
        yield value, _RESULTS.get(result.partition("[")[0]) or _FORMS.get(value.type, "None")


FAULTS = Faults(
    names=words("identifier"),
    functions=words("function_definition"),
    constants=words("assignment"),
    calls={"call": "function"},
    members=words("attribute"),
    imports=words("import_statement import_from_statement"),
    left_alone=words("decorator type parameters raise_statement assert_statement"),
    operations=words("binary_operator comparison_operator boolean_operator augmented_assignment"),
    tokens=TOKENS | {"and": "or", "or": "and", "is": "is not", "in": "not in"},
    literals={"True": "False", "False": "True"},
    conditions=dict.fromkeys(("if_statement", "elif_clause", "if_clause"), "not ({})"),
    strings=words("string"),
    numbers=words("integer float"),
    shown=words("return_statement dictionary list tuple set case_clause"),
    printers=words("print write echo append join"),
    unnoticed=words("add_argument add_parser set_defaults ArgumentParser debug info warning"),
    statements={"expression_statement": "pass"},
    deleted=words("call await"),
    result="return_type",
    returns=words("return_statement"),
    returned=_returned,
)
