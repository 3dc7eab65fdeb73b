"""`env -S`: one text as several words (GNU coreutils 9.1, src/env.c, build_argv)."""

from __future__ import annotations

from collections.abc import Mapping

from memsh.lazy import regular
from memsh.shell import ShellError

CANCELLED = 125
_BLANKS = " \t\n\v\f\r"
_CONTROL = {"f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_NAME = regular(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def split_words(text: str, variables: Mapping[str, str]) -> list[str]:
    """The words of a text: quotes and backslashes keep them together, ${NAME} is a variable."""
    words: list[str] = []
    quote, apart, place = "", True, 0

    def add(more: str) -> None:
        nonlocal apart
        if apart:
            words.append("")
            apart = False
        words[-1] += more

    while place < len(text):
        char = text[place]
        place += 1
        if char in "'\"" and quote in ("", char):
            quote = "" if quote else char
            add("")
        elif char in _BLANKS and not quote:
            apart = True
        elif char == "#" and apart:
            break
        elif char == "\\" and not (quote == "'" and text[place : place + 1] not in ("\\", "'")):
            following = text[place : place + 1]
            place += 1
            if not following:
                raise ShellError("invalid backslash at end of string in -S", CANCELLED)
            if following == "c" and quote == '"':
                raise ShellError("'\\c' must not appear in double-quoted -S string", CANCELLED)
            if following == "c":
                break
            if following == "_" and quote != '"':
                apart = True
            elif following == "_" or following in "\"#$'\\" or following in _CONTROL:
                add(" " if following == "_" else _CONTROL.get(following, following))
            else:
                raise ShellError(f"invalid sequence '\\{following}' in -S", CANCELLED)
        elif char == "$" and quote != "'":
            match = _NAME.match(text, place - 1)
            if match is None:
                raise ShellError(f"only ${{VARNAME}} expansion is supported, error at: {text[place - 1 :]}", CANCELLED)
            place = match.end()
            if match[1] in variables:
                add(variables[match[1]])
        else:
            add(char)
    if quote:
        raise ShellError("no terminating quote in -S string", CANCELLED)
    return words
