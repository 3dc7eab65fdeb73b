"""How far a path may lead (include/linux/namei.h, include/uapi/linux/limits.h)."""

NAME_MAX = 255  # bytes of one name: beyond, ENAMETOOLONG
MAXSYMLINKS = 40  # links that a path may go through: beyond, ELOOP
