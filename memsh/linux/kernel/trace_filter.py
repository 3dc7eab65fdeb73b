"""Which events of a kind are recorded: `order > 3 && comm != "init"` (kernel/trace/trace_events_filter.c).

Known deviations: `call_site`, a word here and a number in Linux, is not found; no bit masks of CPUs, no `.function`.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from memsh.linux.include.errno import KernelError
from memsh.linux.lib.kstrtox import kstrtoll, kstrtoull

if TYPE_CHECKING:
    from memsh.linux.include.trace_events import Event

Tree = tuple[Any, ...]  # (or, left, right), (and, left, right), (not, tree), (is, field, operator, value)
COMMON = {"common_pid": False, "comm": True, "COMM": True, "cpu": False, "CPU": False, "common_cpu": False}
HIDDEN = "call_site"
NUM_BUF = 24
_OPERATORS = ("==", "!=", "~", "<=", "<", ">=", ">", "&")


class BadFilter(Exception):
    """What is wrong, in the kernel's words ("" where it has none), and where; `code` is what write() says."""

    def __init__(self, words: str, place: int, code: str = "EINVAL") -> None:
        super().__init__(words)
        self.words, self.place, self.code = words, place, code


def calc_stack(text: str) -> bool:
    """Whether there is any predicate; parentheses and quotes come in pairs. BadFilter."""
    opened: list[int] = []
    quote, at_quote, found = "", 0, False
    for at, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in ("'", '"'):
            quote, at_quote, found = letter, at, True
        elif letter == "(":
            opened.append(at)
        elif letter == ")":
            if not opened:
                raise BadFilter("Too few '('", at, "EPERM")
            opened.pop()
        elif not letter.isspace():
            found = True
    if quote:
        raise BadFilter("Missing matching quote", at_quote, "ESRCH")
    if opened:
        raise BadFilter("Too many '('", opened[-1], "ENOENT")
    return found


class _Parser:
    """predicate_parse(). Where a predicate is wrong is counted from 1."""

    def __init__(self, text: str, event: Event) -> None:
        self.text, self.at = text, 0
        own = [field for field in event.fields if field.name != HIDDEN]
        self.strings = {**COMMON, **{field.name: field.type.startswith("char[") for field in own}}
        self.unsigned = {field.name for field in own if not field.signed}

    def peek(self) -> str:
        """The next letter that is no blank, "" at the end."""
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1
        return self.text[self.at : self.at + 1]

    def either(self) -> Tree:
        tree = self.both()
        while self.joined("||"):
            tree = ("or", tree, self.both())
        return tree

    def both(self) -> Tree:
        tree = self.one()
        while self.joined("&&"):
            tree = ("and", tree, self.one())
        return tree

    def joined(self, word: str) -> bool:
        """Whether the expression goes on with that; behind a predicate stands nothing but && || ) or its end."""
        letter = self.peek()
        if letter in ("", ")"):
            return False
        if self.text[self.at : self.at + 2] not in ("&&", "||"):
            raise BadFilter("Too many terms in predicate expression", self.at, "EPERM")
        if not self.text.startswith(word, self.at):
            return False
        self.at += 2
        return True

    def one(self) -> Tree:
        letter = self.peek()
        if not letter:
            raise BadFilter("Meaningless filter expression", self.at)
        if letter == "!" and self.text[self.at + 1 : self.at + 2] not in ("=", "~"):
            self.at += 1
            return ("not", self.one())
        if letter == "(":
            self.at += 1
            tree = self.either()
            self.at += 1
            return tree
        return self.predicate()

    def predicate(self) -> Tree:
        """parse_pred()."""
        found = re.compile(r"\w+", re.ASCII).match(self.text, self.at)
        if found is None:
            raise BadFilter("", 0, "EPERM")
        field, self.at = found[0], found.end()
        if field not in self.strings:
            raise BadFilter("Field not found", self.at + 1)
        self.peek()
        operator = next((one for one in _OPERATORS if self.text.startswith(one, self.at)), None)
        if operator is None:
            raise BadFilter("Invalid operator", self.at + 1)
        self.at += len(operator)
        letter, start = self.peek(), self.at
        if letter in ("'", '"') and letter:
            if operator not in ("==", "!=", "~"):
                raise BadFilter("Illegal operation for field type", start + 1)
            if not self.strings[field]:
                raise BadFilter("Expecting numeric field", start + 1)
            self.at = self.text.index(letter, start + 1) + 1
            return ("is", field, operator, self.text[start + 1 : self.at - 1])
        if not letter or letter not in "-0123456789":
            raise BadFilter("Invalid value (did you forget quotes)?", start + 1)
        if self.strings[field] or operator == "~":
            words = "Expecting string field" if self.strings[field] else "Illegal operation for field type"
            raise BadFilter(words, start + 1)
        return ("is", field, operator, self.number(field))

    def number(self, field: str) -> int:
        start = self.at
        found = re.compile("-?[0-9a-zA-Z]*").match(self.text, start)
        assert found is not None
        self.at = found.end()
        if len(found[0]) >= NUM_BUF:
            raise BadFilter("Operand too long", self.at + 1)
        try:
            return kstrtoull(found[0]) if field in self.unsigned else kstrtoll(found[0])
        except KernelError:
            raise BadFilter("Illegal integer value", start + 1) from None


def create_filter(text: str, event: Event) -> Tree:
    """The tree of an expression over an event's fields. BadFilter."""
    if not calc_stack(text):
        raise BadFilter("", 0)
    return _Parser(text, event).either()


def told(text: str, bad: BadFilter) -> str:
    """What the filter's file says then: the expression, where, and why (append_filter_err)."""
    if not bad.words:
        return f"{text}\nError: (0)\n\n"
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
