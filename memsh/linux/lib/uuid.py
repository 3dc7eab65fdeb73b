"""UUIDs, and what of them statfs() tells (lib/uuid.c, uuid_gen; include/linux/statfs.h, uuid_to_fsid).

Known deviations: what a UUID is made of is not random: it follows from what it is for.
"""

from __future__ import annotations

from hashlib import md5


def uuid_gen(purpose: str) -> bytes:
    """16 bytes of a UUID of version 4."""
    made = bytearray(md5(purpose.encode("utf-8", "surrogateescape"), usedforsecurity=False).digest())
    made[6], made[8] = made[6] & 0x0F | 0x40, made[8] & 0x3F | 0x80
    return bytes(made)


def uuid_to_fsid(uuid: bytes) -> int:
    """64 bits; the lower half of the folded UUID is the first word of fsid_t."""
    folded = (int.from_bytes(uuid[:8], "little") ^ int.from_bytes(uuid[8:], "little")).to_bytes(8, "little")
    return int.from_bytes(folded[:4], "little") << 32 | int.from_bytes(folded[4:], "little")
