"""The short options of the shell's builtins, on with - and off with + (bash: builtins/bashgetopt.c)."""

from __future__ import annotations

from typing import NoReturn

from memsh.shell import IO, ShellError, UsageError
from memsh.shell.errors import Dropped


def short_options(words: list[str], known: str) -> tuple[str, str, list[str], int]:
    """(letters that - gave, letters that + gave, the other words, how many words were options)."""
    on, off, place = "", "", 0
    while place < len(words):
        word = words[place]
        if word == "--":
            place += 1
            break
        if len(word) < 2 or word[0] not in "-+":
            break
        for letter in word[1:]:
            if letter not in known:
                raise UsageError(f"{word[0]}{letter}: invalid option")
            if word[0] == "-":
                on += letter
            else:
                off += letter
        place += 1
    return on, off, words[place:], place


def too_many(io: IO) -> NoReturn:
    """More words than are taken: in a script what stands behind on the line does not run (bash: common.c, no_args)."""
    if io.language.strict:
        raise ShellError("too many arguments")
    io.complain("too many arguments")
    raise Dropped("")
