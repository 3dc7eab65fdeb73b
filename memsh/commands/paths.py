"""One tree of names over /proc and /sys (procfs) and the box's own file systems; with --proc, over the recorded tree.

Relative names start at the session's directory. Errors are OSErrors with Linux's words.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from memsh.commands import fifos
from memsh.commands.pieces import CHUNK, DiskSink, DiskText, Nothing, ProcSink, ProcText, Zeros, pread_of
from memsh.digits import is_digits
from memsh.lazy import regular
from memsh.linux.include.errno import KernelError
from memsh.linux.include.namei import MAXSYMLINKS
from memsh.linux.include.stat import s_isblk, s_isfifo, s_isreg
from memsh.procfs import tree
from memsh.procfs.node import Link
from memsh.shell import ShellError
from memsh.shell.errors import PANICKED
from memsh.shell.io import IO, Capture, FileInput, Input, PartsInput, Sink, TextInput
from memsh.shell.pipes import Pipe
from memsh.shell.session import FileSink, Session

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.fs.diskfs import FileSystem

CONSOLES = frozenset({(5, 1), (4, 64)})  # /dev/console, and the serial port that it is on


def resolve(session: Session, path: str) -> str:
    """The absolute name, without `.` and `..`. ENOENT for an empty one."""
    if not path:
        raise KernelError("ENOENT")
    if "\0" in path:
        raise KernelError("EINVAL")
    if len(path) > 4095:
        raise KernelError("ENAMETOOLONG")
    whole = posixpath.normpath(posixpath.join(session.cwd, path))
    return whole[1:] if whole.startswith("//") else whole


def is_procfs(path: str) -> bool:
    return path in ("/proc", "/sys") or path.startswith(("/proc/", "/sys/"))


def is_link(session: Session, path: str) -> bool:
    """Whether a name is a symbolic link of the disk, of /proc or of /sys."""
    box = session.box
    try:
        whole = path_of(session, path, False)
    except OSError:
        return False
    if box is None or box.panicked:
        return False
    if not is_procfs(whole):
        return bool(box.fs.exists(whole) and box.fs.lookup(whole).target)

    try:
        return isinstance(tree.lookup(box, whole, False), Link)
    except KernelError:
        return False


def skim(io: IO, name: str) -> bool:
    """Read a file of the disk for nobody (`> /dev/null`): no bytes are made. False if it is not on the disk."""
    session = io.session
    whole = resolve(session, name)
    whole = followed(session, whole)
    if name == "-" or not on_disk(session, whole) or stat_kind(session, whole) != "file":
        return False
    fs = session.box.fs
    file, place = fs.open(whole), 0
    try:
        while count := fs.skip(file, place, CHUNK):
            place += count
            io.check()
    finally:
        fs.fput(file)
    return True


def followed(session: Session, whole: str, last: bool = True) -> str:
    """The name without links, those of the disk and of /proc: `/proc/self/exe` is a file of the disk. With `last`
    False a link at its end is meant itself. ELOOP."""
    box = session.box
    if box is None:
        return whole
    for _ in range(MAXSYMLINKS + 1):
        onward = _onward(box, whole, last)
        if onward == whole:
            return whole
        whole = onward
    raise KernelError("ELOOP")


def _onward(box: Box, whole: str, last: bool) -> str:
    if not is_procfs(whole):
        return whole if box.panicked else box.fs.follow(whole, last)

    try:
        return tree.real_path(box, whole, last)
    except KernelError:
        return whole


def path_of(session: Session, path: str, last: bool = True) -> str:
    """The absolute name that `path` stands for, without links. ENOENT for an empty one, ELOOP."""
    return followed(session, resolve(session, path), last)


def disk_of(session: Session) -> FileSystem:
    """The box's own files. EROFS in a recorded tree."""
    if session.box is None:
        raise KernelError("EROFS")
    return session.box.fs


def on_disk(session: Session, whole: str) -> bool:
    """Whether an absolute name is one of the box's own file systems: not of /proc, /sys, a recorded tree."""
    return session.box is not None and not is_procfs(whole)


