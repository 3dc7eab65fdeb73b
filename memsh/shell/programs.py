"""Where a command's name leads beside the declared ones: scripts of the box by path or through $PATH, and where the
tools of memsh would lie on a Linux box (bash: findcmd.c, execute_cmd.c's shell_execve).

Known deviations: the tools lie on no disk; memsh's own commands are found whatever $PATH says, tools at the prompt.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from memsh.shell.errors import ShellError
from memsh.shell.variables import PATH

if TYPE_CHECKING:
    from memsh.shell.language import Language
    from memsh.shell.session import Session

ENOENT = "No such file or directory"
FOLDERS = frozenset(PATH.split(":"))
_TOOLS = ("/usr/bin", "/bin")  # one folder on a Debian of today
LONGEST_NAME = 255
TOPICS = frozenset(["tools", "text", "files"])
SHELLS = frozenset(["sh", "bash", "dash", "ash", "ksh"])
BUILTINS = frozenset(
    [".", ":", "[", "alias", "break", "builtin", "caller", "cd", "command", "compgen", "complete", "compopt",
     "continue", "declare", "dirs", "disown", "echo", "enable",
     "eval", "exec", "exit", "export", "false", "fc", "getopts", "hash", "help", "history", "jobs", "kill", "let",
     "local", "mapfile", "popd", "printf", "pushd", "pwd", "read", "readarray", "readonly", "return", "set", "shift",
     "shopt", "source", "test", "times", "trap", "true", "type", "typeset", "ulimit", "umask", "unalias", "unset",
     "wait"]
)  # fmt: skip

SPECIAL = frozenset(
    [".", ":", "break", "continue", "eval", "exec", "exit", "export", "readonly", "return", "set", "shift", "source",
     "times", "trap", "unset"]
)  # fmt: skip
# POSIX's special builtins: with `set -o posix` what is assigned before them stays, and their errors end a script

_BOTH = frozenset(["[", "echo", "false", "kill", "printf", "pwd", "test", "true"])  # builtins that are programs too


def is_builtin(language: Language, name: str) -> bool:
    """Whether a name is a builtin that `enable -n` has not taken away."""
    return name in BUILTINS and name not in language.disabled


def is_tool(session: Session, name: str) -> bool:
    """Whether memsh has a tool of that name that is a program on a Linux box."""
    found = session.registry.commands.get(name)
    return found is not None and (name in _BOTH or (found.topic in TOPICS and name not in BUILTINS))


def _asked(session: Session, letter: str, path: str) -> bool:
    return session.files is not None and session.box is not None and session.files.test(session, letter, path)


def places(session: Session, language: Language, name: str, searched: str | None = None) -> list[str]:
    """Every file of that name that $PATH (or `searched`, if it is given) leads to, in its order."""
    if "/" in name:
        known = is_tool(session, name.rpartition("/")[2]) and name.rpartition("/")[0] in _TOOLS
        return [name] if known or (_asked(session, "f", name) and _asked(session, "x", name)) else []
    found: list[str] = []
    loose: list[str] = []  # that nobody may execute
    for folder in (language.get("PATH") or "" if searched is None else searched).split(":"):
        path = f"{folder or '.'}/{name}"
        if folder in _TOOLS and is_tool(session, name):
            found.append(path)
        elif _asked(session, "f", path):
            (found if _asked(session, "x", path) else loose).append(path)
    return found or loose


def called(session: Session, language: Language, words: list[str], searched: str | None = None) -> list[str] | None:
    """The words that run what `words` call, where that is a script of the box; None for all else. `searched` stands in
    for $PATH. ShellError for a path that leads to nothing that can be run."""
    name = words[0]
    if "/" in name:
        return _by_path(session, language, words)
    if is_builtin(language, name):
        return None
    hashed = language.hashed.get(name)
    if hashed is not None and hashed[0] and searched is None:
        return _by_path(session, language, [hashed[0], *words[1:]])
    if searched is None and "PATH" not in language.variables and "PATH" not in language.gone:
        return None
    for folder in (language.get("PATH") or "" if searched is None else searched).split(":"):
        session.poll()
        if folder in FOLDERS and is_tool(session, name):
            return None
        path = f"{folder or '.'}/{name}"
        if folder not in FOLDERS and _asked(session, "f", path) and _asked(session, "x", path):
            return _script(session, path, words)
    if not language.strict and is_tool(session, name):
        raise ShellError(f"{name}: command not found", 127)
    return None


def _by_path(session: Session, language: Language, words: list[str]) -> list[str] | None:
    folder, _, name = words[0].rpartition("/")
    if len(name) > LONGEST_NAME:
        raise ShellError(f"{words[0]}: File name too long", 126)
    if session.box is None or session.files is None:
        return None
    if _asked(session, "f", words[0]):
        if folder in FOLDERS and not language.strict and is_tool(session, name):
            return [name, *words[1:]]
        if not _is_text(session, words[0]) and (language.strict or _first_line(session, words[0])[:4] == "\x7fELF"):
            return None
        if not _asked(session, "x", words[0]):
            raise ShellError(f"{words[0]}: Permission denied", 126)
        if not _is_text(session, words[0]):
            raise ShellError(f"{words[0]}: cannot execute binary file: Exec format error", 126)
        return _script(session, words[0], words)
    if folder in FOLDERS and is_tool(session, name):
        return [name, *words[1:]]
    if language.strict or (folder == "." and _asked(session, "f", f"/bin/{name}")):
        return None  # a program of the box, or what `run` says of it
    if _asked(session, "d", words[0]):
        raise ShellError(f"{words[0]}: Is a directory", 126)
    raise ShellError(f"{words[0]}: {ENOENT}", 127)


def refused_status(why: str) -> int:
    """With what env, xargs and their like end when `refusal` says `why`."""
    return 127 if why == ENOENT else 126


def refusal(session: Session, name: str) -> str:
    """Why execvp(3) would not run a command for a program that asks (env, nice, xargs …): "" where it would."""
    folder, slash, base = name.rpartition("/")
    if not slash or session.files is None or session.box is None:
        known = session.registry.knows(name) or bool(places(session, session.language, name))
        return "" if known else ENOENT
    if _asked(session, "d", name):
        return "Permission denied"
    if _asked(session, "f", name):
        return "" if _asked(session, "x", name) or not _is_text(session, name) else "Permission denied"
    own = folder in FOLDERS and is_tool(session, base)
    return "" if own or (folder == "." and _asked(session, "f", f"/bin/{base}")) else ENOENT


def _first_line(session: Session, path: str) -> str:
    assert session.files is not None
    try:
        return session.files.open_read(session, path).readline()
    except (OSError, ShellError):
        return "\0"


def _is_text(session: Session, path: str) -> bool:
    return "\0" not in _first_line(session, path)


def _words(text: str) -> list[str]:
    """The first word, and all that follows it, as the kernel cuts them: a carriage return is a letter."""
    text = text.strip(" \t\n")
    return re.split("[ \t]+", text, maxsplit=1) if text else []


def _script(session: Session, path: str, words: list[str]) -> list[str]:
    """`#! INTERPRETER [WORD]` says who runs it; without one this shell does."""
    first = _first_line(session, path)
    if not first.startswith("#!"):
        return ["bash", path, *words[1:]]
    given = _words(first[2:])
    if not given:
        return ["bash", path, *words[1:]]
    if given and given[0].rpartition("/")[2] == "env" and len(given) > 1:
        given = _words(given[1].removeprefix("-S"))
    interpreter = given[0].rpartition("/")[2] if given else ""
    name = "bash" if interpreter in SHELLS else interpreter
    if not session.registry.knows(name) or "/" in name:
        said = given[0] if given else ""
        if not _asked(session, "e", said):
            raise ShellError(f"{path}: cannot execute: required file not found", 127)
        raise ShellError(f"{path}: {said}: bad interpreter: No such file or directory", 126)
    return [name, *given[1:], path, *words[1:]]
