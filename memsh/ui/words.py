"""A line taken apart for the eye: words, operators, comments, and what each word is there for.

Much more forgiving than the shell's own lexer: a line that is still being typed is nearly always unfinished.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from memsh.shell.errors import UsageError
from memsh.shell.registry import Command, Param, Registry

KEYWORDS = {"if", "then", "elif", "else", "fi", "for", "while", "until", "do", "done", "{", "}", "!", "in"}
OPENS = {"if", "then", "elif", "else", "while", "until", "do", "{", "!"}
"""Keywords after which a command follows."""
_TOKEN = re.compile(
    r"""(?P<space>[ \t\r]+|\\\n)
    |(?P<comment>\#[^\n]*)
    |(?P<operator>\n|&&|\|\||\|!|\$\(\(|\$\(|[|;&()]|[0-9]?(?:>>|>&|>|<))
    |(?P<word>(?:[^\s|&;<>()"'\\$]|\\.|\\$|"(?:[^"\\]|\\.)*(?:"|$)|'[^']*(?:'|$)|\$(?!\())+)""",
    re.VERBOSE | re.DOTALL,
)
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
REDIRECTS = {">", ">>", "<", ">&", "1>", "2>", "1>>", "2>>", "0<"}


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
            redirect = piece.text in REDIRECTS
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
            return rest[place:]
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


def roles(registry: Registry, text: str) -> Iterator[tuple[str, Piece]]:
    """(role, piece): command, unknown, bad, keyword, option, value, path, string, number, operator, comment, word,
    space."""
    expects_command = True
    redirect = False
    words: list[str] = []
    for piece in pieces(text):
        word = piece.text
        if piece.kind != "word":
            yield piece.kind, piece
            if piece.kind == "operator":
                redirect = word in REDIRECTS
                if not redirect:
                    expects_command, words = True, []
            continue
        if redirect:
            redirect = False
            yield "path", piece
        elif expects_command and word in KEYWORDS:
            expects_command = word in OPENS
            yield "keyword", piece
        elif expects_command and _ASSIGNMENT.match(word):
            yield "value", piece
        elif expects_command:
            words = [word]
            expects_command = False
            yield ("command" if registry.knows(word) else "unknown"), piece
        else:
            words.append(word)
            yield _role(registry, words), piece


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
    if any(letter in word for letter in "$'\"`*?[\\{"):
        return False  # known only when it runs
    command, rest = find(registry, words[:-1])
    if command is None or command.raw:
        return False
    if word[0] == "-" and len(word) > 1 and not word[1].isdigit():
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
