"""Names made and resolved: realpath, mktemp, link, unlink (GNU coreutils 9.1)."""

from __future__ import annotations

import posixpath
import re

from memsh.commands.paths import disk_of, path_of, resolve, stat_kind
from memsh.linux.include.errno import KernelError
from memsh.shell import IO, Args, ShellError, rest
from memsh.shell.session import Session
from memsh.textutils.utility import last_typed, option, utility

TOPIC = "files"
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


@utility(
    option("-e", "--canonicalize-existing", help="all of it must be there"),
    option("-m", "--canonicalize-missing", help="nothing of it need be there"), option("-L", "--logical"),
    option("-P", "--physical"), option("-q", "--quiet", help="no word about what is missing"),
    option("--relative-to", type=str, meta="DIR"), option("--relative-base", type=str, meta="DIR"),
    option("-s", "--strip", "--no-symlinks", name="strip", help="links stay"), option("-z", "--zero"),
    rest("files", words="path"), usage="[OPTION]... FILE...", topic=TOPIC,
)  # fmt: skip
def realpath(box: object, args: Args, io: IO) -> int:
    """the whole path, without links

    realpath /proc/self/exe

    Its last part need not be there; with -e it must, with -m nothing need.
    """
    if not args.files:
        raise args.refused("missing operand")
    status, end = 0, "\0" if args.zero else "\n"

    how = last_typed(args, "canonicalize_existing", "canonicalize_missing")
    wanted = how == "canonicalize_existing", how == "canonicalize_missing", args.strip or args.logical

    def whole_of(name: str) -> str:
        return canonical(io.session, name, *wanted)

    base = whole_of(args.relative_base) if args.relative_base is not None else None
    to = whole_of(args.relative_to) if args.relative_to is not None else base
    for name in args.files:
        try:
            whole = whole_of(name)
        except OSError as error:
            status = 1
            if not args.quiet:
                io.complain(f"{name}: {error.strerror}")
            continue
        inside = base is None or all((path + "/").startswith(base.rstrip("/") + "/") for path in (whole, to or "/"))
        io.out((posixpath.relpath(whole, to) if to is not None and inside else whole) + end)
    return status


def canonical(session: Session, name: str, existing: bool, missing: bool, links_stay: bool = False) -> str:
    """The whole path, without links unless they stay; its last part must be there with `existing`, nothing of it need
    be with `missing`. ENOENT for what must be there and is not, ENOTDIR for a file that is used as a directory."""
    whole = resolve(session, name) if links_stay else path_of(session, name)
    if missing:
        return whole
    if stat_kind(session, whole if existing else posixpath.dirname(whole)) is None:
        raise KernelError("ENOENT")
    if (name.endswith("/") and stat_kind(session, whole) not in ("dir", None)) or (
        stat_kind(session, posixpath.dirname(whole)) != "dir"
    ):
        raise KernelError("ENOTDIR")
    return whole


@utility(
    option("-d", "--directory", help="a directory"), option("-u", "--dry-run", help="only the name"),
    option("-q", "--quiet"), option("-p", type=str, name="tmpdir", meta="DIR"),
    option("--tmpdir", type=str, optional="", meta="DIR"),
    option("-t", name="below", help="the template lies in $TMPDIR or /tmp"),
    option("--suffix", type=str, meta="SUFFIX"), rest("words", meta="TEMPLATE"), usage="[OPTION]... [TEMPLATE]",
    topic=TOPIC,
)  # fmt: skip
def mktemp(box: object, args: Args, io: IO) -> int:
    """make a file or directory of a name that is not taken

    f=$(mktemp); echo $f

    The name comes from the shell's $RANDOM, so that a session played again makes the same.
    """
    if len(args.words) > 1:
        raise args.refused("too many templates")
    template = args.words[0] if args.words else "tmp.XXXXXXXXXX"
    folder = args.tmpdir
    if not args.words or args.below or folder == "":
        folder = folder or io.language.get("TMPDIR") or "/tmp"
    if args.suffix is not None:
        if "/" in args.suffix:
            raise ShellError(f"invalid suffix '{args.suffix}', contains directory separator")
        if not template.endswith("X"):
            raise ShellError(f"with --suffix, template '{template}' must end in X")
        template += args.suffix
    match = re.match(r"(.*?)(X+)([^X]*)$", template, re.DOTALL)
    if match is None or len(match[2]) < 3:
        raise ShellError(f"too few X's in template '{template}'")
    for _ in range(100):
        chosen = "".join(LETTERS[int(io.language.get("RANDOM") or 0) % len(LETTERS)] for _ in match[2])
        name = match[1] + chosen + match[3]
        path = posixpath.join(folder, name) if folder is not None else name
        if stat_kind(io.session, path) is None:
            break
    try:
        if not args.dry_run:
            _make(io, path, args.directory)
    except OSError as error:
        if not args.quiet:
            what = "directory" if args.directory else "file"
            shown = posixpath.join(folder, template) if folder is not None else template
            io.complain(f"failed to create {what} via template '{shown}': {error.strerror}")
        return 1
    io.out(path + "\n")
    return 0


def _make(io: IO, path: str, directory: bool) -> None:
    fs, whole = disk_of(io.session), path_of(io.session, path)
    if directory:
        fs.mkdir(whole)
    else:
        fs.create(whole)
    fs.chmod(fs.lookup(whole), 0o700 if directory else 0o600)


@utility(rest("files", words="path"), usage="FILE1 FILE2", topic=TOPIC)
def link(box: object, args: Args, io: IO) -> int:
    """another name for a file

    echo x > /tmp/a; link /tmp/a /tmp/b
    """
    names: list[str] = list(args.files)
    if len(names) != 2:
        raise args.refused("missing operand" if not names else f"missing operand after '{names[0]}'"
                           if len(names) == 1 else f"extra operand '{names[2]}'")  # fmt: skip
    try:
        disk_of(io.session).link(path_of(io.session, names[0], False), path_of(io.session, names[1], False))
    except OSError as error:
        io.complain(f"cannot create link '{names[1]}' to '{names[0]}': {error.strerror}")
        return 1
    return 0


@utility(rest("files", words="path"), usage="FILE", topic=TOPIC)
def unlink(box: object, args: Args, io: IO) -> int:
    """remove one name

    echo x > /tmp/a; unlink /tmp/a
    """
    names: list[str] = list(args.files)
    if len(names) != 1:
        raise args.refused("missing operand" if not names else f"extra operand '{names[1]}'")
    try:
        disk_of(io.session).unlink(path_of(io.session, names[0], False))
    except OSError as error:
        io.complain(f"cannot unlink '{names[0]}': {error.strerror}")
        return 1
    return 0
