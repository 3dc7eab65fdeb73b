"""Where cp, mv and ln put things: their operands, backups of what is there, and the question before it goes.

GNU coreutils 9.1, lib/backupfile.c. Known deviation: VERSION_CONTROL and SIMPLE_BACKUP_SUFFIX are not looked at.
"""

from __future__ import annotations

import posixpath
import re

from memsh.commands.facts import Facts, lstat
from memsh.commands.paths import listdir, path_of, stat_kind
from memsh.shell import IO, Args, ShellError
from memsh.shell.session import Session
from memsh.textutils.utility import Option, last_typed, one_of, option

_CONTROL = one_of("backup type", "none/off", "simple/never", "existing/nil", "numbered/t")


def backup_options() -> tuple[Option, ...]:
    """-b, --backup[=CONTROL] and -S."""
    return (
        option("--backup", type=_CONTROL, optional="existing", meta="CONTROL", help="keep what is there as NAME~"),
        option("-b", name="keep", help="the same"),
        option("-S", "--suffix", type=str, meta="SUFFIX", help="instead of ~"),
    )


def context_options() -> tuple[Option, ...]:
    """-Z and --context, which ask SELinux."""
    return (option("-Z", name="usual_context"), option("--context", type=str, optional="", meta="CONTEXT"))


def without_context(args: Args, io: IO, kernel: str) -> None:
    """No SELinux here: a context that is given by name is told to be ignored, as GNU's tools do."""
    if args.context:
        io.complain(f"warning: ignoring --context; it requires {kernel} kernel")


def there(session: Session, path: str) -> Facts | None:
    """What a name stands for, a link for itself; None for nothing."""
    try:
        return lstat(session, path)
    except OSError:
        return None


def same_file(one: Facts, other: Facts) -> bool:
    return (one.dev, one.inode) == (other.dev, other.inode)


def same_name(session: Session, one: str, other: str) -> bool:
    """Whether two paths name one entry of one directory."""
    return path_of(session, one, False) == path_of(session, other, False)


def goal_in(folder: str, name: str) -> str:
    """Where something called `name` comes to lie in a directory."""
    return posixpath.join(folder, posixpath.basename(name.rstrip("/")))


def operands(args: Args, io: IO, names: list[str]) -> tuple[list[str], str, bool]:
    """The sources, the target, and whether that is a directory to put them in."""
    if args.target_directory is not None:
        if args.no_target_directory:
            raise ShellError("cannot combine --target-directory (-t) and --no-target-directory (-T)")
        if not names:
            raise args.refused("missing file operand")
        if stat_kind(io.session, args.target_directory) != "dir":
            raise ShellError(f"target directory '{args.target_directory}': No such file or directory")
        return names, args.target_directory, True
    if len(names) < 2:
        raise args.refused(f"missing destination file operand after '{names[0]}'" if names else "missing file operand")
    if args.no_target_directory and len(names) > 2:
        raise args.refused(f"extra operand '{names[2]}'")
    target = names.pop()
    into = stat_kind(io.session, target) == "dir" and not args.no_target_directory
    if len(names) > 1 and not into:
        raise ShellError(f"target '{target}': Not a directory" if stat_kind(io.session, target) else
                         f"target '{target}': No such file or directory")  # fmt: skip
    return names, target, into


def agreed(io: IO, question: str) -> bool:
    """Ask on standard error, read the answer from standard input: yes begins with a y."""
    io.err(f"{io.name}: {question}? ")
    return io.stdin.readline()[:1] in ("y", "Y")


def answered_last(args: Args) -> str:
    """Which of -i, -n and -f counts. "" for none."""
    return last_typed(args, "interactive", "no_clobber", "force")


def backup_kind(args: Args) -> str:
    """How what is there is kept: "simple", "existing" or "numbered"; "" for not at all."""
    if args.backup is not None:
        return "" if args.backup == "none" else str(args.backup)
    return "existing" if args.keep or args.suffix is not None else ""


def backup_name(args: Args, io: IO, path: str) -> str:
    """What a backup of `path` is called; "" if none was asked for."""
    how = backup_kind(args)
    if not how:
        return ""
    folder, base = posixpath.split(path)
    pattern = re.compile(re.escape(base) + r"\.~([0-9]+)~")
    numbers = [int(match[1]) for name in listdir(io.session, folder or ".") if (match := pattern.fullmatch(name))]
    if how == "numbered" or (how == "existing" and numbers):
        return f"{path}.~{max(numbers, default=0) + 1}~"
    return path + ("~" if args.suffix is None else str(args.suffix))


def keep_backup(args: Args, io: IO, path: str) -> str:
    """Give what is at `path` its backup's name, if one was asked for; answers that name, or ""."""
    kept, session = backup_name(args, io, path), io.session
    if kept:
        session.box.fs.rename(path_of(session, path, False), path_of(session, kept, False))
    return kept
