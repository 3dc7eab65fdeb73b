"""sysctl: the tunables under /proc/sys, read and set as procps-ng 4.0.2 does it (src/sysctl.c).

Known deviations: no patterns with * in names that are set; every file under /proc/sys is short, so it is one line.
"""

from __future__ import annotations

from memsh.commands.paths import read_text
from memsh.linux.box import Box
from memsh.linux.include.errno import KernelError
from memsh.procfs import tree
from memsh.shell import IO, Args, ShellError, command, opt, rest
from memsh.textutils.regexp import compiled

SYSCTL = "/proc/sys/"
DEPRECATED = ("base_reachable_time", "retrans_time")  # files that are said in milliseconds beside
CONF = "/etc/sysctl.conf"
USAGE = """
Usage:
 sysctl [options] [variable[=value] ...]

Options:
  -a, --all            display all variables
  -A                   alias of -a
  -X                   alias of -a
      --deprecated     include deprecated parameters to listing
      --dry-run        Print the key and values but do not write
  -b, --binary         print value without new line
  -e, --ignore         ignore unknown variables errors
  -N, --names          print variable names without values
  -n, --values         print only values of the given variable(s)
  -p, --load[=<file>]  read values from file
  -f                   alias of -p
      --system         read values from all system directories
  -r, --pattern <expression>
                       select setting that match expression
  -q, --quiet          do not echo variable set
  -w, --write          enable writing a value to variable
  -o                   does nothing
  -x                   does nothing
  -d                   alias of -h

 -h, --help     display this help and exit
 -V, --version  output version information and exit

For more details see sysctl(8).
"""
_SWAPPED = str.maketrans("./", "/.")


def _path_of(name: str) -> str:
    """`vm.swappiness` and `vm/swappiness` → the file; where a name begins with dots, its slashes are dots."""
    first = next((letter for letter in name if letter in "./"), "/")
    return SYSCTL + (name.translate(_SWAPPED) if first == "." else name)


def _name_of(path: str) -> str:
    name = path.removeprefix(SYSCTL)
    return name.translate(_SWAPPED) if next((letter for letter in name if letter in "./"), ".") == "/" else name


@command(
    opt("-w", "--write", help="set: NAME=VALUE"), opt("-a", "-A", "-X", "--all", help="all of them"),
    opt("-n", "--values", help="only the values"), opt("-N", "--names", name="only_names", help="only the names"),
    opt("-b", "--binary", help="only the values, no new line"), opt("-q", "--quiet", help="say nothing when setting"),
    opt("-e", "--ignore", help="no word on unknown names"),
    opt("-p", "-f", "--load", meta="FILE", help="set what the files say; without one /etc/sysctl.conf"),
    opt("-r", "--pattern", type=str, meta="REGEX", help="only names that match"),
    opt("-d", help="print the usage"), opt("-o", "-x", name="bsd", help="nothing: BSD's sysctl prints in hexadecimal"),
    opt("-V", "--version"), opt("--deprecated", help="with -a, what is deprecated too"),
    opt("--system", help="set what the files of the system say"), opt("--dry-run", help="tell, but set nothing"),
    rest("names", meta="NAME[=VALUE]", words="sysctl"), topic="tools", needs_box=False,
)  # fmt: skip
def sysctl(box: Box, args: Args, io: IO) -> int:
    """read and set the kernel's tunables

    sysctl -w vm.min_free_kbytes=8192

    The same as reading and writing /proc/sys. The name of a folder stands for all that is in it.
    """
    if args.version:
        io.out("sysctl from procps-ng 4.0.2\n")
        return 0
    if args.d:
        io.out(USAGE)
        return 0
    tool = _Tool(args, io)
    names: list[str] = list(args.names)
    if args.system:
        return tool.set_from([CONF], told=True)
    if args.load:
        return tool.set_from([args.load] if isinstance(args.load, str) else names or [CONF])
    if args.all:
        return tool.show_folder(SYSCTL)
    if not names:
        io.out(USAGE)
        return 1
    status = 0
    for word in names:
        if args.write or "=" in word:
            status |= tool.set_line(word, "command line", 0, strict=True)
        else:
            status |= tool.show(word)
    return status


