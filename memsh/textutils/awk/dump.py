"""`-d`, `--dump-variables`: what the global variables are at the end of a run (gawk's debug.c, print_vars)."""

from __future__ import annotations

from typing import Any

from memsh.textutils.awk.runtime import GETTERS, Runtime
from memsh.textutils.awk.values import TOUCHED, UNSET, Bool, Strong, unusual
from memsh.textutils.quoting import C_ESCAPES

_SPELT = {char: f"\\{letter}" for letter, char in C_ESCAPES.items()} | {'"': '\\"', "\\": "\\\\"}


def _shown(runtime: Runtime, value: Any) -> str:
    if isinstance(value, dict):
        return f"array, {len(value)} elements"
    if value is UNSET:
        return "untyped variable"
    if value is TOUCHED:
        return "uninitialized scalar"
    if type(value) is float:
        return f"{value:.17g}" if value - value == 0.0 else unusual(value, runtime.plus)
    if type(value) is Bool:
        return value
    if type(value) is Strong:
        return f"@/{value}/"
    return '"' + "".join(map(_letter, value)) + '"'


def _letter(char: str) -> str:
    """A character of a string as C spells it in a text of ASCII."""
    if char in _SPELT:
        return _SPELT[char]
    if " " <= char <= "~":
        return char
    return "".join(f"\\{byte:03o}" for byte in char.encode("utf-8", "surrogateescape"))


def dump(runtime: Runtime, name: str) -> None:
    """Write the variables to a file, those of namespaces last; to standard error if it cannot be written."""
    lines = []
    for variable in sorted(runtime.cells, key=lambda one: ("::" in one, one)):
        getter = GETTERS.get(variable)
        value = runtime.cells[variable][0] if getter is None else getter(runtime)
        lines.append(f"{variable}: {_shown(runtime, value)}\n")
    io, text = runtime.io, "".join(lines)
    if name in ("-", "/dev/stdout"):
        io.out(text)
        return
    files = io.session.files
    assert files is not None
    try:
        sink = files.open_write(io.session, name, False)
    except OSError as error:
        io.complain(f"warning: could not open `{name}' for writing: {error.strerror or error}")
        io.complain("warning: sending variable list to standard error")
        io.err(text)
        return
    sink.write(text)
    sink.close()
