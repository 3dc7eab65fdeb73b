"""/proc/sysrq-trigger: a key pressed by writing it (drivers/tty/sysrq.c, write_sysrq_trigger)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.kernel.sysrq import handle_sysrq

if TYPE_CHECKING:
    from memsh.linux.box import Box


def store(box: Box, text: str) -> None:
    """The first character counts, the rest is taken and forgotten."""
    handle_sysrq(box, text[0])
