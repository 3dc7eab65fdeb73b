"""/proc/vmallocinfo: areas between VMALLOC_START and VMALLOC_END, by address (mm/vmalloc.c, s_show)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memsh.linux.box import Box


def show(box: Box) -> str:
    return box.vmalloc.info()
