"""What `set -x` shows, and prompts: $PS4, `${x@P}` (bash: print_cmd.c, parse.y's decode_prompt_string)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from memsh.lazy import regular
from memsh.shell.errors import ShellError
from memsh.shell.parser import Parser
from memsh.shell.quoting import quote, single
from memsh.shell.variables import date, hostname

if TYPE_CHECKING:
    from memsh.shell.language import Language
    from memsh.shell.run import Runner
    from memsh.shell.session import Session
    from memsh.shell.syntax import Assign

_META = regular(r"[ \t\n'\"\\|&;()<>!{}*\[\]?^$`]")
_CONTROL = regular(r"[\x00-\x08\x0b-\x1f\x7f]")
_PROMPT = regular(r"\\(?:([0-7]{3})|D\{([^}]*)\}|(.))", re.S)
_PLAIN = {"a": "\a", "e": "\x1b", "n": "\n", "r": "\r", "\\": "\\", "[": "", "]": "", "u": "root",
          "$": "#", "v": "5.2", "V": "5.2.15", "l": "tty", "#": "1"}  # fmt: skip


def traced(word: str) -> str:
    """A word as it is shown: quoted where the shell would take it apart."""
    if not word:
        return "''"
    if word == "'":
        return "\\'"
    if _CONTROL.search(word):
        return quote(word)
    if _META.search(word) or word[0] in "~#" or ("~" in word and (":~" in word or "=~" in word)):
        return single(word)
    return word


def assigned(runner: Runner, assign: Assign, value: str) -> str:
    """`name=value`."""
    sign = "+=" if assign.adds else "="
    if assign.items is not None:
        return f"{assign.name}{sign}{assign.raw}"
    index = "" if assign.index is None else f"[{runner.expander().single(assign.index)}]"
    return f"{assign.name}{index}{sign}{traced(value) if value else ''}"


def prefix(runner: Runner) -> str:
    """$PS4 with what it names, its first letter once for each $( … ) and eval around."""
    language = runner.language
    text = language.get("PS4") or ""
    if "$" in text or "`" in text or "\\" in text:
        options, language.options = language.options, language.options - {"xtrace", "nounset", "errexit"}
        try:
            text = decoded(runner.session, text)
            text = expanded(runner, text)
        except ShellError as error:
            runner.say(f"memsh: {error.message}\n")
        finally:
            language.options = options
    return text[:1] * (language.depth + 1) + text[1:]


def expanded(runner: Runner, text: str) -> str:
    """`$name`, `$( … )` and so on in a prompt, as inside of quotes."""
    return runner.expander().single(Parser(text).body())


def unquoted(runner: Runner, text: str) -> str:
    """The same in a subscript, whose quotes go."""
    return runner.expander().single(Parser(f"[{text}]").index())


def decoded(session: Session, text: str) -> str:
    """A prompt's backslashes: \\u, \\h, \\w, \\t …"""

    def one(match: re.Match[str]) -> str:
        octal, layout, letter = match.groups()
        if octal:
            return chr(int(octal, 8) & 0xFF)
        if layout is not None:
            return date(session, layout or "%X")
        made = _MADE.get(letter)
        if made is not None:  # what it is named is not expanded once more
            return re.sub(r"([$`\\])", r"\\\1", made(session))
        return _PLAIN.get(letter, "\\" + letter)

    return _PROMPT.sub(one, text)


def short(language: Language, path: str) -> str:
    """A path with ~ for the home folder."""
    home = language.get("HOME") or ""
    inside = home not in ("", "/") and (path == home or path.startswith(home + "/"))
    return "~" + path[len(home) :] if inside else path


def _folder(session: Session) -> str:
    return short(session.language, session.language.get("PWD") or "/")


def _last(session: Session) -> str:
    whole = _folder(session)
    return whole if whole in ("/", "~") else whole.rpartition("/")[2]


def _shell(session: Session) -> str:
    language = session.language
    return language.name.rpartition("/")[2] if not language.program else "bash"


_MADE: dict[str, Callable[[Any], str]] = {
    "s": _shell, "!": lambda session: session.language.get("HISTCMD") or "1",
    "H": hostname, "h": lambda session: hostname(session).partition(".")[0],
    "w": _folder, "W": _last, "j": lambda session: str(len(session.jobs)),
    "t": lambda session: date(session, "%H:%M:%S"), "T": lambda session: date(session, "%I:%M:%S"),
    "@": lambda session: date(session, "%I:%M %p"), "A": lambda session: date(session, "%H:%M"),
    "d": lambda session: date(session, "%a %b %d"),
}  # fmt: skip
