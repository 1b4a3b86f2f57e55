"""The grammar of alert expressions, such as ``temperature < 28 F and wind_speed < 3``."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from lark import Lark, Token, Tree, UnexpectedCharacters, UnexpectedInput, UnexpectedToken

if TYPE_CHECKING:
    from collections.abc import Iterable

# LALR(1): time is linear in the length of the text, without recursion, so that no text can exhaust the stack.
_GRAMMAR = r"""
?condition: conjunction ("or" conjunction)*
?conjunction: inversion ("and" inversion)*
?inversion: "not" inversion -> inversion
          | comparison
?comparison: sum (COMPARISON sum)*
?sum: product ((PLUS | MINUS) product)*
?product: factor ((TIMES | DIVIDED_BY) factor)*
?factor: MINUS factor -> minus
       | atom
?atom: QUANTITY -> quantity
     | TEXT -> text
     | NAME -> name
     | NAME "(" (sum ("," sum)*)? ")" -> call
     | "(" condition ")"
COMPARISON: /<=|>=|==|!=|<(?!>)|>/
PLUS: "+"
MINUS: "-"
TIMES: "*"
DIVIDED_BY: "/"
QUANTITY: /([0-9]+(\.[0-9]*)?|\.[0-9]+)([ \t\r\n]*(?!(?i:and|or|not)\b)(%|°([ ]?[CF]\b)?|@WORD@([0-9.]+[a-z]+)*))?/
TEXT: /"[^"\n]*"|'[^'\n]*'/
NAME: /[A-Za-z_][A-Za-z_0-9]*/
%ignore /[ \t\r\n]+/
"""
_UNIT_WORD = r"[A-Za-z]+(\/[hs]\b)?"
_MAX_LENGTH = 1000  # characters
_MAX_TOKENS = 200  # so that functions that recurse through the tree need a small part of Python's stack
_EXAMPLE = "an expression compares names and numbers, as in temperature < 0 and wind_speed < 3"
_CHARACTER_HINTS = {
    "=": "write == to compare, or an order such as <=",
    "!": "write != or not",
    "<": "write !=",  # of <>, because any other < is a comparison
    "&": "write and",
    "|": "write or",
    "^": "write or",
    "≤": "write <=",
    "≥": "write >=",
    "≠": "write !=",
    "\u2212": "write the sign -",
    '"': 'a text ends with the same quote: provider == "nws"',
    "'": "a text ends with the same quote: provider == 'nws'",
}
_TOKEN_NAMES = {
    "NAME": "a name",
    "QUANTITY": "a number",
    "LPAR": "'('",
    "RPAR": "')'",
    "COMMA": "','",
    "COMPARISON": "a comparison",
    "AND": "and",
    "OR": "or",
    "NOT": "not",
    "$END": "the end",
}  # in the order of the message


class ExpressionError(ValueError):
    """An expression is rejected: a message with a hint, and the column of the text, from 1, that it is about."""

    def __init__(self, message: str, column: int) -> None:
        super().__init__(message)
        self.column = column


def parse_expression(text: str) -> Tree[Token]:
    """Parse an expression into a tree of the grammar's rules. Raises ExpressionError.

    At most 1,000 characters and 200 words, numbers and signs are accepted.
    """
    if len(text) > _MAX_LENGTH:
        raise ExpressionError(f"is longer than {_MAX_LENGTH:,} characters; split it into several rules", 1)
    try:
        parser = _parser()
        for number, token in enumerate(parser.lex(text, dont_ignore=False)):
            if number == _MAX_TOKENS:
                message = f"has more than {_MAX_TOKENS} words, numbers and signs; split it into several rules"
                raise ExpressionError(message, (token.start_pos or 0) + 1)
        return parser.parse(text)
    except UnexpectedInput as error:
        raise _explain(error, text) from None


@functools.cache
def _parser() -> Lark:
    return Lark(
        _GRAMMAR.replace("@WORD@", _UNIT_WORD),
        start="condition",
        parser="lalr",
        lexer="basic",
        propagate_positions=True,
    )


def _explain(error: UnexpectedInput, text: str) -> ExpressionError:
    position: Any = error.pos_in_stream  # whose declared type is that of another class
    column = min(max(position or 0, 0), max(len(text) - 1, 0)) + 1
    if isinstance(error, UnexpectedCharacters):
        hint = _CHARACTER_HINTS.get(error.char, _EXAMPLE)
        return ExpressionError(f"has {error.char!r}, which has no meaning here; {hint}", column)
    if not text.strip():
        return ExpressionError(f"is empty; {_EXAMPLE}", 1)
    if not isinstance(error, UnexpectedToken):
        return ExpressionError(f"cannot be read from here; {_EXAMPLE}", column)
    parser: Any = error.interactive_parser
    expected = _list_expected(parser.accepts() if parser else error.expected)
    expected = f"expected {expected}" if expected else _EXAMPLE
    if error.token.type == "COMMA" and text[: column - 1][-1:].isdigit():
        expected = "a number has a decimal point, as in 3.5"
    if error.token.type == "RPAR" and text[:column].count(")") > text[:column].count("("):
        expected = "it closes a parenthesis that was not opened"
    if error.token.type == "$END":
        return ExpressionError(f"ends too early; {expected}", max(len(text.rstrip()), 1))
    return ExpressionError(f"has {str(error.token)!r} at an unexpected place; {expected}", column)


def _list_expected(terminals: Iterable[str]) -> str:
    found = [name for terminal, name in _TOKEN_NAMES.items() if terminal in set(terminals)]
    return " or ".join([", ".join(found[:-1]), found[-1]] if found[1:] else found)
