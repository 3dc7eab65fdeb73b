"""cp: files, directories and links copied (GNU coreutils 9.1, src/copy.c).

Known deviations: there is one user; a file's data is always copied (--reflink=always is refused, as on ext4).
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable

from memsh.commands.facts import Facts, changed, lstat
from memsh.commands.files import copy_file, copy_text
from memsh.commands.paths import is_procfs, on_disk, path_of, stat_kind, walked
from memsh.commands.targets import (
    agreed,
    answered_last,
    backup_kind,
    backup_name,
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
from memsh.linux.include.sched import current_umask
from memsh.linux.include.stat import S_IFBLK, S_IFCHR
from memsh.procfs import tree
from memsh.shell import IO, Args, ShellError, rest
from memsh.shell.jobspecs import deadly
from memsh.textutils.utility import one_of, option, utility

TOPIC = "files"
ATTRIBUTES = ("mode", "timestamps", "ownership", "links", "context", "xattr", "all")
_KEPT = ("mode", "ownership", "timestamps")


def _attributes(flag: str) -> Callable[[str], list[str]]:
    one = one_of(flag, *ATTRIBUTES)
    return lambda word: [one(name) for name in word.split(",")]


@utility(
    option("-a", "--archive", help="as -dR --preserve=all"), option("--attributes-only", help="not the contents"),
    *backup_options(), option("--copy-contents"), option("-d", name="links", help="as -P --preserve=links"),
    option("-f", "--force", help="onto what cannot be opened"), option("-H", name="given", help="follow links given"),
    option("-i", "--interactive", help="ask first"), option("-l", "--link", help="hard links instead of copies"),
    option("-L", "--dereference", help="follow links"), option("-n", "--no-clobber", help="not onto what is there"),
    option("-P", "--no-dereference", help="copy links as links"), option("-p", name="keep_all", help="modes, times"),
    option("--preserve", type=_attributes("--preserve"), optional=list(_KEPT), many=True, meta="LIST"),
    option("--no-preserve", type=_attributes("--no-preserve"), many=True, meta="LIST"),
    option("--parents", help="with the source's directories"), option("-R", "-r", "--recursive", help="all below"),
    option("--reflink", type=one_of("--reflink", "auto", "always", "never"), optional="always", meta="WHEN"),
    option("--sparse", type=one_of("--sparse", "never", "auto", "always"), meta="WHEN"),
    option("--remove-destination"), option("--strip-trailing-slashes"),
    option("-s", "--symbolic-link", help="symbolic links instead of copies"),
    option("-t", "--target-directory", type=str, meta="DIRECTORY"), option("-T", "--no-target-directory"),
    option("-u", "--update", help="only what is newer"), option("-v", "--verbose", help="tell each"),
    option("-x", "--one-file-system", help="stay on one"), *context_options(), rest("files", words="path"),
    usage="[OPTION]... SOURCE... DEST", topic=TOPIC,
)  # fmt: skip
def cp(box: object, args: Args, io: IO) -> int:
    """copy files

    cp /proc/meminfo /tmp/before
    """
    without_context(args, io, "an SELinux-enabled")
    sources, target, into = operands(args, io, list(args.files))
    if args.parents and not into:
        raise args.refused("with --parents, the destination must be a directory")
    copier = Copier(args, io)
    status = 0
    for name in sources:
        if args.strip_trailing_slashes:
            name = name.rstrip("/") or "/"
        if args.parents:
            status |= copier.with_parents(name, target)
        else:
            status |= copier.copy(name, goal_in(target, name) if into else target, 0)
    return status


class Copier:
    """One run of cp."""

    def __init__(self, args: Args, io: IO) -> None:
        self.args = args
        self.io = io
        self.recursive = args.recursive or args.archive
        follow = "never" if self.recursive else "always"
        for name, _ in args.typed:
            follow = {
                "archive": "never", "links": "never", "no_dereference": "never", "given": "given",
                "dereference": "always",
            }.get(name, follow)  # fmt: skip
        self.follow = follow
        self.keeps: set[str] = set()
        for name, value in args.typed:
            if name in ("archive", "keep_all"):
                self.keeps |= set(ATTRIBUTES) if name == "archive" else set(_KEPT)
            elif name == "links":
                self.keeps.add("links")
            elif name == "preserve":
                self.keeps |= set(ATTRIBUTES) if "all" in value else set(value)
            elif name == "no_preserve":
                self.keeps -= set(ATTRIBUTES) if "all" in value else set(value)
        self.made: dict[tuple[tuple[int, int], int], str] = {}  # files with several names, and where their copy is

    def failed(self, message: str) -> int:
        self.io.complain(message)
        return 1

    def with_parents(self, name: str, folder: str) -> int:
        """`cp --parents a/b DIR` makes DIR/a/b."""
        fs = self.io.session.box.fs
        at = folder
        for part in posixpath.dirname(name).strip("/").split("/"):
            at = posixpath.join(at, part)
            if part and stat_kind(self.io.session, at) is None:
                fs.mkdir(path_of(self.io.session, at))
        return self.copy(name, posixpath.join(folder, name.lstrip("/")), 0)

    def copy(self, name: str, target: str, depth: int) -> int:
        """Copy one name, and all below it."""
        args, session = self.args, self.io.session
        follow = self.follow == "always" or (self.follow == "given" and not depth)
        try:
            facts = lstat(session, name, follow)
        except OSError as error:
            return self.failed(f"cannot stat '{name}': {error.strerror}")
        if facts.kind == "dir":
            if not self.recursive:
                return self.failed(f"-r not specified; omitting directory '{name}'")
            return self._folder(name, target, facts, depth)
        itself = args.force and name == target and facts.kind == "file"
        if itself:  # the copy is the backup (cp.c, do_copy)
            target = backup_name(args, self.io, target) or target
        old = there(session, target)
        if old is None and target.endswith("/"):
            return self.failed(f"cannot create regular file '{target}': Not a directory")
        if old is not None:
            stopped = self._onto(name, target, facts, old)
            if stopped is not None:
                return stopped
        kept = keep_backup(args, self.io, target) if old is not None and not itself else ""
        try:
            self._make(name, target, facts, old if not kept else None)
        except OSError as error:
            if deadly(self.io.session.language, error):
                raise
            return self.failed(f"{self._what(name, target, facts, old)}: {error.strerror or error}")
        if args.verbose:
            self.io.out(f"'{name}' -> '{target}'" + (f" (backup: '{kept}')\n" if kept else "\n"))
        return 0

    def _what(self, name: str, target: str, facts: Facts, old: Facts | None) -> str:
        if self.args.link:
            return f"cannot create hard link '{target}' to '{name}'"
        if self.args.symbolic_link:
            return f"cannot create symbolic link '{target}' to '{name}'"
        if facts.kind == "link":
            return f"cannot create symbolic link '{target}'"
        return f"cannot create regular file '{target}'" if old is None else f"cannot open '{target}'"

    def _onto(self, name: str, target: str, facts: Facts, old: Facts) -> int | None:
        """What stands in the way: the status if nothing is copied."""
        args, session = self.args, self.io.session
        whole = old if old.kind != "link" else (lstat(session, target, True) if stat_kind(session, target) else old)
        last = answered_last(args)
        backs_up = bool(backup_kind(args))
        leads = lstat(session, name, True) if facts.kind == "link" and stat_kind(session, name) else facts
        if facts.kind == "link" and not args.remove_destination and same_file(leads, old):
            return self.failed(f"'{name}' and '{target}' are the same file")
        through = facts.kind != "link" and not (args.remove_destination or args.link or args.symbolic_link)
        if same_file(facts, old) or (through and same_file(facts, whole)):
            if args.link and same_file(facts, old):
                return 0
            apart = backs_up and not same_name(session, name, target)
            return None if apart else self.failed(f"'{name}' and '{target}' are the same file")
        if whole.kind == "dir":
            return self.failed(f"cannot overwrite directory '{target}' with non-directory")
        if last == "no_clobber" or (args.update and changed(self.io, facts) <= changed(self.io, whole)):
            return 0
        if last == "interactive" and not agreed(self.io, f"overwrite '{target}'"):
            return 0
        if old.kind == "link" and old is whole and not (args.remove_destination or backs_up):
            return self.failed(f"not writing through dangling symlink '{target}'")
        return None

    def _make(self, name: str, target: str, facts: Facts, old: Facts | None) -> None:
        """The copy itself."""
        args, session = self.args, self.io.session
        if args.link or args.symbolic_link or facts.kind == "link" or args.remove_destination:
            if old is not None:
                if (args.link or args.symbolic_link) and not (args.force or args.remove_destination):
                    raise KernelError("EEXIST")
                session.box.fs.unlink(path_of(session, target, False))
        new = self._place(target)
        if args.link:
            session.box.fs.link(self._place(name), new)
        elif args.symbolic_link:
            if name[0] != "/" and posixpath.dirname(target) not in ("", "."):
                raise ShellError(f"'{target}': can make relative symbolic links only in current directory")
            session.box.fs.symlink(name, new)
        elif facts.kind == "link":
            session.box.fs.symlink(facts.target, new)
        elif facts.kind in ("fifo", "char", "block") and self.recursive:
            if old is not None:
                session.box.fs.unlink(new)
            self._special(name, new, facts)
        elif "links" in self.keeps and facts.links > 1 and (facts.dev, facts.inode) in self.made:
            if old is not None:
                session.box.fs.unlink(new)
            session.box.fs.link(self.made[facts.dev, facts.inode], new)
        else:
            self._contents(name, target, facts)
            self.made[facts.dev, facts.inode] = new

    def _place(self, path: str) -> str:
        """The name on the disk, its last part as it is. EPERM, EXDEV where there is none."""
        session = self.io.session
        whole = path_of(session, path, False)
        if session.box is None:
            raise KernelError("EROFS")
        if self.args.link and not on_disk(session, whole):
            raise KernelError("EXDEV")
        return whole

    def _contents(self, name: str, target: str, facts: Facts) -> None:
        session = self.io.session
        if self.args.reflink == "always":
            raise ShellError(f"failed to clone '{target}' from '{name}': Operation not supported")
        old, new = path_of(session, name), path_of(session, target)
        both = on_disk(session, old) and on_disk(session, new)
        both = both and "fifo" not in (facts.kind, stat_kind(session, new))
        if self.args.attributes_only:
            if both and not session.box.fs.exists(new):
                session.box.fs.create(new)
        elif both:
            made = not session.box.fs.exists(new)
            copy_file(self.io, old, new)
            if made:
                mode = facts.mode & 0o777 & ~current_umask(session.box)
                session.box.fs.chmod(session.box.fs.lookup(new), mode)
        else:
            copy_text(self.io, name, target)
        if both:
            self._attributes(old, new, facts)

    def _special(self, name: str, new: str, facts: Facts) -> None:
        """A named pipe or a device's node: another one, nothing is read."""
        session = self.io.session
        if facts.kind == "fifo":
            session.box.fs.mkfifo(new, facts.mode)
        else:
            mode = facts.mode & ~current_umask(session.box)
            session.box.fs.mknod(new, (S_IFBLK if facts.kind == "block" else S_IFCHR) | mode, facts.rdev)
        self._attributes(path_of(session, name), new, facts)

    def _attributes(self, old: str, new: str, facts: Facts) -> None:
        fs = self.io.session.box.fs
        inode = fs.lookup(new)
        if "mode" in self.keeps:
            fs.chmod(inode, facts.mode)
        if "timestamps" in self.keeps:
            inode.usec = fs.lookup(old).usec

    def _folder(self, name: str, target: str, facts: Facts, depth: int) -> int:
        session, args = self.io.session, self.args
        inside, outside = path_of(session, target) + "/", path_of(session, name).rstrip("/") + "/"
        if inside.startswith(outside):
            return self.failed(f"cannot copy a directory, '{name}', into itself, '{target}'")
        kind = stat_kind(session, target)
        try:
            if kind is None:
                whole = path_of(session, target)
                if not on_disk(session, whole):
                    raise KernelError(tree.sealed(session.box, whole) if is_procfs(whole) else "EACCES")
                session.box.fs.mkdir(whole)
                if "mode" in self.keeps:
                    session.box.fs.chmod(session.box.fs.lookup(whole), facts.mode)
            elif kind != "dir":
                return self.failed(f"cannot overwrite non-directory '{target}' with directory '{name}'")
        except OSError as error:
            return self.failed(f"cannot create directory '{target}': {error.strerror}")
        if args.verbose and kind is None:
            self.io.out(f"'{name}' -> '{target}'\n")
        status = 0
        for below in walked(session, name):
            self.io.check()
            path = posixpath.join(name, below)
            if args.one_file_system and facts.dev != lstat(session, path).dev:
                continue
            status |= self.copy(path, posixpath.join(target, below), depth + 1)
        return status
