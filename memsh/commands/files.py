"""The box's files: cat ls cd pwd find mkfile rm mkdir rmdir mv."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator

from memsh.commands.paths import (
    CHUNK,
    DISKS,
    BoxFiles,
    disk_of,
    is_devfs,
    is_procfs,
    listdir,
    resolve,
    size_of,
    skim,
    stat_kind,
)
from memsh.linux.include.errno import KernelError
from memsh.procfs import tree
from memsh.procfs.node import Directory
from memsh.shell import IO, Args, ShellError, UsageError, arg, command, opt, rest
from memsh.shell.io import NullSink
from memsh.shell.session import Session
from memsh.shell.values import is_value, wide_size
from memsh.textutils.sources import Sources
from memsh.textutils.utility import option, utility

__all__ = ["BoxFiles"]
TOPIC = "files"
MOST_FILE = 16 << 40


@utility(
    option("-A", "--show-all", help="show ends of lines and control characters"),
    option("-b", "--number-nonblank", help="number what is not empty"), option("-e", help="as -vE"),
    option("-E", "--show-ends", help="$ at the end of lines"), option("-n", "--number", help="number the lines"),
    option("-s", "--squeeze-blank", help="empty lines once"), option("-t", help="as -vT"),
    option("-T", "--show-tabs", help="tabs as ^I"), option("-u"),
    option("-v", "--show-nonprinting", help="control characters as ^X"), rest("files", words="path"), topic=TOPIC,
)  # fmt: skip
def cat(box: object, args: Args, io: IO) -> int:
    """print files

    cat /proc/buddyinfo

    Reading /proc changes nothing in the box; reading its disk fills the page cache.
    """
    sources = Sources(io, args.files)
    spelled = _spelling(args)
    unseen = isinstance(io.sink, NullSink) and io.session.box is not None
    for name, source in sources:
        try:
            if unseen and skim(io, name):
                continue
            for line in source:
                io.out(spelled(line) if spelled is not None else line)
        except KernelError as error:
            io.complain(str(error.strerror))
            return 1
    return sources.status


def _spelling(args: Args) -> Callable[[str], str] | None:
    """How cat's options change a line; None if they do not."""
    ends = args.show_ends or args.show_all or args.e
    tabs = args.show_tabs or args.show_all or args.t
    controls = args.show_nonprinting or args.show_all or args.e or args.t
    numbers = args.number or args.number_nonblank
    if not (ends or tabs or controls or numbers or args.squeeze_blank):
        return None
    number, empty = 0, False

    def spelled(line: str) -> str:
        nonlocal number, empty
        if line == "\n":
            if args.squeeze_blank and empty:
                return ""
            empty = True
        else:
            empty = False
        bare = line.removesuffix("\n")
        text = _visible(bare) if controls else bare
        text = text.replace("\t", "^I") if tabs else text
        if bare != line:
            text += "$\n" if ends else "\n"
        if numbers and not (args.number_nonblank and line == "\n"):
            number += 1
            return f"{number:6}\t{text}"
        return text

    return spelled


def _visible(text: str) -> str:
    """Control characters as ^X, bytes above 127 as M-x; a tab stays."""
    if text.isascii() and text.replace("\t", "").isprintable():
        return text
    shown = []
    for byte in text.encode("utf-8", "surrogateescape"):
        prefix, low = ("M-", byte - 128) if byte > 127 else ("", byte)
        if low == 9 and not prefix:
            shown.append("\t")
        else:
            shown.append(prefix + ("^?" if low == 127 else f"^{chr(low + 64)}" if low < 32 else chr(low)))
    return "".join(shown)


def _bits(mode: int) -> str:
    """The nine letters of a mode, as ls prints them."""
    bits = ["-" if not mode >> (8 - i) & 1 else letter for i, letter in enumerate("rwxrwxrwx")]
    for at, flag, letter in ((2, 0o4000, "s"), (5, 0o2000, "s"), (8, 0o1000, "t")):
        if mode & flag:
            bits[at] = letter if bits[at] == "x" else letter.upper()
    return "".join(bits)


def link_target(session: Session, whole: str) -> str | None:
    """Where a link of /proc or /sys leads; None if it is none, or nothing."""
    if session.box is None or not is_procfs(whole):
        return None
    from memsh.procfs import tree

    try:
        return tree.readlink(session.box, whole)
    except KernelError:
        return None


def _row(session: Session, whole: str, name: str) -> str:
    kind, box = stat_kind(session, whole), session.box
    target = link_target(session, whole)
    if target is not None:
        return f"lrwxrwxrwx root root {0:>9} {name} -> {target}\n"
    bits = {"dir": "drwxr-xr-x", "device": "crw-rw-rw-", "file": "-rw-r--r--"}.get(kind or "", "----------")
    if kind == "device" and name.rsplit("/", 1)[-1] in DISKS:
        bits = "b" + (_bits(disk_of(box, whole).mode) if box is not None else "rw-rw----")
    elif kind == "file" and is_procfs(whole):
        from memsh.procfs import tree

        bits = "-" + (_bits(tree.mode(box, whole)) if box is not None else "r--r--r--")
    elif box is not None and kind in ("file", "dir") and not is_procfs(whole) and not is_devfs(whole):
        bits = bits[0] + _bits(box.fs.stat(whole).mode)
    return f"{bits} root root {size_of(session, whole) if kind == 'file' else 0:>9} {name}\n"