def writable_path(session: Session, name: str) -> str:
    """The absolute name of a file of the disk that may be made or changed; EACCES, EISDIR, ENOENT."""
    whole = path_of(session, name)
    if not on_disk(session, whole):
        raise KernelError("EACCES")
    if stat_kind(session, whole) == "dir":
        raise KernelError("EISDIR")
    if stat_kind(session, posixpath.dirname(whole)) != "dir":
        raise missing(session, whole)
    return whole


def stat_kind(session: Session, path: str) -> str | None:
    """ "dir", "file", "fifo" or "device"; None if there is nothing of that name."""
    try:
        path = path_of(session, path)
    except OSError:
        return None
    if path == "/":
        return "dir"
    if session.box is None:
        if path in ("/proc", "/dev"):
            return "dir"
        if path in ("/dev/null", "/dev/zero"):
            return "device"
        try:
            session.reader.listdir(path)
            return "dir"
        except OSError:
            parent, _, name = path.rpartition("/")
        try:
            return "file" if name in session.reader.listdir(parent) else None
        except OSError:
            return None
    if is_procfs(path):
        return "dir" if tree.isdir(session.box, path) else "file" if tree.exists(session.box, path) else None
    if session.box.panicked:
        raise ShellError(PANICKED)
    try:
        inode = session.box.fs.lookup(path)
    except KernelError:
        return None
    if inode.is_dir:
        return "dir"
    return "file" if s_isreg(inode.mode) or inode.target else "fifo" if s_isfifo(inode.mode) else "device"


def is_console(session: Session, path: str) -> bool:
    """Whether what goes to a device comes out where the shell's own output does."""
    return session.box.fs.lookup(path).rdev in CONSOLES


def missing(session: Session, whole: str) -> KernelError:
    """Why there is nothing of an absolute name: ENOTDIR where it leads through a file, else ENOENT."""
    above = posixpath.dirname(whole)
    while above != "/":
        kind = stat_kind(session, above)
        if kind is not None:
            return KernelError("ENOENT" if kind == "dir" else "ENOTDIR")
        above = posixpath.dirname(above)
    return KernelError("ENOENT")


def existing(session: Session, path: str) -> str:
    """What `path_of` says of a name that is there. ENOENT, ENOTDIR."""
    whole = path_of(session, path)
    if stat_kind(session, whole) is None:
        raise missing(session, whole)
    return whole


def size_of(session: Session, path: str) -> int:
    """Bytes of a file of the disk; 0 for /proc, as on Linux."""
    whole = path_of(session, path)
    if not on_disk(session, whole):
        return 0
    return int(session.box.fs.lookup(whole).size)


def listdir(session: Session, path: str) -> list[str]:
    """Names in a directory, sorted. ENOENT, ENOTDIR."""
    whole = resolve(session, path)
    if session.box is None:
        if whole == "/":
            return ["proc"]
        if not is_procfs(whole):
            raise KernelError("ENOENT")
        return sorted(session.reader.listdir(whole))
    kind = stat_kind(session, whole)
    if kind != "dir":
        raise missing(session, whole) if kind is None else KernelError("ENOTDIR")
    whole = followed(session, whole)
    if is_procfs(whole):
        return sorted(tree.listdir(session.box, whole))
    if session.box.panicked:
        raise ShellError(PANICKED)
    names = set(session.box.fs.listdir(whole))
    return sorted(names | {"proc", "sys"} if whole == "/" else names)


def walked(session: Session, path: str) -> list[str]:
    """Names in a directory as those that walk a tree meet them: as /proc's own, PIDs by number and first."""
    return sorted(listdir(session, path), key=lambda name: (0, int(name), "") if is_digits(name) else (1, 0, name))


def read_text(session: Session, whole: str) -> str:
    """The text of a file of /proc or /sys."""
    if session.box is None:
        return str(session.reader.read(whole))

    with session.looking():
        return str(tree.show(session.box, whole))


