"""How far a path may lead (include/linux/namei.h)."""

MAXSYMLINKS = 40  # links that a path may go through: beyond, ELOOP
