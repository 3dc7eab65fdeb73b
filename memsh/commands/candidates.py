"""What `compgen` can list: the words that an action of it names (bash: pcomplete.c, gen_action_completions).

Known deviation: the signals are those of Linux without the real-time ones.
"""

from __future__ import annotations

from collections.abc import Callable

from memsh.commands.paths import listdir, read_text, stat_kind
from memsh.linux.include.errno import KernelError
from memsh.linux.kernel.signal import SIGNALS
from memsh.shell import IO, ShellError
from memsh.shell.declared import names
from memsh.shell.parser import RESERVED
from memsh.shell.programs import BUILTINS, is_tool
from memsh.shell.switches import DONE_SHOPTS, OPTIONS, SHOPTS
from memsh.shell.variables import made

KEYWORDS = ("if", "then", "else", "elif", "fi", "case", "esac", "for", "select", "while", "until", "do", "done", "in",
            "function", "time", "{", "}", "!", "[[", "]]", "coproc")  # fmt: skip


def _variables(io: IO, word: str) -> list[str]:
    return sorted({*names(io.language), *made(io.session)})


def _exported(io: IO, word: str) -> list[str]:
    return sorted(io.language.exported())


def _entries(path: str) -> Callable[[IO, str], list[str]]:
    def names_of(io: IO, word: str) -> list[str]:
        try:
            text = read_text(io.session, path)
        except (KernelError, OSError, ShellError):
            return []
        return [line.partition(":")[0] for line in text.splitlines() if line]

    return names_of


def _builtins(io: IO, word: str) -> list[str]:
    return sorted(BUILTINS)


def _commands(io: IO, word: str) -> list[str]:
    session, language = io.session, io.language
    tools = sorted(name for name in session.registry.commands if is_tool(session, name) and " " not in name)
    return [*sorted(language.aliases), *(name for name in KEYWORDS if name in RESERVED or name in ("in", "time", "]]")),
            *sorted(language.functions), *sorted(BUILTINS), *tools]  # fmt: skip


def _paths(io: IO, word: str, folders: bool) -> list[str]:
    """The files that a path begun so may mean, written the way it is."""
    above, slash, _ = word.rpartition("/")
    found = []
    try:
        inside = listdir(io.session, (above or "/") if slash else ".")
    except KernelError:
        return []
    for name in inside:
        path = f"{above}{slash}{name}"
        if name not in (".", "..") and (not folders or stat_kind(io.session, path) == "dir"):
            found.append(path)
    return found


def files(io: IO, word: str) -> list[str]:
    return _paths(io, word, False)


def directories(io: IO, word: str) -> list[str]:
    return _paths(io, word, True)


def _jobs(io: IO, word: str) -> list[str]:
    return [job.text.split()[0] for job in io.session.jobs if job.text.split()]


def _signals(io: IO, word: str) -> list[str]:
    return ["EXIT", *(f"SIG{name}" for name in SIGNALS), "DEBUG", "ERR", "RETURN"]


def _shopts(io: IO, word: str) -> list[str]:
    return sorted(DONE_SHOPTS if io.language.strict else SHOPTS)


ACTIONS: dict[str, Callable[[IO, str], list[str]]] = {  # in bash's order
    "alias": lambda io, word: sorted(io.language.aliases),
    "arrayvar": lambda io, word: sorted({*io.language.arrays, *io.language.maps}),
    "builtin": _builtins, "disabled": lambda io, word: [], "enabled": _builtins, "export": _exported,
    "function": lambda io, word: sorted(io.language.functions), "helptopic": _builtins, "job": _jobs,
    "keyword": lambda io, word: list(KEYWORDS), "running": _jobs, "setopt": lambda io, word: sorted(OPTIONS),
    "shopt": _shopts, "signal": _signals, "stopped": lambda io, word: [], "variable": _variables,
    "command": _commands, "file": files, "user": _entries("/etc/passwd"), "group": _entries("/etc/group"),
    "directory": directories,
}  # fmt: skip
LETTERS = {"a": "alias", "b": "builtin", "c": "command", "d": "directory", "e": "export", "f": "file", "g": "group",
           "j": "job", "k": "keyword", "u": "user", "v": "variable"}  # fmt: skip
ABSENT = {"binding": "readline", "hostname": "a list of hosts", "service": "a list of services"}


def of_actions(io: IO, actions: set[str], word: str) -> list[str]:
    """The words of all these actions that begin with `word`."""
    return [one for name, listed in ACTIONS.items() if name in actions for one in listed(io, word)
            if one.startswith(word)]  # fmt: skip
