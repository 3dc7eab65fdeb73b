"""Names made and taken away: mkdir rmdir mv ln (GNU coreutils 9.1)."""

from __future__ import annotations

import posixpath

from memsh.commands.attributes import new_mode
from memsh.commands.facts import changed, lstat
from memsh.commands.files import copy_file, copy_text
from memsh.commands.paths import disk_of, is_procfs, on_disk, path_of, resolve, stat_kind
from memsh.commands.targets import (
    agreed,
    answered_last,
    backup_kind,
    backup_options,
    context_options,
    goal_in,
    keep_backup,
    operands,
    same_file,
    same_name,
    there,
    without_context,
)
from memsh.linux.include.errno import KernelError
from memsh.linux.include.stat import s_isfifo, s_isreg
from memsh.procfs import tree
from memsh.procfs.node import Directory
from memsh.shell import IO, Args, ShellError, UsageError, rest
from memsh.shell.session import Session
from memsh.textutils.quoting import quote
from memsh.textutils.utility import last_typed, option, utility

TOPIC = "files"


def _given(args: Args) -> list[str]:
    if not args.files:
        raise args.refused("missing operand")
    return list(args.files)


def _may_change(session: Session, whole: str) -> bool:
    """Whether the directory above is one of /proc or /sys in which a person makes directories."""
    try:
        above = tree.lookup(session.box, posixpath.dirname(whole))
    except KernelError:
        return False
    return isinstance(above, Directory) and above.mkdir is not None


def writable_name(session: Session, path: str, last: bool = False) -> str:
    """The name on the disk that `path` is. What `sealed` says where the box makes the names itself, EROFS in a
    recorded tree."""
    whole = path_of(session, path, last)
    disk_of(session)
    if not on_disk(session, whole) or whole == "/":
        raise KernelError(tree.sealed(session.box, whole) if is_procfs(whole) else "EPERM")
    return whole


# directories


@utility(
    option("-m", "--mode", type=str, meta="MODE"), option("-p", "--parents", help="with the directories above it"),
    option("-v", "--verbose", help="tell each"), *context_options(), rest("files", words="path"),
    usage="[OPTION]... DIRECTORY...", topic=TOPIC,
)  # fmt: skip
def mkdir(box: object, args: Args, io: IO) -> int:
    """make directories

    mkdir -p /tmp/work/old
    """
    status = 0
    without_context(args, io, "an SELinux/SMACK-enabled")
    try:
        mode = new_mode(0o777, args.mode) if args.mode is not None else None
    except UsageError:
        raise ShellError(f"invalid mode {quote(args.mode)}") from None
    for name in _given(args):
        try:
            above = _file_above(io, name) if args.parents else ""
            if above:
                io.complain(f"cannot create directory '{above}': Not a directory")
                status = 1
                continue
            _mkdir(io, name, args.parents, args.verbose)
            if mode is not None:
                whole = path_of(io.session, name)
                inode = None if is_procfs(whole) else io.session.box.fs.lookup(whole)
                if inode is not None:
                    inode.mode = inode.mode & ~0o7777 | mode
        except KernelError as error:
            io.complain(f"cannot create directory '{name}': {error.strerror}")
            status = 1
    return status


def _file_above(io: IO, name: str) -> str:
    """The first part of a path, before its last, that is there and no directory."""
    resolve(io.session, name)  # it is too long before anything is looked at
    parts = name.rstrip("/").split("/")
    for at in range(1, len(parts)):
        above = "/".join(parts[:at])
        if above and stat_kind(io.session, above) not in ("dir", None):
            return above
    return ""


def _mkdir(io: IO, name: str, parents: bool, verbose: bool) -> None:
    session = io.session
    bare = name.rstrip("/") or "/"
    kind = stat_kind(session, bare)
    if kind == "dir" and parents:
        return
    if kind is not None or there(session, bare) is not None:
        raise KernelError("EEXIST")
    above = posixpath.dirname(bare)
    if parents and above not in ("", "/"):
        _mkdir(io, above, True, verbose)
    whole = path_of(session, bare, False)
    if is_procfs(whole) and session.box is not None and _may_change(session, whole):
        tree.mkdir(session.box, whole)
    else:
        disk_of(session).mkdir(writable_name(session, bare))
    if verbose:
        io.out(f"mkdir: created directory '{bare}'\n")


def remove_directory(session: Session, path: str) -> None:
    """rmdir(): of the disk, or of a tree in which people make directories."""
    if path == "." or path.endswith("/."):
        raise KernelError("EINVAL")
    whole = path_of(session, path, False)
    if is_procfs(whole) and session.box is not None and _may_change(session, whole):
        tree.rmdir(session.box, whole)
        return
    if whole in ("/", "/dev", "/dev/shm", "/proc", "/sys", "/sys/fs/cgroup"):
        raise KernelError("EBUSY")
    disk_of(session).rmdir(writable_name(session, path))


