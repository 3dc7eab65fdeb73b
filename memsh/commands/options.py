"""The short options of the shell's builtins, on with - and off with + (bash: builtins/bashgetopt.c)."""

from __future__ import annotations

from memsh.shell import UsageError


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
