"""What a file of the box's disk is beside its contents: chmod fallocate truncate.

Known deviations: nobody is refused for a file's mode (there is one user, root); files have no holes, so that what
`truncate` adds takes room on the disk.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from memsh.commands.paths import disk_of, is_devfs, is_procfs, path_of, writable_path
from memsh.linux.include.errno import KernelError
from memsh.shell import IO, Args, UsageError, arg, command, opt, rest
from memsh.shell.values import wide_size

if TYPE_CHECKING:
    from memsh.linux.box import Box

TOPIC = "files"
_CLAUSE = re.compile(r"([ugoa]*)([-+=])([rwxst]*)")
_WHOSE = {"u": 0o4700, "g": 0o2070, "o": 0o1007, "a": 0o7777}
_BITS = {"r": 0o444, "w": 0o222, "x": 0o111, "s": 0o6000, "t": 0o1000}


def new_mode(mode: int, words: str) -> int:
    """`mode` (permission bits) after a change as chmod takes it: `600`, `u+x,go-w`."""
    if re.fullmatch("[0-7]{1,4}", words):
        return int(words, 8)
    for clause in words.split(","):
        match = _CLAUSE.fullmatch(clause)
        if match is None:
            raise UsageError(f"invalid mode: '{words}'")
        whose = 0
        for letter in match[1] or "a":
            whose |= _WHOSE[letter]
        bits = 0
        for letter in match[3]:
            bits |= _BITS[letter] & whose
        mode = mode | bits if match[2] == "+" else mode & ~bits if match[2] == "-" else mode & ~whose | bits
    return mode


@command(
    arg("mode", help="octal, or like u+x,go-w"), rest("files", required=True, words="path"), topic=TOPIC, changes=True,
)  # fmt: skip
def chmod(box: Box, args: Args, io: IO) -> int:
    """change the mode of files

    mkfile /swapfile 1M; chmod 600 /swapfile
    """
    status = 0
    for name in args.files:
        try:
            whole = path_of(io.session, name)
            if is_procfs(whole):
                raise KernelError("EPERM")
            inode = disk_of(box, whole) if is_devfs(whole) else box.fs.lookup(whole)
            box.fs.chmod(inode, new_mode(inode.mode & 0o7777, args.mode))
        except KernelError as error:
            verb = "access" if error.code == "ENOENT" else "change permissions of"
            io.complain(f"cannot {verb} '{name}': {error.strerror}")
            status = 1
    return status


def _resize(box: Box, whole: str, size: int) -> None:
    if not box.fs.exists(whole):
        box.fs.create(whole)
    box.fs.truncate(whole, size)


@command(
    opt("-l", "--length", type=wide_size, meta="SIZE", help="bytes; k, M, G allowed"), arg("file", words="path"),
    topic=TOPIC, changes=True,
)  # fmt: skip
def fallocate(box: Box, args: Args, io: IO) -> int:
    """give a file room on the box's disk: zeros up to a length

    fallocate -l 64M /swapfile; chmod 600 /swapfile; mkswap /swapfile; swapon /swapfile

    No page is written or cached for it. A file that is longer stays as it is.
    """
    if args.length is None:
        raise UsageError("no length argument specified")
    if not args.length:
        raise UsageError("invalid length value specified")
    try:
        whole = writable_path(io.session, args.file)
        if not box.fs.exists(whole) or box.fs.lookup(whole).size < args.length:
            _resize(box, whole, args.length)
    except KernelError as error:
        what = "fallocate failed" if error.code in ("ENOSPC", "EFBIG") else f"cannot open {args.file}"
        io.complain(f"{what}: {error.strerror}")
        return 1
    return 0


def _change(words: str) -> tuple[str, int]:
    sign = words[:1] if words[:1] in ("+", "-") else ""
    return sign, wide_size(words[len(sign) :])


@command(
    opt("-s", "--size", type=_change, meta="SIZE", help="bytes; k, M, G allowed; +SIZE and -SIZE from what it has"),
    opt("-c", "--no-create", help="make no new file"), rest("files", required=True, words="path"),
    topic=TOPIC, changes=True,
)  # fmt: skip
def truncate(box: Box, args: Args, io: IO) -> int:
    """set the length of files; what is new reads as zeros

    truncate -s 1M /data
    """
    if args.size is None:
        raise UsageError("you must specify '--size'")
    sign, size = args.size
    status = 0
    for name in args.files:
        try:
            whole = writable_path(io.session, name)
            there = box.fs.exists(whole)
            if not there and args.no_create:
                continue
            before = box.fs.lookup(whole).size if there else 0
            _resize(box, whole, before + size if sign == "+" else max(0, before - size) if sign == "-" else size)
        except KernelError as error:
            failed = "failed to truncate" if error.code in ("ENOSPC", "EFBIG", "ETXTBSY") else "cannot open"
            what = f"{failed} '{name}'" + (f" at {size} bytes" if failed[0] == "f" else " for writing")
            io.complain(f"{what}: {error.strerror}")
            status = 1
    return status