@utility(
    option("-p", "--parents", help="and those above it"), option("-v", "--verbose", help="tell each"),
    option("--ignore-fail-on-non-empty"), rest("files", words="path"), usage="[OPTION]... DIRECTORY...", topic=TOPIC,
)  # fmt: skip
def rmdir(box: object, args: Args, io: IO) -> int:
    """remove empty directories

    mkdir /tmp/work; rmdir /tmp/work
    """
    status = 0
    for name in _given(args):
        path = name.rstrip("/") or "/"
        while path:
            try:
                if args.verbose:
                    io.out(f"rmdir: removing directory, '{path}'\n")
                remove_directory(io.session, path)
            except KernelError as error:
                if error.code != "ENOTEMPTY" or not args.ignore_fail_on_non_empty:
                    what = "directory " if path != (name.rstrip("/") or "/") else ""
                    io.complain(f"failed to remove {what}'{path}': {error.strerror}")
                    status = 1
                break
            path = posixpath.dirname(path) if args.parents else ""
            path = "" if path == "/" else path
    return status


# files


@utility(
    option("-f", "--force", help="do not ask"), option("-n", "--no-clobber", help="not onto what is there"),
    option("-i", "--interactive", help="ask first"), option("-u", "--update", help="only onto what is older"),
    *backup_options(), option("--strip-trailing-slashes"),
    option("-t", "--target-directory", type=str, meta="DIRECTORY"), option("-T", "--no-target-directory"),
    option("-v", "--verbose", help="tell each"), *context_options(), rest("files", words="path"),
    usage="[OPTION]... SOURCE... DEST", topic=TOPIC,
)  # fmt: skip
def mv(box: object, args: Args, io: IO) -> int:
    """rename files, or put them into a directory

    mkfile /data 1M; mv /data /old
    """
    without_context(args, io, "an SELinux-enabled")
    sources, target, into = operands(args, io, list(args.files))
    status = 0
    for name in sources:
        if args.strip_trailing_slashes:
            name = name.rstrip("/") or "/"
        status |= _move(args, io, name, goal_in(target, name) if into else target)
    return status


def _move(args: Args, io: IO, name: str, goal: str) -> int:
    session = io.session
    facts, old_one = there(session, name), there(session, goal)
    if facts is None:
        io.complain(f"cannot stat '{name}': No such file or directory")
        return 1
    last = answered_last(args)
    kept = ""
    if old_one is not None:
        if last == "no_clobber" or (args.update and changed(io, facts) <= changed(io, old_one)):
            return 0
        if (facts.kind == "dir") != (old_one.kind == "dir"):
            io.complain(f"cannot overwrite non-directory '{goal}' with directory '{name}'" if facts.kind == "dir" else
                        f"cannot overwrite directory '{goal}' with non-directory")  # fmt: skip
            return 1
        if same_file(facts, old_one) and (not backup_kind(args) or same_name(session, name, goal)):
            io.complain(f"'{name}' and '{goal}' are the same file")
            return 1
        if last == "interactive" and not agreed(io, f"overwrite '{goal}'"):
            return 1
    if is_procfs(path_of(session, name, False)) != is_procfs(path_of(session, goal, False)) and facts.kind != "dir":
        return _move_across(io, name, goal, old_one is not None)
    try:
        new, old = writable_name(session, goal), writable_name(session, name)
        if old_one is not None:
            kept = keep_backup(args, io, goal)
        if old_one is not None and old_one.kind == "dir" and not kept:
            session.box.fs.rmdir(new)
        _rename(io, old, new)
    except KernelError as error:
        if error.code == "EINVAL":
            io.complain(f"cannot move '{name}' to a subdirectory of itself, '{goal}'")
        else:
            io.complain(f"cannot move '{name}' to '{goal}': {error.strerror}")
        return 1
    if args.verbose:
        io.out(f"renamed '{name}' -> '{goal}'" + (f" (backup: '{kept}')\n" if kept else "\n"))
    return 0


def _move_across(io: IO, name: str, goal: str, there: bool) -> int:
    """A file goes to or from a tree of the kernel's, which is another file system: it is copied, then removed."""
    session = io.session
    try:
        if there:
            writable_name(session, goal)
    except KernelError as error:
        io.complain(f"inter-device move failed: '{name}' to '{goal}'; unable to remove target: {error.strerror}")
        return 1
    try:
        copy_text(io, name, goal)
    except KernelError as error:
        io.complain(f"cannot create regular file '{goal}': {error.strerror}")
        return 1
    try:
        writable_name(session, name)
    except KernelError as error:
        io.complain(f"cannot remove '{name}': {error.strerror}")
    return 1


