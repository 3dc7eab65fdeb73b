"""/sys/module/*/parameters: what a part of the kernel may be told, at boot as NAME.PARAMETER=VALUE or by writing
(kernel/params.c). The parameters, their modes and what they are without being told stand in the machine's list.

**Known deviations:** of what may be written, yes-or-no and numbers only; it is kept, and changes nothing but where a
sysctl is the same thing.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.kernel import sysctl
from memsh.linux.kernel.cmdline import words
from memsh.linux.lib.kstrtox import kstrtobool, kstrtoint
from memsh.procfs.listing import Entry, Folder
from memsh.procfs.node import Directory, Node, ProcFile
from memsh.procfs.sysfs import listed

if TYPE_CHECKING:
    from memsh.linux.box import Box

SAME = {f"kernel.{name}": f"kernel.{name}" for name in ("panic", "panic_on_warn", "panic_print")}  # as a sysctl
BOOL, NUMBER = re.compile("[YN]"), re.compile(r"-?\d+")


def _modules(box: Box) -> Folder:
    found = listed(box.model.sysfs).at("module")
    assert isinstance(found, Folder)
    return found


def _parsed(before: str, text: str) -> str:
    """How a value is shown, as the one before it is: EINVAL, ERANGE."""
    if BOOL.fullmatch(before):
        return "Y" if kstrtobool(text) else "N"
    number = kstrtoint(text)
    if number < 0 and not before.startswith("-"):
        raise KernelError("EINVAL", text)
    return str(number)


def _value(key: str, told: Entry, box: Box) -> str:
    """What was written last, or said at boot, or is without that."""
    if key in SAME:
        return sysctl.get(box, SAME[key])
    kept = box.sysctl.text.get(f"module.{key}")
    if kept is not None:
        return kept
    value = told.text
    for name, said in words(box.config):
        if name.replace("-", "_") == key and said is not None:
            try:
                value = _parsed(value, said)
            except KernelError:
                continue  # "`x' invalid for parameter": as if it had not been said
    return value


def _show(key: str, told: Entry, box: Box) -> str:
    return _value(key, told, box) + "\n"


def _store(key: str, told: Entry, box: Box, text: str) -> None:
    if key in SAME:
        sysctl.put(box, SAME[key], text)
        return
    box.sysctl.text[f"module.{key}"] = _parsed(_value(key, told, box), text)


def _parameters(name: str, folder: Folder) -> dict[str, Node]:
    found: dict[str, Node] = {}
    for parameter, told in folder.entries().items():
        if not isinstance(told, Entry) or told.kind != "=":
            continue
        if BOOL.fullmatch(told.text) or NUMBER.fullmatch(told.text):
            key = f"{name}.{parameter}"
            found[parameter] = ProcFile(partial(_show, key, told), partial(_store, key, told) if told.mode & 0o200
                                        else None, told.mode)  # fmt: skip
    return found


def _find(box: Box, name: str) -> Node | None:
    module = _modules(box).entries().get(name)
    folder = module.entries().get("parameters") if isinstance(module, Folder) else None
    if not isinstance(folder, Folder):
        return None
    return Directory({"parameters": Directory(_parameters(name, folder), 0o755)}, 0o755)


MODULES = Directory({}, 0o755, lambda box: list(_modules(box).entries()), _find)
