"""The OOM killer (mm/oom_kill.c), and the report of an allocation that failed (mm/page_alloc.c: warn_alloc)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.kernel.flags import GFP_NAMES

if TYPE_CHECKING:
    from memsh.kernel.box import Box
    from memsh.kernel.task import Task

NOWARN = GFP_NAMES["__GFP_NOWARN"]


class Oom:
    """`box.oom`."""

    def __init__(self, box: Box) -> None:
        self.box = box

    def is_victim(self, task: Task) -> bool:
        """Whether the task was chosen and has not ended yet (tsk_is_oom_victim)."""
        return False

    def out_of_memory(self, gfp: int, order: int, highest: int) -> bool:
        """Choose and kill a process; whether that may help the allocation."""
        return False

    def warn_alloc(self, gfp: int, order: int) -> None:
        """An allocation failed for good. Writes the first line of Linux's report unless __GFP_NOWARN."""
        if not gfp & NOWARN:
            comm = getattr(getattr(self.box, "current", None), "comm", "swapper/0")
            text = f"{comm}: page allocation failure: order:{order}, mode:{gfp:#x}, nodemask=(null)"
            self.box.log.printk(text, 4)
