"""A line taken apart for the eye: words, operators, comments, and what each word is there for.

Much more forgiving than the shell's own lexer: a line that is still being typed is nearly always unfinished.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from typing import NamedTuple

from memsh.digits import is_digits
from memsh.shell.errors import UsageError
from memsh.shell.registry import Command, Param, Registry

KEYWORDS = {"if", "then", "elif", "else", "fi", "for", "select", "while", "until", "do", "done", "{", "}", "!", "in",
            "case", "esac", "function", "[[", "]]"}  # fmt: skip
OPENS = {"if", "then", "elif", "else", "while", "until", "do", "{", "!"}
"""Keywords after which a command follows."""
_TOKEN = re.compile(
    r"""(?P<space>[ \t\r]+|\\\n)
    |(?P<comment>\#[^\n]*)
    |(?P<operator>\n|&>>|&>|&&|\|\||\|!|\|&|;;&|;;|;&|\$\(\(|\$\(|[<>]\(|[0-9]?(?:<<<|<<-|<<|<>|<&|>>|>&|>\||>|<)|[|;&()`])
    |(?P<word>(?:[^\s|&;<>()"'\\$`]|\\.|\\$|\$\{[^}]*(?:\}|$)|"(?:[^"\\]|\\.)*(?:"|$)|'[^']*(?:'|$)|\$(?!\())+)""",
    re.VERBOSE | re.DOTALL,
)
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*(?:\[[^\]]*\])?\+?=")
_REDIRECT = re.compile(r"&>>?|[0-9]?(?:<<<|<<-?|<>|<&|>>|>&|>\||>|<)")


class Piece(NamedTuple):
    """One piece of a line: kind is space, comment, operator or word; text as typed; start counts characters."""

    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


class Stage(NamedTuple):
    """The simple command around the cursor: its words before the one being typed, and that word."""

    words: list[str]
    prefix: str
    start: int
    redirect: bool


def pieces(text: str) -> Iterator[Piece]:
    """The pieces of a text, without gaps; what fits nowhere is a word of one character."""
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.end() == at:
            yield Piece("word", text[at], at)
            at += 1
            continue
        kind = match.lastgroup or "word"
        # a # inside a word begins no comment
        yield Piece(kind, match[0], at)
        at = match.end()


def stage_at_end(text: str) -> Stage:
    """What is being typed at the end of the text."""
    words: list[str] = []
    prefix, start, redirect = "", len(text), False
    for piece in pieces(text):
        touches = piece.end == len(text)
        if piece.kind == "comment":
            return Stage(["#"], "", len(text), False)
        if piece.kind == "operator":
            redirect = _REDIRECT.fullmatch(piece.text) is not None
            if not redirect:
                words = []
        elif piece.kind == "word":
            if touches:
                prefix, start = piece.text, piece.start
            elif redirect:
                redirect = False
            elif not words and (piece.text in OPENS or _ASSIGNMENT.match(piece.text)):
                continue
            else:
                words.append(piece.text)
    return Stage(words, prefix, start, redirect)


def find(registry: Registry, words: list[str]) -> tuple[Command | None, list[str]]:
    """The command that words begin with, and the words after its name; wrappers such as sudo are looked through."""
    while words:
        command = registry.commands.get(words[0])
        rest = words[1:]
        if command is None and words[0] in registry.groups and rest:
            command = registry.commands.get(f"{words[0]} {rest[0]}")
            rest = rest[1:]
        if command is None:
            return None, words[1:]
        inner = inner_command(command, rest)
        if inner is None or not inner or not registry.knows(inner[0]):
            return command, rest
        words = inner
    return None, []


def inner_command(command: Command, rest: list[str]) -> list[str] | None:
    """The words of the command that this one runs (sudo, as PID, watch …), None if it runs none or is not there yet."""
    place = 0
    for param in [*command.positional, *([command.rest] if command.rest else [])]:
        while place < len(rest) and rest[place].startswith("-"):
            place += 1
        if param.words == "command":
            return rest[place:] if place <= len(rest) else None
        place += 1
    return None


def expected(command: Command, rest: list[str]) -> Param | None:
    """The argument that the next word is."""
    if rest and rest[-1] in command.options and command.options[rest[-1]].takes_value:
        return command.options[rest[-1]]
    given = 0
    skip = False
    for word in rest:
        if skip:
            skip = False
        elif word in command.options:
            skip = command.options[word].takes_value
        elif not word.startswith("-"):
            given += 1
    if given < len(command.positional):
        return command.positional[given]
    return command.rest


class _Roles:
    """Says of each piece in turn what it is there for. `inside`: what holds it that is no command: `case`'s patterns, a
    `[[ … ]]`, a `(( … ))`, the list of an array."""

    def __init__(self, registry: Registry, known: Container[str]) -> None:
        self.registry = registry
        self.known = known
        self.expects_command = True
        self.redirect = False
        self.list_begins = False  # `name=` stands before a (
        self.inside: list[str] = []
        self.words: list[str] = []

    def operator(self, text: str, following: str) -> None:
        self.redirect = _REDIRECT.fullmatch(text) is not None
        if self.redirect:
            return
        inside = self.inside[-1] if self.inside else ""
        nested = inside in ("sum", "array") or following == "(" or self.list_begins
        if text == "$((" or (text == "(" and nested):
            self.inside.append("array" if inside == "array" or self.list_begins else "sum")
            self.list_begins = False
        elif text == ")" and inside in ("sum", "array"):
            self.inside.pop()
        elif text == ")" and inside == "pattern":
            self.inside[-1] = "case"
        elif text.startswith(";") and len(text) > 1 and inside == "case":
            self.inside[-1] = "pattern"
        if (self.inside[-1] if self.inside else "") not in ("sum", "array", "test"):
            self.expects_command, self.words = True, []

    def word(self, word: str, following: str) -> str:
        inside = self.inside[-1] if self.inside else ""
        if self.redirect:
            self.redirect = False
            return "path"
        if inside in ("sum", "array", "head") or (inside == "test" and word != "]]"):
            if inside == "head" and word == "in":
                self.inside[-1] = "pattern"
                return "keyword"
            return "value" if word[0] == "$" else "string" if word[0] in "\"'" else "word"
        if inside == "pattern" and word != "esac":
            return "string" if word[0] in "\"'" else "word"
        if word == "]]" or (self.expects_command and word in KEYWORDS):
            return self.keyword(word)
        if self.expects_command and _ASSIGNMENT.match(word):
            self.list_begins = word.endswith("=") and following == "("
            return "value"
        if self.expects_command:
            self.words, self.expects_command = [word], False
            there = self.registry.knows(word) or word in self.known or following == "("
            return "command" if there else "unknown"
        self.words.append(word)
        if self.words[0] == "function":
            self.expects_command = True
            return "command"
        if self.words[0] == "for" or self.words[0] in self.known:
            return "value" if word[0] == "$" else "keyword" if word == "in" and self.words[0] == "for" else "word"
        return _role(self.registry, self.words)

    def keyword(self, word: str) -> str:
        if word == "case":
            self.inside.append("head")
        elif word == "esac" or word == "]]":
            if self.inside and self.inside[-1] in ("case", "pattern", "test"):
                self.inside.pop()
        elif word == "[[":
            self.inside.append("test")
        self.expects_command = word in OPENS
        self.words = [word] if word in ("for", "function") else []
        return "keyword"


def roles(registry: Registry, text: str, known: Container[str] = ()) -> Iterator[tuple[str, Piece]]:
    """(role, piece): command, unknown, bad, keyword, option, value, path, string, number, operator, comment, word,
    space. `known`: names of functions and aliases."""
    state, found = _Roles(registry, known), list(pieces(text))
    for number, piece in enumerate(found):
        following = found[number + 1].text if number + 1 < len(found) else ""
        if piece.kind == "word":
            yield state.word(piece.text, following), piece
            continue
        yield piece.kind, piece
        if piece.kind == "operator":
            state.operator(piece.text, following)


def commands_in(registry: Registry, text: str) -> set[str]:
    """The names that stand where a command does."""
    return {piece.text for role, piece in roles(registry, text) if role in ("command", "unknown")}


def _role(registry: Registry, words: list[str]) -> str:
    word = words[-1]
    if len(words) == 2 and words[0] in registry.groups:
        return "command" if word in registry.groups[words[0]] else "unknown"
    if word in KEYWORDS:
        return "keyword"
    if word[0] in "\"'":
        return "string"
    if word[0] == "$":
        return "value"
    if _is_wrong(registry, words):
        return "bad"
    if word[0] == "-" and len(word) > 1:
        return "option"
    if word[0] == "/" or word[:2] == "./":
        return "path"
    if re.fullmatch(r"0[xX][0-9a-fA-F]+|\d+([kKmMgG](i?B)?)?", word):
        return "number"
    command, rest = find(registry, words[:-1])
    if command is not None and inner_command(command, rest) == []:
        return "command" if registry.knows(word) else "word"
    return "word"


def _is_wrong(registry: Registry, words: list[str]) -> bool:
    """Whether the last word cannot be what its command takes there: a bad size, an option or a choice there is not."""
    word = words[-1]
    if any(letter in word for letter in "$'\"`*?[\\{") or words[0] in registry.shared:
        return False  # known only when it runs
    command, rest = find(registry, words[:-1])
    if command is None or command.raw:
        return False
    if word[0] == "-" and len(word) > 1 and not is_digits(word[1]):
        if "--" in rest or word == "--":
            return False
        flag = word.partition("=")[0]
        if word.startswith("--"):
            return not (flag == "--help" or any(known.startswith(flag) for known in command.options))
        return word not in command.options and f"-{word[1]}" not in command.options
    param = expected(command, rest)
    if param is None or (param.type is None and param.choices is None):
        return False
    try:
        param.convert(word)
    except UsageError:
        return True
    except Exception:  # a converter that needs more than the word
        return False
    return False
