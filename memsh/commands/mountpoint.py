"""mountpoint: whether a directory is one (util-linux 2.38.1, sys-utils/mountpoint.c)."""

from __future__ import annotations

from memsh.commands.facts import lstat
from memsh.commands.paths import path_of
from memsh.commands.tools import TOPIC, parting, reader_of
from memsh.linux.box import Box
from memsh.procps.reader import Exit
from memsh.shell.io import IO
from memsh.shell.registry import Args, command, rest

NOT = 32
_WORDS = rest("words", raw=True, meta="PATH", words="path", help="as util-linux takes them; --help lists them")


@command(_WORDS, topic=TOPIC, needs_box=False, help_option=False)
def mountpoint(box: Box | None, args: Args, io: IO) -> int:
    """tell whether a file system is mounted at a directory

    mountpoint /dev/shm

    -q by the status alone, -d the file system's number, -x a disk's. The status is 0, or 32 where none is.
    """
    from memsh.procps import mountpoint as util_mountpoint  # start-up: mountpoint alone

    try:
        asked = util_mountpoint.asked(args.words)
    except Exit as end:
        return parting(io, end)
    say = (lambda text: None) if asked.quiet else io.out
    try:
        facts = lstat(io.session, asked.path, asked.follow)
        where = path_of(io.session, asked.path)
    except OSError as error:
        io.err("" if asked.quiet else f"mountpoint: {asked.path}: {error.strerror or error}\n")
        return 1
    if asked.device:
        if facts.kind != "block":
            io.err("" if asked.quiet else f"mountpoint: {asked.path}: not a block device\n")
            return NOT
        say("{}:{}\n".format(*facts.rdev))
        return 0
    number = util_mountpoint.mounted_at(reader_of(box, io), where) if facts.kind == "dir" else None
    if number is None:
        say(f"{asked.path} is not a mountpoint\n")
        return NOT
    if asked.number:
        io.out(f"{number}\n")
    else:
        say(f"{asked.path} is a mountpoint\n")
    return 0
