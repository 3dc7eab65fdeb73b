"""What a file of the box's disk is beside its contents: chmod fallocate truncate.

Known deviations: nobody is refused for a file's mode (there is one user, root); files have no holes, so that what
`truncate` adds takes room on the disk.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from memsh.commands.facts import BLOCK, Facts, lstat
from memsh.commands.paths import (
    is_link,
    is_procfs,
    listdir,
    path_of,
    stat_kind,
    writable_path,
)
from memsh.digits import is_digits
from memsh.lazy import regular
from memsh.linux.include.errno import KernelError
from memsh.linux.include.sched import current_umask
from memsh.linux.include.stat import s_isfifo
from memsh.shell import IO, Args, ShellError, UsageError, arg, command, opt, rest
from memsh.shell.values import wide_size
from memsh.textutils.quoting import quote
from memsh.textutils.utility import last_typed, option, sized, utility

if TYPE_CHECKING:
    from memsh.linux.box import Box

TOPIC = "files"
_WHOSE = {"u": 0o4700, "g": 0o2070, "o": 0o1007, "a": 0o7777}
_BITS = {"r": 0o444, "w": 0o222, "x": 0o111, "s": 0o6000, "t": 0o1000}
_COPIED = {"u": 6, "g": 3, "o": 0}
_CLAUSE = regular(r"([ugoa]*)((?:[-+=](?:[rwxXst]*|[ugo]|[0-7]+))+)")
_ACTION = regular(r"([-+=])([0-7]+|[ugo](?![rwxXst])|[rwxXst]*)")


def new_mode(mode: int, words: str, umask: int = 0, folder: bool = False) -> int:
    """`mode` (permission bits) after a change as chmod takes it: `600`, `u+x,go-w`, `a=rX` (gnulib's modechange.c).
    `umask` holds where nobody is named. UsageError for what is none."""
    if re.fullmatch("[0-7]{1,5}", words) and int(words, 8) <= 0o7777:
        kept = mode & 0o6000 if folder and len(words) < 5 else 0  # a folder keeps what is not spelled out
        return int(words, 8) | kept
    for clause in words.split(","):
        match = _CLAUSE.fullmatch(clause)
        if match is None:
            raise UsageError(f"invalid mode: '{words}'")
        for sign, what in _ACTION.findall(match[2]):
            mode = _changed(mode, match[1], sign, what, umask, folder)
    return mode


def _changed(mode: int, who: str, sign: str, what: str, umask: int, folder: bool) -> int:
    whose = 0
    for letter in who or "a":
        whose |= _WHOSE[letter]
    bits = 0
    if is_digits(what[:1]):
        bits = int(what, 8) & 0o7777
    elif what and what in _COPIED:
        bits = (mode >> _COPIED[what] & 7) * 0o111
    else:
        for letter in what:
            bits |= (0o111 if folder or mode & 0o111 else 0) if letter == "X" else _BITS[letter]
    bits &= whose & (~umask if not who else 0o7777)
    if sign == "+":
        return mode | bits
    if sign == "-":
        return mode & ~bits
    kept = mode & 0o6000 if folder and "s" not in what else 0
    return mode & ~(whose if who else 0o7777) | bits | kept


def _mode_first(words: list[str]) -> list[str]:
    """`chmod -x FILE`: a mode, no options."""
    for at, word in enumerate(words):
        if word == "--":
            break
        if re.match(r"-[rwxXstugoa0-7,+=]", word):
            return [*words[:at], "--", *words[at:]]
    return words


@utility(
    option("-c", "--changes", help="tell what is changed"), option("-f", "--silent", "--quiet", name="quiet"),
    option("-v", "--verbose", help="tell of every file"), option("-R", "--recursive", help="and all below"),
    option("--reference", type=str, meta="FILE", help="the mode of that file"), option("--no-preserve-root"),
    option("--preserve-root"), rest("words", meta="MODE FILE"),
    usage="[OPTION]... MODE[,MODE]... FILE...", rewrite=_mode_first, topic=TOPIC,
)  # fmt: skip
def chmod(box: Box, args: Args, io: IO) -> int:
    """change the mode of files

    mkfile /swapfile 1M; chmod 600 /swapfile
    """
    words: list[str] = list(args.words)
    if not words or (len(words) == 1 and args.reference is None):
        raise args.refused(f"missing operand after {quote(words[0])}" if words else "missing operand")
    if args.reference is not None:
        try:
            mode = f"{lstat(io.session, args.reference, True).mode & 0o7777:o}".zfill(5)
        except KernelError as error:
            raise ShellError(f"failed to get attributes of '{args.reference}': {error.strerror}") from None
    else:
        mode = words.pop(0)
        try:
            new_mode(0, mode)
        except UsageError:
            raise args.refused(f"invalid mode: {quote(mode)}") from None
    if args.recursive and last_typed(args, "preserve_root", "no_preserve_root") == "preserve_root":
        if any(path_of(io.session, name) == "/" for name in words):
            io.complain("it is dangerous to operate recursively on '/'")
            io.complain("use --no-preserve-root to override this failsafe")
            return 1
    told = last_typed(args, "changes", "quiet", "verbose")
    return max(_chmod(box, args, io, name, mode, told, True) for name in words)


def _chmod(box: Box, args: Args, io: IO, name: str, words: str, told: str, top: bool) -> int:
    io.check()
    try:
        if not top and is_link(io.session, name):
            return 0
        whole = path_of(io.session, name)
        if is_procfs(whole):
            raise KernelError("EPERM")
        inode = box.fs.lookup(whole)
    except KernelError as error:
        if not args.quiet:
            io.complain(f"cannot access '{name}': {error.strerror}" if error.code in ("ENOENT", "ENOTDIR") else
                        f"changing permissions of '{name}': {error.strerror}")  # fmt: skip
        if told == "verbose":
            io.out(f"{quote(name)} could not be accessed\n" if error.code in ("ENOENT", "ENOTDIR") else "")
        return 1
    folder = stat_kind(io.session, name) == "dir"
    before = inode.mode & 0o7777
    after = new_mode(before, words, current_umask(box), folder)
    box.fs.chmod(inode, after)
    if told == "verbose" or (told == "changes" and before != after):
        lead = f"changed from {_mode_of(before)} to" if before != after else "retained as"
        io.out(f"mode of '{name}' {lead} {_mode_of(after)}\n")
    status = 0
    if args.recursive and folder:
        for below in listdir(io.session, name):
            if below not in (".", ".."):
                path = f"{name.rstrip('/')}/{below}"
                status = max(status, _chmod(box, args, io, path, words, told, False))
    return status


def _mode_of(mode: int) -> str:
    """`0644 (rw-r--r--)`."""
    return f"{mode:04o} ({Facts('file', mode, 0, 0, 0, (0, 0), None).bits()[1:]})"


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
        inode = box.fs.lookup(whole) if box.fs.exists(whole) else box.fs.create(whole)
        if s_isfifo(inode.mode):
            raise KernelError("ESPIPE")
        if inode.f_op.allocate is not None:
            inode.f_op.allocate(box, inode, args.length)
        elif inode.size < args.length:
            _resize(box, whole, args.length)
    except KernelError as error:
        what = "fallocate failed" if error.code in ("ENOSPC", "EFBIG", "ESPIPE") else f"cannot open {args.file}"
        io.complain(f"{what}: {error.strerror}")
        return 1
    return 0


_SIGNS = "+-<>/%"


def _change(word: str) -> tuple[str, int]:
    """`-s`: how the size is meant, and the number."""
    text = word.strip(" ")
    sign = text[:1] if text[:1] and text[:1] in _SIGNS else ""
    size = sized(text[len(sign) :].lstrip(" "))
    if size is None:
        raise ValueError(f"Invalid number: '{word}'")
    if sign and sign in "/%" and not size:
        raise ValueError("division by zero")
    return sign, size


def _new_size(before: int, sign: str, size: int) -> int:
    """The length that `sign` and `size` make of one."""
    if sign in ("", "+", "-"):
        return size if not sign else before + size if sign == "+" else max(0, before - size)
    if sign in "<>":
        return min(before, size) if sign == "<" else max(before, size)
    return before // size * size if sign == "/" else -(-before // size) * size


@utility(
    option("-s", "--size", type=_change, meta="SIZE", help="bytes; +SIZE and -SIZE from what it has, <SIZE at most, "
           ">SIZE at least, /SIZE and %SIZE down and up to a multiple"),
    option("-c", "--no-create", help="make no new file"), option("-o", "--io-blocks", help="SIZE counts blocks"),
    option("-r", "--reference", type=str, meta="FILE", help="as long as that one"), rest("files", words="path"),
    usage="OPTION... FILE...", topic=TOPIC,
)  # fmt: skip
def truncate(box: Box, args: Args, io: IO) -> int:
    """set the length of files; what is new reads as zeros

    truncate -s 1M /data
    """
    if args.size is None and args.reference is None:
        raise args.refused("you must specify either '--size' or '--reference'")
    if args.size is not None and args.reference is not None and not args.size[0]:
        raise args.refused("you must specify a relative '--size' with '--reference'")
    if args.io_blocks and args.size is None:
        raise args.refused("'--io-blocks' was specified but '--size' was not")
    if not args.files:
        raise args.refused("missing file operand")
    base = None
    if args.reference is not None:
        try:
            base = lstat(io.session, args.reference, True).size
        except OSError as error:
            raise ShellError(f"cannot stat '{args.reference}': {error.strerror}") from None
    sign, size = args.size or ("", base or 0)
    size *= BLOCK if args.io_blocks else 1
    status = 0
    for name in args.files:
        try:
            whole = writable_path(io.session, name)
            there = box.fs.exists(whole)
            if not there and args.no_create:
                continue
            before = base if base is not None else box.fs.lookup(whole).size if there else 0
            _resize(box, whole, _new_size(before, sign, size))
        except KernelError as error:
            failed = "failed to truncate" if error.code in ("EFBIG", "EINVAL", "ENOSPC", "ETXTBSY") else "cannot open"
            what = f"{failed} '{name}'" + (f" at {size} bytes" if failed[0] == "f" else " for writing")
            io.complain(f"{what}: {error.strerror}")
            status = 1
    return status
