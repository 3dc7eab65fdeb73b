"""The box's files read and made, and where one is: cat cd pwd mkfile, touch of a file."""

from __future__ import annotations

import posixpath
from collections.abc import Callable

from memsh.commands.facts import changed, lstat
from memsh.commands.paths import (
    BoxFiles,
    is_link,
    is_procfs,
    missing,
    path_of,
    skim,
    stat_kind,
    writable_path,
)
from memsh.commands.pieces import CHUNK
from memsh.linux.include.errno import KernelError
from memsh.shell import IO, Args, ShellError, UsageError, arg, command, opt, rest
from memsh.shell.io import NullSink
from memsh.shell.told import read_fault
from memsh.shell.values import is_value, wide_size
from memsh.textutils.bytes import latin, visible
from memsh.textutils.clock import booted, local_zone, now
from memsh.textutils.quoting import quote
from memsh.textutils.sources import Sources
from memsh.textutils.utility import one_of, option, utility

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
    spelled = _spelling(args, io)
    unseen = isinstance(io.sink, NullSink) and io.session.box is not None
    for name, source in sources:
        try:
            if unseen and skim(io, name):
                continue
            for text in source.chunks() if spelled is None else source:
                io.out(text if spelled is None else spelled(text))
        except KernelError as error:
            io.complain(read_fault(error))
            if not error.reading:
                return 1
            sources.failed = True
    return sources.status


def _spelling(args: Args, io: IO) -> Callable[[str], str] | None:
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
        text = _visible(bare, io) if controls else bare
        text = text.replace("\t", "^I") if tabs else text
        if bare != line:
            text += "$\n" if ends else "\n"
        if numbers and not (args.number_nonblank and line == "\n"):
            number += 1
            return f"{number:6}\t{text}"
        return text

    return spelled


_SHOWN = {byte: visible(byte) for byte in range(256) if byte != ord("\t")}
_AT_ONCE = 1 << 16


def _visible(text: str, io: IO) -> str:
    """Control characters as ^X, bytes above 127 as M-x; a tab stays. A disk may be one line: it is taken in pieces."""
    if text.isascii() and text.replace("\t", "").isprintable():
        return text
    letters, shown = latin(text), []
    for at in range(0, len(letters), _AT_ONCE):
        io.check()
        shown.append(letters[at : at + _AT_ONCE].translate(_SHOWN))
    return "".join(shown)


_TIME_WORDS = one_of("--time", "atime/access/use", "mtime/modify")


@command(
    opt("-a", help="the time of reading, which the box does not keep: nothing"),
    opt("-c", "--no-create", help="make no file"),
    opt("-d", "--date", type=str, meta="TEXT", help="that time, as date -d"),
    opt("-f", name="forced", help="nothing, as always"), opt("-h", "--no-dereference", help="a link itself"),
    opt("-m", help="the time of change, as without it"),
    opt("-r", "--reference", type=str, meta="FILE", help="the time of that file"),
    opt("-t", type=str, meta="STAMP", name="stamp", help="[[CC]YY]MMDDhhmm[.ss]"),
    opt("--time", type=_TIME_WORDS, meta="WORD", help="atime: as -a; mtime: as -m"),
    rest("files", required=True, words="path"), name="touch", topic=TOPIC, changes=True,
    shared=lambda words, script: bool(words) and not is_value(words[0]),
)  # fmt: skip
def touch_file(box: object, args: Args, io: IO) -> int:
    """make empty files, or set when files were last changed

    touch /tmp/a; touch -d 'yesterday 12:00' /tmp/a; ls -l /tmp/a

    Followed by an address it touches memory, page by page. The box keeps of each file when it was last changed.
    """
    session, files = io.session, io.session.files
    usec = _touch_time(args, io)
    only_read = (args.a or args.time == "atime") and not (args.m or args.time == "mtime")
    status = 0
    for name in args.files:
        try:
            kind = stat_kind(session, name)
            itself = args.no_dereference and is_link(session, name)
            if kind is None and not itself:
                if args.no_create or args.no_dereference:
                    if not args.no_create:
                        raise KernelError("ENOENT")
                    continue
                assert files is not None
                files.open_write(session, name, True).close()
            whole = path_of(session, name, not itself)
            if is_procfs(whole) or session.box is None:
                if usec is not None:
                    raise KernelError("EPERM")
            elif not only_read:
                found = session.box.fs.lookup(whole)
                session.box.fs.utimes(found, session.box.timer.usec if usec is None else usec)
        except OSError as error:
            verb = "touch" if usec is None and not args.no_dereference else "setting times of"
            io.complain(f"{'cannot ' if verb == 'touch' else ''}{verb} '{name}': {error.strerror or error}")
            status = 1
    return status


