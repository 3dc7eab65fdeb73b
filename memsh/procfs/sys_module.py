"""/sys/module/*/parameters (kernel/params.c). The parameters, their modes and what they are without being told stand in
the machine's list. Known deviations: kernel/moduleparam's.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from memsh.linux.kernel import moduleparam
from memsh.procfs.listing import Entry, Folder
from memsh.procfs.node import Directory, Node, ProcFile
from memsh.procfs.sysfs import listed

if TYPE_CHECKING:
    from memsh.linux.box import Box


def _modules(box: Box) -> Folder:
    found = listed(box.model.sysfs).at("module")
    assert isinstance(found, Folder)
    return found


def _show(key: str, told: Entry, box: Box) -> str:
    return moduleparam.value(box, key, told.text) + "\n"


def _store(key: str, told: Entry, box: Box, text: str) -> None:
    moduleparam.store(box, key, told.text, text)


def _parameters(name: str, folder: Folder) -> dict[str, Node]:
    found: dict[str, Node] = {}
    for parameter, told in folder.entries().items():
        if not isinstance(told, Entry) or told.kind != "=":
            continue
        key = f"{name}.{parameter}"
        if moduleparam.is_known(key, told.text):
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
