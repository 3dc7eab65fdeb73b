"""/proc/sysvipc: System V's queues, semaphores and shared memory (ipc/util.c, msg.c, sem.c, shm.c).

**Known deviations:** nothing makes queues or semaphores.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.kernel.timer import BTIME

if TYPE_CHECKING:
    from memsh.linux.box import Box

_OWNER = "  uid   gid  cuid  cgid"


def show_msg(box: Box) -> str:
    del box
    return ("       key      msqid perms      cbytes       qnum lspid lrpid "
            f"{_OWNER}      stime      rtime      ctime\n")  # fmt: skip


def show_sem(box: Box) -> str:
    del box
    return f"       key      semid perms      nsems {_OWNER}      otime      ctime\n"


def show_shm(box: Box) -> str:
    """Sizes are as wide as the machine's words; times are seconds since 1970, 0 for never."""
    wide = 10 if box.arch.word == 4 else 21
    lines = [f"       key      shmid perms {'size':>{wide}}  cpid  lpid nattch {_OWNER}"
             f"      atime      dtime      ctime {'rss':>{wide}} {'swap':>{wide}}\n"]  # fmt: skip
    for index in sorted(box.shm.ids):
        one = box.shm.ids[index]
        times = " ".join(f"{BTIME + usec // 1_000_000 if usec else 0:10}" for usec in (one.atime, one.dtime, one.ctime))
        lines.append(
            f"{one.key:10} {one.id:10}  {one.mode:4o} {one.size:{wide}} {one.cpid:5} {one.lpid:5}  {one.nattch:5} "
            f"{0:5} {0:5} {0:5} {0:5} {times} {one.resident << 12:{wide}} {one.swapped << 12:{wide}}\n"
        )
    return "".join(lines)
