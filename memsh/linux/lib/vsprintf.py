"""Whether pointers are shown hashed (lib/vsprintf.c).

Known deviations: memsh shows addresses as they are, whatever the command line says: to see them is what it is for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.kern_levels import KERN_WARNING

if TYPE_CHECKING:
    from memsh.linux.kernel.printk import Printk

WIDTH = 54
_NOTICE = "NOTICE NOTICE NOTICE NOTICE NOTICE NOTICE NOTICE"
_WORDS = (
    f"  {_NOTICE}",
    "",
    "This system shows unhashed kernel memory addresses",
    "via the console, logs, and other interfaces. This",
    "might reduce the security of your system.",
    "",
    "If you see this message and you are not debugging",
    "the kernel, report this immediately to your system",
    "administrator!",
    "",
    f"  {_NOTICE}",
)


def no_hash_pointers_enable(log: Printk) -> None:
    """A box drawn into the log: who debugs the allocator, or asks for it, sees addresses."""
    rows = ["*" * (WIDTH + 4), *(f"**{(' ' + words):<{WIDTH}}**" for words in _WORDS), "*" * (WIDTH + 4)]
    for row in rows:
        log.printk(row, KERN_WARNING)
