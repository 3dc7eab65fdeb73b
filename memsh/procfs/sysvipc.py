"""/proc/sysvipc: System V's queues, semaphores and shared memory (ipc/util.c, msg.c, sem.c, shm.c).

**Known deviations:** there are none, and nothing makes one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    """Sizes are as wide as the machine's words."""
    wide = 10 if box.arch.word == 4 else 21
    return (f"       key      shmid perms {'size':>{wide}}  cpid  lpid nattch {_OWNER}      atime      dtime      ctime"
            f" {'rss':>{wide}} {'swap':>{wide}}\n")  # fmt: skip
