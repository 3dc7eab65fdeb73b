"""Which events of a kind are recorded: `order > 3 && comm != "init"` (kernel/trace/trace_events_filter.c).

Known deviations: `call_site`, a word here and a number in Linux, is not found; no bit masks of CPUs, no `.function`.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from memsh.linux.include.trace_events import Event

Tree = tuple[Any, ...]  # (or, left, right), (and, left, right), (not, tree), (is, field, operator, value)
COMMON = {"common_pid": False, "comm": True, "COMM": True, "cpu": False, "CPU": False, "common_cpu": False}
HIDDEN = "call_site"
_OPERATORS = ("==", "!=", "~", "<=", "<", ">=", ">", "&")


class BadFilter(Exception):
    """What is wrong, in the kernel's words, and where."""

    def __init__(self, words: str, place: int) -> None:
        super().__init__(words)
        self.words, self.place = words, place


class _Parser:
    def __init__(self, text: str, event: Event) -> None:
        self.text, self.at = text, 0
        own = {field.name: field.type.startswith("char[") for field in event.fields if field.name != HIDDEN}
        self.fields = {**COMMON, **own}  # whether each is a string

    def blanks(self) -> None:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1

    def took(self, word: str) -> bool:
        self.blanks()
        if self.text.startswith(word, self.at):
            self.at += len(word)
            return True
        return False

    def either(self) -> Tree:
        tree = self.both()
        while self.took("||"):
            tree = ("or", tree, self.both())
        return tree

    def both(self) -> Tree:
        tree = self.one()
        while self.took("&&"):
            tree = ("and", tree, self.one())
        return tree

    def one(self) -> Tree:
        if self.took("!"):
            return ("not", self.one())
        if self.took("("):
            tree = self.either()
            if not self.took(")"):
                raise BadFilter("Too many '('", self.at)
            return tree
        return self.predicate()

    def predicate(self) -> Tree:
        self.blanks()
        start = self.at
        found = re.compile(r"\w+", re.ASCII).match(self.text, start)
        if found is None:
            raise BadFilter("No filter found" if start >= len(self.text) else "Field not found", start)
        field, self.at = found[0], found.end()
        if field not in self.fields:
            raise BadFilter("Field not found", self.at)
        self.blanks()
        operator = next((one for one in _OPERATORS if self.text.startswith(one, self.at)), None)
        if operator is None:
            raise BadFilter("Invalid operator", self.at)
        self.at += len(operator)
        self.blanks()
        if self.fields[field]:
            return ("is", field, operator, self.string(operator))
        if operator == "~":
            raise BadFilter("Illegal operation for field type", self.at)
        return ("is", field, operator, self.number())

    def string(self, operator: str) -> str:
        quote = self.text[self.at : self.at + 1]
        if operator not in ("==", "!=", "~"):
            raise BadFilter("Illegal operation for field type", self.at)
        if quote not in ("'", '"') or not quote:
            raise BadFilter("Invalid value (did you forget quotes)?", self.at)
        end = self.text.find(quote, self.at + 1)
        if end < 0:
            raise BadFilter("Missing matching quote", self.at)
        value, self.at = self.text[self.at + 1 : end], end + 1
        return value

    def number(self) -> int:
        start = self.at
        found = re.compile(r"-?(0[xX][0-9a-fA-F]+|\d+)").match(self.text, start)
        if found is None:
            quoted = self.text[start : start + 1] in ("'", '"')
            raise BadFilter("Expecting numeric field" if quoted else "Invalid value (did you forget quotes)?", start)
        self.at = found.end()
        digits = found[0].lstrip("-")
        base = 16 if digits[:2].lower() == "0x" else 8 if digits[:1] == "0" else 10
        if self.text[self.at : self.at + 1].isalnum() or (base == 8 and set(digits) & set("89")):
            raise BadFilter("Illegal integer value", start)
        return int(digits, base) * (-1 if found[0].startswith("-") else 1)


def create_filter(text: str, event: Event) -> Tree:
    """The tree of an expression over an event's fields. BadFilter."""
    parser = _Parser(text, event)
    tree = parser.either()
    parser.blanks()
    if parser.at < len(text):
        raise BadFilter("Too few '('" if text[parser.at] == ")" else "Meaningless filter expression", parser.at)
    return tree


def told(text: str, bad: BadFilter) -> str:
    """What the filter's file says then: the expression, where, and why (append_filter_err)."""
    place = min(bad.place, len(text))
    return f"{text}\n{'^':>{place + 1 if place else 0}}\nparse_error: {bad.words}\n\n"


def filter_match_preds(tree: Tree, values: dict[str, Any]) -> bool:
    """Whether an event with these values is one of those."""
    kind = tree[0]
    if kind == "or":
        return filter_match_preds(tree[1], values) or filter_match_preds(tree[2], values)
    if kind == "and":
        return filter_match_preds(tree[1], values) and filter_match_preds(tree[2], values)
    if kind == "not":
        return not filter_match_preds(tree[1], values)
    _, field, operator, wanted = tree
    value = values[field]
    if operator == "~":
        return fnmatchcase(value, wanted)
    if operator == "&":
        return bool(value & wanted)
    met: bool = {"==": value == wanted, "!=": value != wanted, "<": value < wanted, "<=": value <= wanted,
                 ">": value > wanted, ">=": value >= wanted}[operator]  # fmt: skip
    return met
