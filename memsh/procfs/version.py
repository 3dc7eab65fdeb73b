"""/proc/version, /proc/cmdline: what never changes (fs/proc/version.c, cmdline.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memsh.linux.box import Box

def show(box: Box) -> str:
    return box.machine.image.banner + "\n"


def show_cmdline(box: Box) -> str:
    return box.config.cmdline + "\n"