def _touch_time(args: Args, io: IO) -> int | None:
    """The time that was asked for, in microseconds since the box booted; None for now."""
    from memsh.textutils.datespec import parse_date, parse_stamp  # start-up: 2 ms of patterns, for dates alone

    if args.stamp is not None and (args.date is not None or args.reference is not None):
        raise ShellError("cannot specify times from more than one source\nTry 'touch --help' for more information.")
    when, zone = round(now(io) * 1e9), local_zone(io)
    if args.reference is not None:
        try:
            when = round(changed(io, lstat(io.session, args.reference, not args.no_dereference)) * 1e9)
        except OSError as error:
            raise ShellError(f"failed to get attributes of '{args.reference}': {error.strerror or error}") from None
    if args.date is not None:
        try:
            when = parse_date(args.date, when, zone)
        except ValueError:
            raise ShellError(f"invalid date format {quote(args.date)}") from None
    if args.stamp is not None:
        try:
            when = parse_stamp(args.stamp, when, zone)
        except ValueError:
            raise ShellError(f"invalid date format {quote(args.stamp)}") from None
    if args.reference is None and args.date is None and args.stamp is None:
        return None
    return when // 1000 - round(booted(io) * 1e6)


def _passes(io: IO, path: str, name: str) -> None:
    """Whether each folder before a `..` is there. ShellError, of the `name` as it was typed, if one is not."""
    at = path.find("/..")
    while at > 0:
        if path[at + 3 : at + 4] in ("", "/") and stat_kind(io.session, posixpath.normpath(path[:at])) != "dir":
            raise ShellError(f"{name}: No such file or directory")
        at = path.find("/..", at + 1)


def change_directory(io: IO, name: str, physical: bool = False) -> None:
    """Go to a folder. The name that leads there is kept in $PWD, with its links unless `physical`."""
    language = io.language
    logical = name if name[:1] == "/" else f"{language.get('PWD') or language.cwd}/{name}"
    _passes(io, logical, name)
    logical = posixpath.normpath(logical)
    logical = logical[1:] if logical.startswith("//") else logical
    whole = path_of(io.session, logical if name and not physical else name)
    kind = stat_kind(io.session, whole)
    if kind is None:
        raise ShellError(f"{name}: {missing(io.session, whole).strerror}")
    if kind != "dir":
        raise ShellError(f"{name}: Not a directory")
    language.old_cwd, language.cwd = language.get("PWD"), whole
    language.logical = (whole, whole if physical else logical)
    language.variables.pop("PWD", None)
    language.variables.pop("OLDPWD", None)
    language.gone -= {"PWD", "OLDPWD"}


@command(rest("folder", raw=True, meta="[-LPe] FOLDER", words="path"), topic=TOPIC, needs_box=False, shell=True)
def cd(box: object, args: Args, io: IO) -> None:
    """change the directory

    cd /proc/self

    `cd -` goes back to the one before; without a folder to $HOME, or to / where there is none. A relative folder is
    looked for in $CDPATH too. -P follows links; with it -e fails where the place has no name any more, as it does here
    in any case.
    """
    words: list[str] = args.folder
    physical = False
    while words and len(words[0]) > 1 and words[0][0] == "-":
        word, words = words[0], words[1:]
        if word == "--":
            break
        if word.strip("LPe") != "-":
            raise UsageError(f"{word}: invalid option")
        for letter in word[1:]:
            physical = letter == "P" or (physical and letter == "e")
    if len(words) > 1:
        raise ShellError("too many arguments")
    language = io.language
    name = words[0] if words else "/" if language.strict else language.get("HOME") or ""
    if not words and not language.strict and language.get("HOME") is None:
        raise ShellError("HOME not set")
    if not words and language.get("HOME") == "/root" and stat_kind(io.session, name) != "dir":
        name = "/"
    if name == "-":
        if not language.get("OLDPWD"):
            raise ShellError("OLDPWD not set")
        name = language.get("OLDPWD") or ""
        io.out(name + "\n")
    if not name:
        return
    shown = name
    if words and name[0] not in "/." and language.get("CDPATH"):
        for folder in (language.get("CDPATH") or "").split(":"):
            io.check()
            if stat_kind(io.session, f"{folder or '.'}/{name}") == "dir":
                name = f"{folder}/{name}" if folder else name
                break
    if words and language.shopts["cdable_vars"] and stat_kind(io.session, name) != "dir" and language.get(name):
        name = language.get(name) or ""
    change_directory(io, name, physical)
    if name != shown:
        io.out((language.get("PWD") or "") + "\n")


@command(rest("words", raw=True, meta="-LP"), topic=TOPIC, needs_box=False)
def pwd(box: object, args: Args, io: IO) -> None:
    """print the directory

    pwd

    -P without the links that led there.
    """
    physical = False
    for word in args.words:
        if word[:1] == "-" and set(word[1:]) <= set("LP") and len(word) > 1:
            physical = word[-1] == "P"
        elif word[:1] == "-" and word != "--":
            raise UsageError(f"{word}: invalid option")
    language = io.language
    io.out((language.cwd if physical else language.shown_cwd()) + "\n")


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
    io.session.box.fs.mkfile(writable_path(io.session, args.path), args.size)


def copy_text(io: IO, old: str, new: str) -> None:
    """The same where one of them is made as it is read, or acts as it is written."""
    files = io.session.files
    assert files is not None
    source, sink = files.open_read(io.session, old), files.open_write(io.session, new, False)
    try:
        for line in source:
            io.check()
            sink.write(line)
    finally:
        sink.close()


def copy_file(io: IO, old: str, new: str) -> None:
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
            while data:  # what did not fit is tried again, and meets the error
                done = fs.write(target, place, data)
                place += done
                data = data[done:]
    finally:
        fs.fput(source)
        fs.fput(target)
