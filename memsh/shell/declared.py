"""Variables as `declare -p`, `set` and `export -p` print them (bash: builtins/declare.def, print_assignment)."""

from __future__ import annotations

import re

from memsh.shell.language import Language
from memsh.shell.quoting import controls, quote, quote_if_needed
from memsh.shell.switches import STANDING


def letters(language: Language, name: str) -> str:
    """The attributes, in declare's order."""
    found = set(language.attributes.get(name, ()))
    found |= {"a"} if name in language.arrays else set()
    found |= {"A"} if name in language.maps else set()
    return "".join(letter for letter in "aAFfiInrtxclu" if letter in found)


def double(text: str) -> str:
    """In double quotes, or as $'…' where it has control characters."""
    if controls(text):
        return quote(text)
    return '"' + re.sub(r'([$`"\\])', r"\\\1", text) + '"'


def listed(language: Language, name: str) -> str:
    """`([0]="a" [1]="b")`."""
    if name in language.maps:
        inside = "".join(f"[{subscript(key)}]={double(text)} " for key, text in language.items_of(name))
        return f"({inside})"
    array = language.arrays[name]
    return "(" + " ".join(f"[{key}]={double(array[key])}" for key in sorted(array)) + ")"


def subscript(key: str) -> str:
    return key if re.fullmatch(r"\w+", key) else double(key)


def unset_array(language: Language, name: str) -> bool:
    """Whether an array was declared, and never given a value."""
    return language.has(name, "d") and not language.keys_of(name)


def declaration(language: Language, name: str) -> str:
    """`declare -x name="value"`."""
    if not language.known(name) and name not in language.attributes:
        return _made(language, name)
    shown = f"declare -{letters(language, name) or '-'} {name}"
    if name in language.arrays or name in language.maps:
        return shown if unset_array(language, name) else f"{shown}={listed(language, name)}"
    found = language.variables.get(name)
    return shown if found is None else f"{shown}={double(found)}"


_KINDS = {"UID": "ir", "EUID": "ir", "PPID": "ir", "BASHOPTS": "r", "SHELLOPTS": "r", "BASH_VERSINFO": "ar",
          "PIPESTATUS": "a", "DIRSTACK": "a", "GROUPS": "a", "FUNCNAME": "a", "BASH_SOURCE": "a", "BASH_LINENO": "a",
          "RANDOM": "i", "SRANDOM": "i", "SECONDS": "i", "HISTCMD": "i", "OPTIND": "i", "BASHPID": "i"}  # fmt: skip


def _made(language: Language, name: str) -> str:
    """Of a variable that the shell makes when it is asked for."""
    kind = "x" if name in STANDING else _KINDS.get(name, "-")
    if "a" in kind:
        inside = " ".join(f"[{at}]={double(text)}" for at, text in enumerate(language.list_of(name)))
        return f"declare -{kind} {name}=({inside})"
    return f"declare -{kind} {name}={double(language.get(name) or '')}"


def assignment(language: Language, name: str) -> str:
    """`name=value`, as `set` prints it."""
    if name in language.arrays or name in language.maps:
        return f"{name}={listed(language, name)}"
    return f"{name}={quote_if_needed(language.variables.get(name, '')) if language.variables.get(name) else ''}"


def names(language: Language) -> list[str]:
    """Every variable that has a value, in alphabetical order."""
    every = {*language.variables, *language.arrays, *language.maps}
    return sorted(name for name in every if not (language.has(name, "d") and not language.keys_of(name)))
