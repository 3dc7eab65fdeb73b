"""Variables that the shell makes when they are asked for: $RANDOM, $SECONDS, $PWD and their kin (bash: variables.c).

An assignment to one of them makes it an ordinary one, but for RANDOM, SECONDS and OPTIND, which bash heeds.
Known deviations: `$EPOCHSECONDS` and `$SECONDS` are the box's clock, `$SRANDOM` is `$RANDOM`,
which begins with seed 1 in every session.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from memsh.shell.syntax import Case
from memsh.shell.values import UINT_MAX

if TYPE_CHECKING:
    from memsh.shell.session import Session

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Dynamic:
    """Answers for names that no table has."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def __deepcopy__(self, memo: object) -> Dynamic:
        return self

    def __call__(self, name: str) -> str | None:
        found = _TABLE.get(name)
        return found(self.session) if found is not None else None


def _random(session: Session) -> str:
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
    text = node.source[node.pos : node.end].strip()
    return text + " " if isinstance(node, Case) else text


def _date(session: Session, layout: str) -> str:
    """The box's date; the clock is a tool's, the shell has none."""
    return session.registry.clock(session, layout) if session.registry.clock is not None else str(_clock(session))


def _shopts(session: Session) -> str:
    return ":".join(sorted(name for name, on in session.language.shopts.items() if on))


def _directory(session: Session) -> str:
    return session.language.shown_cwd()


def _columns(session: Session) -> str:
    return str(session.width)


def _machine(session: Session) -> str:
    return f"{'i686' if session.bits == 32 else 'x86_64'}-pc-linux-gnu"


def _line(session: Session) -> str:
    return str(session.running_line)


_TABLE: dict[str, Callable[[Session], str | None]] = {
    "RANDOM": _random, "SECONDS": _seconds, "PWD": lambda session: session.language.shown_cwd(), "LINENO": _line,
    "OLDPWD": lambda session: session.language.old_cwd,
    "HOME": lambda session: "/root", "PATH": lambda session: PATH, "UID": lambda session: "0",
    "EUID": lambda session: "0", "HOSTNAME": lambda session: "box", "OPTIND": lambda session: "1",
    "BASH_SUBSHELL": lambda session: str(session.language.level), "BASHPID": lambda session: session.shell_pid(),
    "PPID": lambda session: "1", "SHLVL": lambda session: "1", "PS4": lambda session: "+ ",
    "BASH_VERSION": lambda session: "5.2.15(1)-release", "SHELL": lambda session: "/bin/bash",
    "BASH": lambda session: "/bin/bash", "USER": lambda session: "root", "LOGNAME": lambda session: "root",
    "OSTYPE": lambda session: "linux-gnu", "IFS": lambda session: " \t\n",
    "FUNCNAME": lambda session: session.language.frames[-1].name if session.language.frames else None,
    "PIPESTATUS": lambda session: str(session.language.statuses[0]), "_": lambda session: session.language.last_word,
    "SHELLOPTS": lambda session: ":".join(sorted(session.language.options)),
    "BASH_COMMAND": _command, "EPOCHSECONDS": lambda session: _date(session, "%s"),
    "EPOCHREALTIME": lambda session: _date(session, "%s.%N")[:-3] or None, "BASHOPTS": _shopts, "DIRSTACK": _directory,
    "HOSTTYPE": lambda session: "i686" if session.bits == 32 else "x86_64", "MACHTYPE": _machine,
    "OPTERR": lambda session: "1",
    "GROUPS": lambda session: "0", "BASH_ARGV0": lambda session: session.language.name, "SRANDOM": _random,
    "HISTCMD": lambda session: str(len(session.history) + 1), "COLUMNS": _columns,
    "PS1": lambda session: r"\s-\v\$ " if not session.language.strict else None,
    "BASH_VERSINFO": lambda session: "5", "BASH_SOURCE": lambda session: session.language.sources()[0] or None,
    "BASH_LINENO": lambda session: str(session.language.frames[-1].line) if session.language.frames else "0",
}  # fmt: skip