_STREAM = regular(r"/dev/(?:fd/([0-9]{1,3})|(stdin)|(stdout)|(stderr))|/proc/self/fd/([0-9]{1,3})")


def stream_number(whole: str) -> int:
    """The stream that a name in /dev/fd means; -1 for other names."""
    match = _STREAM.fullmatch(whole)
    if match is None:
        return -1
    number, stdin, stdout, _, own = match.groups()
    return int(number or own) if number or own else 0 if stdin else 1 if stdout else 2


def _stream(session: Session, number: int) -> Input | Sink | None:
    runner = session.streams.runner
    if runner is None:
        raise KernelError("ENOENT")
    known = {0: runner.stdin, 1: runner.stdout, 2: runner.stderr, **runner.others}
    return known.get(number)


def open_stream_read(session: Session, number: int) -> Input:
    """The stream for reading. ENOENT if there is none of that number."""
    found = _stream(session, number)
    if not isinstance(found, Input):
        raise KernelError("ENOENT" if found is None else "EACCES")
    return found


def _is_pipe(stream: Input | Sink | None) -> bool:
    """Whether a stream is one end of a pipe, as that of a here-document is in bash."""
    if isinstance(stream, TextInput | PartsInput):
        return stream.size is None
    return isinstance(getattr(stream, "sink", stream), Pipe | Capture | fifos.PipeSink)


