"""Variables that the shell makes when they are asked for: $RANDOM, $SECONDS, $PWD and their kin (bash: variables.c).

An assignment to one of them makes it an ordinary one, but for RANDOM, SECONDS and OPTIND, which bash heeds.
Known deviations: `$EPOCHSECONDS` and `$SECONDS` are the box's clock, `$SRANDOM` is `$RANDOM`,
which begins with seed 1 in every session.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from memsh.shell.errors import ShellError
from memsh.shell.syntax import Case
from memsh.shell.values import UINT_MAX

if TYPE_CHECKING:
    from memsh.shell.language import Language
    from memsh.shell.session import Session

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Dynamic:
    """Answers for names that no table of the language has."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def __deepcopy__(self, memo: object) -> Dynamic:
        return self

    def __call__(self, name: str) -> str | None:
        found = _TABLE.get(name)
        if found is not None:
            return found(self.session)
        array = self.array(name)
        return (array[0] or None) if array else None

    def array(self, name: str) -> list[str] | None:
        """All of an array that the shell makes, of which `$name` is the first; None if it makes none of that name."""
        found = _ARRAYS.get(name)
        return found(self.session.language) if found is not None else None


def made(session: Session) -> list[str]:
    """The names of those that have a value now."""
    language = session.language
    return [name for name in (*_TABLE, *_ARRAYS) if name not in language.gone and language.dynamic(name) is not None]


def drawn(session: Session) -> str:
    """bash's generator (Park and Miller's), from 5.1 on folded to 16 bits."""
    language = session.language
    seed = language.seed or 123459876
    seed = (16807 * (seed % 127773) - 2836 * (seed // 127773)) & UINT_MAX
    if seed & 0x80000000:
        seed = (seed + 0x7FFFFFFF) & UINT_MAX
    language.seed = seed
    return str(((seed >> 16) ^ (seed & 0xFFFF)) & 0x7FFF)


def _seconds(session: Session) -> str:
    return str(_clock(session) - session.language.begun)


def _clock(session: Session) -> int:
    timer = getattr(session.box, "timer", None)
    return int(timer.usec // 1_000_000) if timer is not None else 0


def _command(session: Session) -> str | None:
    node = session.language.command
    if node is None or isinstance(node, str) or not hasattr(node, "source"):
        return node if isinstance(node, str) else None
    text = node.shown()
    return text + " " if isinstance(node, Case) else text


def date(session: Session, layout: str) -> str:
    """The box's date; the clock is a tool's, the shell has none."""
    return session.registry.clock(session, layout) if session.registry.clock is not None else str(_clock(session))


def _shopts(session: Session) -> str:
    return ":".join(sorted(name for name, on in session.language.shopts.items() if on))


def _directory(session: Session) -> str:
    return session.language.shown_cwd()


def _columns(session: Session) -> str:
    return str(session.width)


def _host(session: Session) -> str:
    return "i686" if session.bits == 32 else "x86_64"


def _machine(session: Session) -> str:
    return f"{_host(session)}-pc-linux-gnu"


def _names(language: Language) -> list[str]:
    """The functions that run, the last one first."""
    if not language.frames:
        return []
    names = [call.name for call in reversed(language.calls)]
    return [*names, "main"] if language.scripted else names


def _sources(language: Language) -> list[str]:
    """The file of each function and script that runs, then the script that called the first."""
    found = [call.file for call in reversed(language.calls)]
    return [*found, language.name] if language.scripted else found


def _callers(language: Language) -> list[str]:
    """The line from which each of them was called."""
    lines = [str(call.line) for call in reversed(language.calls)]
    return [*lines, "0"] if language.scripted else lines


def hostname(session: Session) -> str:
    """As `hostname` says it."""
    try:
        line = session.files.open_read(session, "/proc/sys/kernel/hostname").readline() if session.files else ""
    except (OSError, ShellError):  # a recorded tree without that file
        line = ""
    return line.strip() or "localhost"


def _line(session: Session) -> str:
    return str(session.running_line)


def _next_line(session: Session) -> str:
    past = session.language.past
    return str(len(session.history if past is None else past.lines) + 1)


def _kept_lines(session: Session) -> str | None:
    language = session.language
    return f"{language.get('HOME')}/.bash_history" if language.interactive else None


_TABLE: dict[str, Callable[[Session], str | None]] = {
    "RANDOM": drawn, "SECONDS": _seconds, "PWD": _directory, "LINENO": _line,
    "OLDPWD": lambda session: session.language.old_cwd,
    "HOME": lambda session: "/root", "PATH": lambda session: PATH, "UID": lambda session: "0",
    "EUID": lambda session: "0", "HOSTNAME": hostname, "OPTIND": lambda session: "1",
    "BASH_SUBSHELL": lambda session: str(session.language.level), "BASHPID": lambda session: session.own_pid(),
    "PPID": lambda session: "1", "SHLVL": lambda session: "1", "PS4": lambda session: "+ ",
    "BASH_VERSION": lambda session: "5.2.15(1)-release", "SHELL": lambda session: "/bin/bash",
    "BASH": lambda session: "/bin/bash", "USER": lambda session: "root", "LOGNAME": lambda session: "root",
    "OSTYPE": lambda session: "linux-gnu", "IFS": lambda session: " \t\n",
    "_": lambda session: session.language.last_word,
    "SHELLOPTS": lambda session: ":".join(sorted(session.language.options)),
    "BASH_COMMAND": _command, "EPOCHSECONDS": lambda session: date(session, "%s"),
    "BASH_EXECUTION_STRING": lambda session: session.language.commanded or None,
    "EPOCHREALTIME": lambda session: date(session, "%s.%N")[:-3] or None, "BASHOPTS": _shopts,
    "HOSTTYPE": _host, "MACHTYPE": _machine, "OPTERR": lambda session: "1",
    "BASH_ARGV0": lambda session: session.language.name, "SRANDOM": drawn,
    "HISTCMD": _next_line, "HISTFILE": _kept_lines, "COLUMNS": _columns,
    "PS1": lambda session: r"\s-\v\$ " if session.language.interactive else None,
}  # fmt: skip
_ARRAYS: dict[str, Callable[[Language], list[str]]] = {
    "PIPESTATUS": lambda language: [str(status) for status in language.statuses],
    "FUNCNAME": _names, "BASH_SOURCE": _sources, "BASH_LINENO": _callers,
    "BASH_VERSINFO": lambda language: ["5", "2", "15", "1", "release", language.get("MACHTYPE") or ""],
    "DIRSTACK": lambda language: [language.shown_cwd(), *language.directories], "GROUPS": lambda language: ["0"],
}  # fmt: skip
