"""What came with the box's disk: its directories and files, and the bytes of those that nobody has written to.

Known deviations: the contents are made up.
"""

from __future__ import annotations

from hashlib import shake_128

from memsh.linux.fs.filetext import ETC, text_page
from memsh.linux.include.mm_types import Inode

TREE: tuple[tuple[str, int], ...] = (
    ("/bin/busybox", 2066980),
    ("/etc/fstab", len(ETC["/etc/fstab"])),
    ("/etc/hostname", len(ETC["/etc/hostname"])),
    ("/etc/hosts", len(ETC["/etc/hosts"])),
    ("/etc/passwd", len(ETC["/etc/passwd"])),
    ("/etc/profile", len(ETC["/etc/profile"])),
    ("/home/user/notes.txt", len(ETC["/home/user/notes.txt"])),
    ("/root/.profile", len(ETC["/root/.profile"])),
    ("/usr/bin/gdb", 8437812),
    ("/usr/bin/perl", 3482944),
    ("/usr/bin/python3", 5921096),
    ("/usr/lib/libcrypto.so.3", 4751632),
    ("/usr/lib/libm.so.6", 1042912),
    ("/usr/lib/libstdc++.so.6", 2190440),
    ("/usr/lib/locale/locale-archive", 3055776),
    ("/usr/share/dict/words", 985084),
    ("/var/lib/dpkg/status", 1480704),
    ("/var/log/dpkg.log", 393216),
    ("/var/log/kern.log", 1048576),
    ("/var/log/syslog", 2097152),
)
LARGE: tuple[tuple[str, int], ...] = (
    ("/usr/lib/libLLVM-14.so.1", 108384520),
    ("/usr/lib/python3/dist-packages.zip", 19284731),
    ("/var/log/journal/system.journal", 25165824),
    ("/var/log/messages.1", 7340032),
)
PROGRAM_FOLDERS = ("bin", "sbin", "lib", "lib32", "lib64")  # whose files may be run
DIRECTORIES = (
    "/bin", "/dev", "/etc", "/home", "/lib", "/lib32", "/mnt", "/proc", "/root", "/sbin", "/sys", "/tmp", "/usr/sbin",
    "/var/log", "/var/tmp",
)  # fmt: skip
ANYBODYS = frozenset(["/tmp", "/var/tmp"])  # where everybody makes files, and only their owner takes them away


def generate(inode: Inode, index: int) -> bytes:
    """Page `index` of a file that nobody has written to; zeros behind its end."""
    if inode.seed == "" or inode.seeded <= index << 12:
        return bytes(4096)
    page = text_page(inode.seed, index)
    if page is None:
        page = shake_128(f"{inode.seed}:{index}".encode()).digest(4096)
        if index == 0 and inode.seed.startswith("/bin"):
            page = b"\x7fELF\1\1\1" + bytes(9) + page[16:]
    left = min(inode.size, inode.seeded) - index * 4096
    return page if left >= 4096 else page[: max(0, left)] + bytes(4096 - max(0, left))