def _order(name: str) -> tuple[int, int, str]:
    """Names in ls order, but PIDs by number and first, as in /proc."""
    return (0, int(name), "") if name.isdecimal() else (1, 0, name)


@command(
    opt("-l", help="one a line, with size"), opt("-1", help="one a line"), opt("-a", help="hidden ones too"),
    opt("-d", help="a directory itself"), opt("-h", help="sizes for people"), opt("-R", help="all below"),
    rest("files", words="path"), topic=TOPIC, needs_box=False,
)  # fmt: skip
def ls(box: object, args: Args, io: IO) -> int:
    """list files

    ls /proc
    """
    status = 0
    names: list[str] = args.files or ["."]
    plain, folders = [], []
    for name in names:
        kind = stat_kind(io.session, name)
        if kind is None:
            io.complain(f"cannot access '{name}': No such file or directory")
            status = 2
        elif kind == "dir" and not args.d:
            folders.append(name)
        else:
            plain.append(name)
    if args.R:
        folders = [below for folder in folders for below in [folder, *_folders(io, folder)]]
    _show(io, args, "", plain)
    for serial, folder in enumerate(folders):
        io.check()
        if len(names) > 1 or args.R:
            io.out(f"{chr(10) if serial or plain else ''}{folder}:\n")
        found = [name for name in listdir(io.session, folder) if args.a or name[0] != "."]
        _show(io, args, folder, sorted(found, key=_order))
    return status


def _folders(io: IO, folder: str) -> Iterator[str]:
    io.check()
    for name in sorted(listdir(io.session, folder), key=_order):
        path = posixpath.join(folder, name)
        if stat_kind(io.session, path) == "dir":
            yield path
            yield from _folders(io, path)


