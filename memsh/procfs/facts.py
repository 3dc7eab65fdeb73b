"""Files of /proc and /sys whose text is a fact of the machine: who made its kernel, which devices it has.

A model's facts are path → text (memsh.linux.include.model); a path without a slash in front lies below /proc.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.procfs.node import Directory, Node, ProcFile

if TYPE_CHECKING:
    from memsh.linux.box import Box


def names(box: Box, folder: str) -> list[str]:
    """The names in `folder` ("" or ending in a slash), each once."""
    rest = (path.removeprefix(folder).split("/")[0] for path in box.model.facts if path.startswith(folder))
    return [name for name in dict.fromkeys(rest) if name]


def find(box: Box, folder: str, name: str) -> Node | None:
    path = folder + name
    if path in box.model.facts:
        return ProcFile(lambda box: box.model.facts[path])
    below = path + "/"
    if any(other.startswith(below) for other in box.model.facts):
        return directory(below)
    return None


def directory(folder: str, fixed: dict[str, Node] | None = None) -> Directory:
    """What facts there are in a folder, and `fixed`."""
    mode = 0o755 if folder.startswith("/sys/") else 0o555
    return Directory(fixed or {}, mode, lambda box: names(box, folder), lambda box, name: find(box, folder, name))