class _Borrowed:
    """A stream that is open already: closing it is its owner's."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink

    def write(self, text: str) -> None:
        self.sink.write(text)

    def close(self) -> None:
        return


def open_stream_write(session: Session, number: int) -> FileSink:
    """The stream for writing. ENOENT if there is none of that number."""
    found = _stream(session, number)
    if found is None or isinstance(found, Input):
        raise KernelError("ENOENT" if found is None else "EACCES")
    return _Borrowed(found)


def asked(session: Session, letter: str, path: str) -> bool:
    """What `test -LETTER PATH` asks of a file."""
    if letter in "Lh":
        return is_link(session, path)
    kind = stat_kind(session, path)
    if kind is None:
        try:
            stream = _stream(session, stream_number(resolve(session, path)))
            return (letter in "aer" and stream is not None) or (letter == "p" and _is_pipe(stream))
        except OSError:
            return False
    if letter in "fdbcps":
        whole = path_of(session, path)
        block = kind == "device" and on_disk(session, whole) and s_isblk(session.box.fs.lookup(whole).mode)
        filled = kind == "dir" or (kind == "file" and size_of(session, path) > 0)
        answers = {"f": kind == "file", "d": kind == "dir", "b": block, "c": kind == "device" and not block,
                   "p": kind == "fifo", "s": filled}  # fmt: skip
        return answers[letter]
    if letter in "xgku":
        return (letter == "x" and kind == "dir") or _mode_bit(session, path, letter)
    return letter in "aerwOGN"


def _mode_bit(session: Session, path: str, letter: str) -> bool:
    whole = path_of(session, path)
    if not on_disk(session, whole):
        return False
    mode = session.box.fs.lookup(whole).mode
    return bool(mode & {"g": 0o2000, "k": 0o1000, "u": 0o4000, "x": 0o111}[letter])


class BoxFiles:
    """What `>`, `>>`, `<` and the text commands open."""

    def open_read(self, session: Session, path: str) -> Input:
        whole = resolve(session, path)
        number = stream_number(whole)
        if number >= 0:
            return open_stream_read(session, number)
        whole = followed(session, whole)
        if whole == "/dev/null":
            return Input()
        if session.box is None and not is_procfs(whole):
            if whole == "/dev/zero":
                return PartsInput(Zeros(), session)
            raise KernelError("ENOENT")
        if is_procfs(whole):
            pread = pread_of(session, whole)
            source: Input = FileInput(ProcText(session, path, pread), session) if pread else TextInput(
                read_text(session, whole))  # fmt: skip
        else:
            kind = stat_kind(session, whole)
            if kind == "fifo":
                return fifos.open_read(session, session.box.fs.lookup(whole))
            if kind not in ("file", "device"):
                raise KernelError("EISDIR") if kind == "dir" else missing(session, whole)
            if kind == "device" and is_console(session, whole):
                return open_stream_read(session, 0)
            session.ran.add("<")
            source = FileInput(DiskText(session, whole), session)
        source.size = size_of(session, whole)
        return source

    def open_write(self, session: Session, path: str, append: bool) -> FileSink:
        if path == "/dev/null":  # most often, in loops: wherever one is, no link leads elsewhere
            return Nothing()
        whole = resolve(session, path)
        number = stream_number(whole)
        if number >= 0:
            return open_stream_write(session, number)
        whole = followed(session, whole)
        if session.box is None:
            raise KernelError("EROFS")
        if session.box.panicked:
            raise ShellError(PANICKED)
        kind = stat_kind(session, whole)
        if kind == "dir":
            raise KernelError("EISDIR")
        parent = posixpath.dirname(whole)
        if is_procfs(whole):
            if kind is None:  # /proc looks its names up before it would make one
                named = whole.startswith("/sys/") and stat_kind(session, parent) == "dir"
                raise KernelError("EACCES") if named else missing(session, whole)
            check_writable(session, whole)
            if not append:
                tree.truncate(session.box, whole)
            return ProcSink(session, whole)
        if stat_kind(session, parent) != "dir":
            raise missing(session, whole)
        if kind == "device" and is_console(session, whole):
            return open_stream_write(session, 1)
        if kind == "fifo":
            return fifos.open_write(session, session.box.fs.lookup(whole))
        return DiskSink(session.box, whole, append, kind)

    def open_both(self, session: Session, path: str) -> Input | None:
        """A named pipe for reading and writing; None for all else."""
        if stat_kind(session, path) != "fifo":
            return None
        return fifos.open_both(session, session.box.fs.lookup(path_of(session, path)))

    def pipe(self, session: Session) -> tuple[fifos.PipeInput, fifos.PipeSink]:
        return fifos.pipe(session)

    def replace(self, session: Session, path: str, through: bool) -> FileSink:
        """A new file in the place of one, with its mode: other names of that one keep what they have; `through`: a
        symbolic link stays, what it leads to is replaced."""
        whole = path_of(session, path, through)
        if session.box is None or not on_disk(session, whole) or stat_kind(session, whole) != "file":
            return self.open_write(session, path, False)
        fs = session.box.fs
        mode = fs.lookup(path_of(session, path)).mode
        fs.unlink(whole)
        sink = self.open_write(session, whole, False)
        fs.chmod(fs.lookup(whole), mode & 0o7777)
        return sink

    def listdir(self, session: Session, path: str) -> list[str]:
        return listdir(session, path)

    def is_file(self, session: Session, path: str) -> bool:
        return stat_kind(session, path) == "file" and not is_procfs(resolve(session, path))

    def test(self, session: Session, letter: str, path: str) -> bool:
        return asked(session, letter, path)

    def same(self, session: Session, left: str, right: str) -> bool:
        if stat_kind(session, left) is None or stat_kind(session, right) is None:
            return False
        one, other = path_of(session, left), path_of(session, right)
        if one == other or not (on_disk(session, one) and on_disk(session, other)):
            return one == other
        return session.box.fs.lookup(one) is session.box.fs.lookup(other)  # two names of one file

    def changed(self, session: Session, path: str) -> float | None:
        """When a file was last changed, in seconds since the box booted; None if it is not there. What is made as it is
        read has changed now."""
        if stat_kind(session, path) is None:
            return None
        whole = path_of(session, path)
        if not on_disk(session, whole):
            return session.box.timer.usec / 1e6 if session.box is not None else 0.0
        return session.box.fs.lookup(whole).usec / 1e6


def check_writable(session: Session, whole: str) -> None:
    """EACCES before anything runs, where a file's mode forbids it even to root."""
    assert session.box is not None
    if tree.strict(whole) and not tree.mode(session.box, whole) & 0o222:
        raise KernelError("EACCES")
