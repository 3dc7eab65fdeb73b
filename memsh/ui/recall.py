"""`!!`, `!N`, `!-N`, `!prefix` and `!$` at the prompt: lines typed before, put into this one, as in bash.

They are looked for at the beginning of a word, outside single quotes, and never after `|` (`|!` is a pipe to the host).
"""

from __future__ import annotations

import re

from memsh.digits import is_digits
from memsh.shell.errors import ShellError

LONGEST = 1 << 16  # letters: nobody types more, and what is pasted is a script
_WANTED = re.compile(r"(?:(?<=[\s;&({`])|^)!(!|-?[0-9]+|\$|\?[^?\s]+\??|[A-Za-z_./][^\s;&|()<>]*)")


def expand(text: str, lines: list[str]) -> str:
    """The text with what it recalls; `lines` are the numbered ones of `history`. ShellError: there is no such line."""
    if "!" not in text or len(text) > LONGEST:
        return text
    parts, at = [], 0
    for match in _WANTED.finditer(text):
        if match.start() < at or _quoted(text, match.start()):
            continue
        parts.append(text[at : match.start()])
        parts.append(_find(match[1], lines))
        at = match.end()
    return "".join(parts) + text[at:]


def _find(wanted: str, lines: list[str]) -> str:
    known = [line for line in lines if line]
    if wanted == "$":
        if known:
            return known[-1].split()[-1]
    elif wanted == "!":
        if known:
            return known[-1]
    elif is_digits(wanted.lstrip("-")):
        number = int(wanted)
        place = number - 1 if number > 0 else len(lines) + number
        if number and 0 <= place < len(lines) and lines[place]:
            return lines[place]
    else:
        inside = wanted[0] == "?"
        sought = wanted.strip("?") if inside else wanted
        for line in reversed(known):
            if line.startswith(sought) or (inside and sought in line):
                return line
    raise ShellError(f"!{wanted}: event not found (history lists the lines)")


def _quoted(text: str, place: int) -> bool:
    """Whether a place stands inside single quotes or behind a backslash."""
    quote = ""
    at = 0
    while at < place:
        letter = text[at]
        if quote:
            if letter == "\\" and quote == '"':
                at += 1
            elif letter == quote:
                quote = ""
        elif letter == "\\":
            at += 1
        elif letter in "'\"":
            quote = letter
        at += 1
    return quote == "'" or at > place