class _Tool:
    def __init__(self, args: Args, io: IO) -> None:
        self.args = args
        self.io = io
        self.pattern = compiled(args.pattern, "extended") if args.pattern else None

    def show(self, name: str) -> int:
        """One tunable, or those of a folder; the status. What may not be read is passed over (ReadSetting)."""
        path = _path_of(name)
        if ".." in path.split("/"):
            self.io.complain(f"Path is not under {SYSCTL}: {path}")
            return 1
        if not name:
            return self._unknown(path)
        try:
            self.io.session.reader.listdir(path)
            return self.show_folder(path + "/")
        except OSError as error:
            if error.strerror == "No such file or directory":
                return self._unknown(path)
        return self._show_file(path)

    def show_folder(self, path: str) -> int:
        """All tunables below a folder, by name, without those that have better ones (DisplayAll, is_deprecated)."""
        try:
            names = sorted(self.io.session.reader.listdir(path.rstrip("/")))
        except OSError:
            self.io.complain(f'unable to open directory "{path}"')
            return 1
        status = 0
        for name in names:
            if name in DEPRECATED and not self.args.deprecated:
                continue
            try:
                self.io.session.reader.listdir(path + name)
            except OSError:
                status |= self._show_file(path + name)
            else:
                status |= self.show_folder(path + name + "/")
        return status

    def _show_file(self, path: str) -> int:
        args, out, name = self.args, self.io.out, _name_of(path)
        try:
            text = read_text(self.io.session, path)
        except OSError as error:
            if error.strerror == "Permission denied":
                return 0
            self.io.complain(f'reading key "{name}": {error.strerror}')
            return 1
        if self.pattern is not None and not self.pattern.search(name):
            return 0
        if args.only_names or not text:
            out(f"{name}\n" if args.only_names else "")
            return 0
        out(text.rstrip("\n") if args.binary else text if args.values else f"{name} = {text}")
        return 0

    def _unknown(self, path: str) -> int:
        if self.args.ignore:
            return 0
        self.io.complain(f"cannot stat {path}: No such file or directory")
        return 1

    def set_from(self, files: list[str], *, told: bool = False) -> int:
        """Set what the lines of the files say (Preload). ShellError if one cannot be opened."""
        session = self.io.session
        assert session.files is not None
        status = 0
        for path in files:
            try:
                lines = list(session.files.open_read(session, path))
            except OSError as error:
                if told:
                    continue
                raise ShellError(f'cannot open "{path}": {error.strerror}') from None
            if told and not self.args.quiet:
                self.io.out(f"* Applying {path} ...\n")
            for number, line in enumerate(lines, 1):
                status |= self.set_line(line, path, number)
        return status

    def set_line(self, line: str, path: str, number: int, *, strict: bool = False) -> int:
        """`NAME = VALUE`; the status. Comments and lines of one character say nothing (parse_setting_line)."""
        line = line.strip()
        if len(line) < 2 or line[0] in "#;" or (self.pattern is not None and not self.pattern.search(line)):
            return int(strict)
        name, equals, value = line.partition("=")
        if not equals:
            if line[0] == "-":
                return 0
            self.io.complain(f"{path}({number}): invalid syntax, continuing...")
            return int(strict)
        return self._set(name.strip().removeprefix("-"), value.strip())

    def _set(self, name: str, value: str) -> int:
        """Write one tunable and tell it (WriteSetting)."""
        args, io, path = self.args, self.io, _path_of(name)
        name = _name_of(path)
        try:
            if io.session.box is None:
                raise KernelError("EROFS")
            if ".." in path or not tree.exists(io.session.box, path):
                return self._unknown(path)
            if not args.dry_run:
                tree.store(io.session.box, path, value + "\n")
        except OSError as error:
            if error.strerror in ("Permission denied", "Operation not permitted"):
                io.complain(f'permission denied on key "{name}"')
            else:
                io.complain(f'setting key "{name}": {error.strerror}')
            return 1
        if not args.quiet or args.dry_run:
            told = value + ("" if args.binary else "\n")
            io.out(told if args.values or args.binary else f"{name} = {value}\n")
        return 0
