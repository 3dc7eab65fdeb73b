"""rm: names taken away, and what is asked before (GNU coreutils 9.1, src/rm.c, remove.c)."""

from __future__ import annotations

import posixpath

from memsh.commands.facts import Facts, lstat
from memsh.commands.naming import remove_directory, writable_name
from memsh.commands.paths import is_procfs, listdir, path_of, resolve
from memsh.commands.targets import agreed
from memsh.linux.include.errno import KernelError
from memsh.shell import IO, Args, rest
from memsh.textutils.utility import one_of, option, utility

TOPIC = "files"
MANY = 3  # -I asks where more than these are named
_WHEN = one_of("--interactive", "never/no/none", "once", "always/yes")


@utility(
    option("-f", "--force", help="no word about what is missing"), option("-r", "-R", "--recursive", help="all below"),
    option("-d", "--dir", help="empty directories too"), option("-v", "--verbose", help="tell each"),
    option("-i", name="each", help="ask before each"), option("-I", name="once", help="ask once, before many"),
    option("--interactive", type=_WHEN, optional="always", meta="WHEN"), option("--one-file-system"),
    option("--no-preserve-root"), option("--preserve-root", type=one_of("--preserve-root", "all"), optional=""),
    rest("files", words="path"), usage="[OPTION]... [FILE]...", topic=TOPIC,
)  # fmt: skip
def rm(box: object, args: Args, io: IO) -> int:
    """remove files

    mkfile /data 1M; rm /data

    Pages of the file leave the page cache at once; a process that has it mapped keeps them until it ends.
    """
    how, quiet = "", False
    for name, value in args.typed:
        if name in ("force", "each", "once", "interactive"):
            how = {"force": "never", "each": "always"}.get(name, name) if name != "interactive" else value
            quiet = name == "force" or (quiet and name == "interactive")
    if not args.files:
        if quiet:
            return 0
        raise args.refused("missing operand")
    if how == "once" and (args.recursive or len(args.files) > MANY):
        count = len(args.files)
        question = f"remove {count} argument{'s' * (count > 1)}{' recursively' * bool(args.recursive)}"
        if not agreed(io, question):
            return 0
    remover = Remover(args, io, how == "always", quiet)
    return max(remover.remove(name, None) for name in args.files)


class Remover:
    """One run of rm."""

    def __init__(self, args: Args, io: IO, asks: bool, quiet: bool) -> None:
        self.args, self.io, self.asks, self.quiet = args, io, asks, quiet

    def failed(self, message: str) -> int:
        self.io.complain(message)
        return 1

    def remove(self, name: str, top: Facts | None) -> int:
        """Remove one name, and with -r all below it; `top` is what was named, None for that itself."""
        io, session = self.io, self.io.session
        io.check()
        if top is None and posixpath.basename(name.rstrip("/")) in (".", ".."):
            return self.failed(f"refusing to remove '.' or '..' directory: skipping '{name}'")
        try:
            facts = lstat(session, name)
            if facts.kind == "dir":
                return self._folder(name, facts, top or facts)
            if self.asks and not agreed(io, f"remove {facts.described} '{name}'"):
                return 0
            session.box.fs.unlink(writable_name(session, name))
            if self.args.verbose:
                io.out(f"removed '{name}'\n")
        except KernelError as error:
            if not (self.quiet and error.code in ("ENOENT", "ENOTDIR")):
                return self.failed(f"cannot remove '{name}': {error.strerror}")
        return 0

    def _folder(self, name: str, facts: Facts, top: Facts) -> int:
        args, io, session = self.args, self.io, self.io.session
        if args.recursive and resolve(session, name) == "/" and not args.no_preserve_root:
            self.failed("it is dangerous to operate recursively on '/'")
            return self.failed("use --no-preserve-root to override this failsafe")
        if not args.recursive and not args.dir:
            raise KernelError("EISDIR")
        if args.one_file_system and facts.dev != top.dev:
            return self.failed(f"skipping '{name}', since it's on a different device")
        status = 0
        below = listdir(session, name) if args.recursive and not is_procfs(path_of(session, name)) else []
        if below:
            if self.asks and not agreed(io, f"descend into directory '{name}'"):
                return 0
            for one in below:
                status |= self.remove(posixpath.join(name, one), top)
        if status:
            return status
        if self.asks and not agreed(io, f"remove directory '{name}'"):
            return 0
        remove_directory(session, name)
        if args.verbose:
            io.out(f"removed directory '{name}'\n")
        return 0
