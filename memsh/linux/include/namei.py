"""How far a path may lead (include/linux/namei.h, include/uapi/linux/limits.h)."""

NAME_MAX = 255  # bytes of one name: beyond, ENAMETOOLONG
MAXSYMLINKS = 40  # links that a path may go through: beyond, ELOOP


def too_long(name: str) -> bool:
    """Whether a name has more bytes than one may have."""
    return len(name) * 4 > NAME_MAX and len(name.encode("utf-8", "surrogateescape")) > NAME_MAX