def _show(io: IO, args: Args, folder: str, names: list[str]) -> None:
    if args.l:
        for name in names:
            io.out(_row(io.session, resolve(io.session, posixpath.join(folder, name)), name))
        return
    if not io.is_tty or getattr(args, "1"):
        for name in names:
            io.out(name + "\n")
        return
    wide = max(map(len, names), default=0) + 2
    columns = max(1, io.width // wide)
    rows = -(-len(names) // columns)
    for row in range(rows):
        io.out("".join(f"{name:<{wide}}" for name in names[row::rows]).rstrip() + "\n")


@command(rest("files", words="path", required=True), topic=TOPIC, needs_box=False)
def readlink(box: object, args: Args, io: IO) -> int:
    """print where symbolic links lead

    readlink /proc/self

    Nothing, and status 1, for what is no link.
    """
    targets = [link_target(io.session, resolve(io.session, name)) for name in args.files]
    for target in targets:
        if target is not None:
            io.out(target + "\n")
    return int(None in targets)


@command(
    opt("-c", "--no-create", help="make no file"),
    rest("files", required=True, words="path"), name="touch", topic=TOPIC, changes=True,
    shared=lambda words, script: bool(words) and not is_value(words[0]),
)  # fmt: skip
def touch_file(box: object, args: Args, io: IO) -> int:
    """make empty files

    touch /tmp/a /tmp/b

    Followed by an address it touches memory, page by page. A file that is there stays as it is: the box's disk keeps no
    times.
    """
    status, files = 0, io.session.files
    for name in args.files:
        if stat_kind(io.session, name) is not None or args.no_create:
            continue
        try:
            assert files is not None
            files.open_write(io.session, name, True).close()
        except OSError as error:
            io.complain(f"cannot touch '{name}': {error.strerror or error}")
            status = 1
    return status


@command(rest("folder", raw=True, meta="[-LP] FOLDER", words="path"), topic=TOPIC, needs_box=False, shell=True)
def cd(box: object, args: Args, io: IO) -> None:
    """change the directory

    cd /proc/self

    `cd -` goes back to the one before; without a folder to $HOME, or to / where there is none. Links are followed as -P
    does: the box's disk has none.
    """
    words: list[str] = args.folder
    while words and words[0] in ("-L", "-P", "--"):
        words = words[1:]
    if words and len(words[0]) > 1 and words[0][0] == "-":
        raise UsageError(f"{words[0]}: invalid option")
    if len(words) > 1:
        raise ShellError("too many arguments")
    language = io.language
    name = words[0] if words else "/" if language.strict else language.get("HOME") or ""
    if not words and stat_kind(io.session, name) != "dir":
        name = "/"
    if name == "-":
        if not language.get("OLDPWD"):
            raise ShellError("OLDPWD not set")
        name = language.get("OLDPWD") or ""
        io.out(name + "\n")
    if not name:
        return
    whole = resolve(io.session, name)
    kind = stat_kind(io.session, whole)
    if kind != "dir":
        raise ShellError(f"{name}: {'Not a directory' if kind else 'No such file or directory'}")
    language.old_cwd, language.cwd = language.cwd, whole
    language.variables.pop("PWD", None)
    language.variables.pop("OLDPWD", None)


@command(rest("words", raw=True, meta="-LP"), topic=TOPIC, needs_box=False)
def pwd(box: object, args: Args, io: IO) -> None:
    """print the directory

    pwd
    """
    for word in args.words:
        if word not in ("-L", "-P", "-LP", "-PL"):
            raise UsageError(f"{word}: invalid option")
    io.out(io.session.cwd + "\n")


@command(
    arg("path", words="path"), arg("size", type=wide_size, help="bytes; k, M, G allowed"), topic=TOPIC, changes=True,
)  # fmt: skip
def mkfile(box: object, args: Args, io: IO) -> None:
    """put a file of a given size on the box's disk, as if it had always been there

    mkfile /data 64M

    Its pages are not in the page cache: reading it brings them in.
    """
    if args.size > MOST_FILE:
        raise KernelError("EFBIG")
    whole = resolve(io.session, args.path)
    if is_procfs(whole) or is_devfs(whole):
        raise KernelError("EACCES")
    if stat_kind(io.session, whole) == "dir":
        raise KernelError("EISDIR")
    if stat_kind(io.session, posixpath.dirname(whole)) != "dir":
        raise KernelError("ENOENT")
    io.session.box.fs.mkfile(whole, args.size)


@command(
    opt("-f", help="no word about what is missing"), opt("-r", help="accepted"),
    rest("files", required=True, words="path"), topic=TOPIC, changes=True,
)  # fmt: skip
def rm(box: object, args: Args, io: IO) -> int:
    """remove files from the box's disk

    mkfile /data 1M; rm /data

    Pages of the file leave the page cache at once; a process that has it mapped keeps them until it ends.
    """
    status = 0
    for name in args.files:
        try:
            whole = resolve(io.session, name)
            kind = stat_kind(io.session, whole)
            if kind is None:
                raise KernelError("ENOENT")
            if kind == "dir":
                raise KernelError("EISDIR")
            if kind == "device" or is_procfs(whole):
                raise KernelError("EPERM")
            io.session.box.fs.unlink(whole)
        except KernelError as error:
            if not (args.f and error.code == "ENOENT"):
                io.complain(f"cannot remove '{name}': {error.strerror}")
                status = 1
    return status


def may_change(session: Session, whole: str) -> bool:
    """Whether the directory above is one in which a person makes directories."""
    try:
        above = tree.lookup(session.box, posixpath.dirname(whole))
    except KernelError:
        return False
    return isinstance(above, Directory) and above.mkdir is not None


@command(
    opt("-p", help="with the directories above it"), rest("folders", required=True, words="path"),
    topic=TOPIC, changes=True,
)  # fmt: skip
def mkdir(box: object, args: Args, io: IO) -> None:
    """make directories on the box's disk

    mkdir /tmp/work
    """
    for name in args.folders:
        whole = resolve(io.session, name)
        if is_procfs(whole) and may_change(io.session, whole):
            tree.mkdir(io.session.box, whole)
        elif is_procfs(whole) or is_devfs(whole):
            raise KernelError("EACCES")
        elif args.p:
            io.session.box.fs.makedirs(whole)
        else:
            io.session.box.fs.mkdir(whole)


@command(rest("folders", required=True, words="path"), topic=TOPIC, changes=True)
def rmdir(box: object, args: Args, io: IO) -> None:
    """remove empty directories from the box's disk

    mkdir /tmp/work; rmdir /tmp/work
    """
    for name in args.folders:
        whole = resolve(io.session, name)
        if is_procfs(whole) and may_change(io.session, whole):
            tree.rmdir(io.session.box, whole)
        elif is_procfs(whole) or whole in ("/", "/dev"):
            raise KernelError("EBUSY")
        else:
            io.session.box.fs.rmdir(whole)


@command(arg("old", words="path"), arg("new", words="path"), topic=TOPIC, changes=True)
def mv(box: object, args: Args, io: IO) -> None:
    """rename a file of the box's disk

    mkfile /data 1M; mv /data /old
    """
    old, new = resolve(io.session, args.old), resolve(io.session, args.new)
    if any(is_procfs(path) or is_devfs(path) for path in (old, new)):
        raise KernelError("EPERM")
    if stat_kind(io.session, new) == "dir":
        new = posixpath.join(new, posixpath.basename(old))
    fs = io.session.box.fs
    try:
        fs.rename(old, new)
    except KernelError as error:
        if error.code != "EXDEV" or fs.isdir(old):
            raise
        _copy(io, old, new)
        fs.unlink(old)


def _copy(io: IO, old: str, new: str) -> None:
    """The contents of a file as another one, which is cut first. ENOSPC and its kin."""
    fs = io.session.box.fs
    if fs.exists(new):
        fs.truncate(new, 0)
    else:
        fs.create(new)
    source, target = fs.open(old), fs.open(new, writable=True)
    place = 0
    try:
        while data := fs.read(source, place, CHUNK):
            io.check()
            done = fs.write(target, place, data)
            place += done
            if done < len(data):
                raise KernelError("ENOSPC")
    finally:
        fs.fput(source)
        fs.fput(target)
