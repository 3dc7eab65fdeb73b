"""/dev/kmsg: the kernel log, a record a read, and where programs write into it (kernel/printk/printk.c: devkmsg_read,
devkmsg_write, info_print_ext_header, msg_add_ext_text).

Known deviations: a reader at the end of the log meets the end of the file, where Linux lets it wait; records have no
SUBSYSTEM= and DEVICE= lines; nobody is held back for writing much (printk_devkmsg).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from memsh.linux.drivers.char.mem import get_unmapped_area_zero
from memsh.linux.include.errno import KernelError
from memsh.linux.include.kern_levels import KERN_WARNING
from memsh.linux.include.mm_types import FileOperations

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.kernel.printk import Record

LOG_LINE_MAX = 1024 - 32
LOG_USER = 1  # the facility of what programs write
MESSAGE_LOGLEVEL_DEFAULT = KERN_WARNING
_PREFIX = re.compile(rb"<([0-9]{1,10})>")


def _ext_text(number: int, record: Record) -> str:
    """A record as it is read: priority, sequence number, microseconds, then the text, nothing in it but what prints."""
    text = "".join(
        chr(byte) if 32 <= byte < 127 and byte != 92 else f"\\x{byte:02x}"
        for byte in record.text.encode("utf-8", "surrogateescape")
    )
    return f"{record.facility << 3 | record.level},{number},{record.usec},-;{text}\n"


def _devkmsg_read(box: Box, position: int, length: int) -> bytes:
    log = box.log
    first = log.total - len(log.records)
    text = "".join(_ext_text(first + at, record) for at, record in enumerate(log.records))
    return text.encode()[position : position + length]


def _devkmsg_write(box: Box, position: int, data: bytes) -> int:
    """`<N>text`: level N & 7 of facility N >> 3, a program's own if that is the kernel's. EINVAL for a long line."""
    if len(data) > LOG_LINE_MAX:
        raise KernelError("EINVAL")
    level, facility, text = MESSAGE_LOGLEVEL_DEFAULT, LOG_USER, data
    found = _PREFIX.match(data)
    if found is not None:
        level, facility = int(found[1]) & 7, int(found[1]) >> 3 & 0xFF or LOG_USER
        text = data[found.end() :]
    box.log.printk(text.removesuffix(b"\n").decode("utf-8", "surrogateescape"), level, facility)
    box.changes += 1
    return len(data)


KMSG = FileOperations(None, get_unmapped_area_zero, read=_devkmsg_read, write=_devkmsg_write)
