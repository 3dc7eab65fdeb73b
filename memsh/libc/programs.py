"""The programs that can be exec'd, seen from the C library: where each keeps malloc's variables.

The images themselves (segments, pages used before main) are machine state, on its disk: Model.programs tells them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.arch.x86.aslr import actual

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.image import Image
    from memsh.linux.include.sched import Task

def image_of(box: Box, task: Task) -> Image | None:
    """The program that `task` runs, None for one that memsh did not start."""
    found: Image | None = box.programs.get(task.path)
    return found


def symbols_of(box: Box, task: Task) -> dict[str, int]:
    """Addresses of `main_arena`, `mp_`, `tcache` (the thread-local pointer), `__curbrk` … in the task's memory.

    A static program also has `tls` and `tls_size`: the start and length in bytes of what __libc_setup_tls takes with
    sbrk before the first malloc. A dynamic one has an untouched heap.
    """
    image = image_of(box, task)
    if image is None:
        return {}
    mm = task.mm
    if mm is None or not mm.placed:
        return image.symbols
    return {name: addr if name.endswith("_size") else actual(mm, addr) for name, addr in image.symbols.items()}