def _rename(io: IO, old: str, new: str) -> None:
    """rename(); onto another file system everything is copied and then removed."""
    fs = io.session.box.fs
    try:
        fs.rename(old, new)
        return
    except KernelError as error:
        if error.code != "EXDEV":
            raise
    if fs.isdir(old):
        fs.mkdir(new)
        for name in fs.listdir(old):
            io.check()
            _rename(io, posixpath.join(old, name), posixpath.join(new, name))
        fs.rmdir(old)
        return
    inode = fs.lookup(old)
    if inode.target:
        fs.symlink(inode.target, new)
    elif s_isfifo(inode.mode):
        fs.chmod(fs.mkfifo(new), inode.mode & 0o7777)
    elif not s_isreg(inode.mode):
        fs.mknod(new, inode.mode, inode.rdev)
    else:
        copy_file(io, old, new)
    fs.unlink(old)


@utility(
    option("-f", "--force", help="onto what is there"), option("-s", "--symbolic", help="a symbolic link"),
    option("-i", "--interactive", help="ask first"), *backup_options(), option("-d", "-F", "--directory"),
    option("-L", "--logical", help="what a link leads to"), option("-P", "--physical", help="the link itself"),
    option("-v", "--verbose", help="tell each"), option("-n", "--no-dereference"),
    option("-T", "--no-target-directory"), option("-r", "--relative", help="as seen from where the link lies"),
    option("-t", "--target-directory", type=str, meta="DIRECTORY"), rest("files", words="path"),
    usage="[OPTION]... TARGET... [LINK_NAME]", topic=TOPIC,
)  # fmt: skip
def ln(box: object, args: Args, io: IO) -> int:
    """more names for a file, or symbolic links

    ln -s /proc/meminfo /tmp/mem; cat /tmp/mem

    Without -s both names are the file's own: it goes with the last of them. `ls -l` counts them.
    """
    if args.relative and not args.symbolic:
        raise ShellError("cannot do --relative without --symbolic")
    names = list(args.files)
    if len(names) == 1 and args.target_directory is None and not args.no_target_directory:
        names.append(".")
    targets, place, into = operands(args, io, names)
    if args.no_dereference and (found := there(io.session, place)) is not None and found.kind == "link":
        into = False
    status = 0
    for target in targets:
        name = goal_in(place, target) if into else place
        status |= _link(args, io, target, name)
    return status


def _link(args: Args, io: IO, target: str, name: str) -> int:
    """One link; its status."""
    session, facts = io.session, None
    kind = "symbolic" if args.symbolic else "hard"
    if not args.symbolic:
        try:
            facts = lstat(session, target, _logical(args))
        except OSError as error:
            io.complain(f"failed to access '{target}': {error.strerror}")
            return 1
        if facts.kind == "dir":
            io.complain(f"{target}: hard link not allowed for directory")
            return 1
    shown, kept = f"'{name}'" if args.symbolic else f"'{name}' => '{target}'", ""
    try:
        whole = writable_name(session, name)
        old, last = there(session, name), answered_last(args)
        backs_up = bool(backup_kind(args))
        if old is not None:
            if facts is not None and same_file(facts, old) and (args.force or last == "interactive" or backs_up):
                if facts.links == 1 or same_name(session, target, name):
                    io.complain(f"'{target}' and '{name}' are the same file")
                    return 1
            if last == "interactive" and not agreed(io, f"replace '{name}'"):
                return 1
            if not (args.force or last == "interactive" or backs_up):
                raise KernelError("EEXIST")
            if old.kind == "dir":
                io.complain(f"'{name}': cannot overwrite directory")
                return 1
            kept = keep_backup(args, io, name)
        if args.symbolic and not target:
            raise KernelError("ENOENT")
        if old is not None and not kept:
            session.box.fs.unlink(whole)
        if facts is not None:
            source = path_of(session, target, _logical(args))
            if not on_disk(session, source):
                raise KernelError("EXDEV")
            session.box.fs.link(source, whole)
        else:
            if args.relative:
                target = posixpath.relpath(path_of(session, target), path_of(session, posixpath.dirname(name) or "."))
            session.box.fs.symlink(target, whole)
    except KernelError as error:
        shown = f"'{name}'" if error.code == "EEXIST" else shown
        io.complain(f"failed to create {kind} link {shown}: {error.strerror}")
        return 1
    if args.verbose:
        before = f"'{kept}' ~ " if kept else ""
        io.out(f"{before}'{name}' {'->' if args.symbolic else '=>'} '{target}'\n")
    return 0


def _logical(args: Args) -> bool:
    """Whether a link given as a target means what it leads to: the last of -L and -P counts."""
    return last_typed(args, "logical", "physical") == "logical"
