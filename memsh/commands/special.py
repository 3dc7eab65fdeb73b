"""Special files: mkfifo mknod (GNU coreutils 9.1)."""

from __future__ import annotations

from memsh.commands.attributes import new_mode
from memsh.commands.naming import writable_name
from memsh.commands.paths import disk_of
from memsh.commands.targets import context_options, without_context
from memsh.lazy import regular
from memsh.linux.box import Box
from memsh.linux.include.errno import KernelError
from memsh.linux.include.sched import current_umask
from memsh.linux.include.stat import S_IFBLK, S_IFCHR
from memsh.shell import IO, Args, ShellError, UsageError, rest
from memsh.textutils.quoting import quote
from memsh.textutils.utility import option, utility

TOPIC = "files"
RW_UGO = 0o666
_C_NUMBER = regular("0[xX][0-9a-fA-F]{1,16}|0[0-7]{0,20}|[1-9][0-9]{0,18}")
MAJORS, MINORS = 1 << 12, 1 << 20
DEVICES = {"b": S_IFBLK, "c": S_IFCHR, "u": S_IFCHR}


def _mode(box: Box, args: Args) -> int | None:
    """What -m asks for, from which no umask takes; None without it."""
    if args.mode is None:
        return None
    try:
        mode = new_mode(RW_UGO, args.mode, current_umask(box))
    except UsageError:
        raise ShellError("invalid mode") from None
    if mode & ~0o777:
        raise ShellError("mode must specify only file permission bits")
    return mode


def _make_fifo(box: Box, io: IO, name: str, mode: int | None) -> None:
    inode = disk_of(io.session).mkfifo(writable_name(io.session, name))
    if mode is not None:
        box.fs.chmod(inode, mode)


@utility(
    option("-m", "--mode", type=str, meta="MODE", help="its permission bits, as chmod has them"), *context_options(),
    rest("files", words="path"), usage="[OPTION]... NAME...", topic=TOPIC,
)  # fmt: skip
def mkfifo(box: Box, args: Args, io: IO) -> int:
    """make named pipes

    mkfifo /tmp/p; cat /tmp/p & echo hi > /tmp/p; wait

    Opening one waits until a job opens its other end; where no job is left that could, that is refused.
    """
    if not args.files:
        raise args.refused("missing operand")
    without_context(args, io, "an SELinux/SMACK-enabled")
    mode, status = _mode(box, args), 0
    for name in args.files:
        try:
            _make_fifo(box, io, name, mode)
        except OSError as error:
            io.complain(f"cannot create fifo {quote(name)}: {error.strerror}")
            status = 1
    return status


@utility(
    option("-m", "--mode", type=str, meta="MODE", help="its permission bits, as chmod has them"), *context_options(),
    rest("words", meta="NAME TYPE [MAJOR MINOR"), usage="[OPTION]... NAME TYPE [MAJOR MINOR]", topic=TOPIC,
)  # fmt: skip
def mknod(box: Box, args: Args, io: IO) -> int:
    """make a special file: p a named pipe, b and c (u) the node of a device

    mknod /tmp/null c 1 3; echo x > /tmp/null
    """
    words: list[str] = args.words
    _counted(args, words)
    without_context(args, io, "an SELinux/SMACK-enabled")
    mode = _mode(box, args)
    name, kind = words[0], words[1][:1]
    if kind != "p" and kind not in DEVICES:
        raise args.refused(f"invalid device type {quote(words[1])}")
    try:
        if kind == "p":
            _make_fifo(box, io, name, mode)
            return 0
        numbers = _number(words[2], "major"), _number(words[3], "minor")
        if numbers[0] >= MAJORS or numbers[1] >= MINORS:  # glibc, sysdeps/unix/sysv/linux/mknodat.c
            raise KernelError("EINVAL")
        permissions = RW_UGO & ~current_umask(box) if mode is None else mode
        disk_of(io.session).mknod(writable_name(io.session, name), DEVICES[kind] | permissions, numbers)
    except OSError as error:
        io.complain(f"{name}: {error.strerror}")
        return 1
    return 0


def _counted(args: Args, words: list[str]) -> None:
    """A pipe has two operands, a device four."""
    wanted = 2 if not words or (words[1:2] and words[1][:1] == "p") else 4
    if len(words) < wanted:
        after = f" after {quote(words[-1])}" if words else ""
        more = "\nSpecial files require major and minor device numbers." if (wanted, len(words)) == (4, 2) else ""
        raise args.refused(f"missing operand{after}{more}")
    if len(words) > wanted:
        more = "\nFifos do not have major and minor device numbers." if (wanted, len(words)) == (2, 4) else ""
        raise args.refused(f"extra operand {quote(words[wanted])}{more}")


def _number(word: str, what: str) -> int:
    """Decimal, octal or hexadecimal, as C has them (xstrtoumax with base 0)."""
    known = _C_NUMBER.fullmatch(word)
    number = int(word, 16 if word[1:2] in ("x", "X") else 8 if word[0] == "0" else 10) if known else -1
    if not 0 <= number < 1 << 32:  # not i386: an unsigned int, wherever it runs
        raise ShellError(f"invalid {what} device number {quote(word)}")
    return number
