"""Who and where: id whoami hostname nproc which env printenv less sh bash timeout (coreutils, util-linux).

Known deviations: the box has one user, root; `timeout` counts the box's clock, so only what sleeps can be late; `less`
shows its text at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from memsh.commands.machine import LONGEST, SECONDS
from memsh.commands.paths import read_text, resolve, stat_kind
from memsh.digits import is_digits
from memsh.linux.kernel import signal
from memsh.shell import IO, Args, ShellError, rest
from memsh.shell.errors import Leave
from memsh.shell.programs import BUILTINS, places, refusal, refused_status
from memsh.shell.switches import OFF, OPTIONS, SHOPTS, STANDING
from memsh.textutils.envsplit import split_words
from memsh.textutils.quoting import quote
from memsh.textutils.regexp import compiled
from memsh.textutils.shellout import run_line
from memsh.textutils.sources import Sources
from memsh.textutils.utility import Misused, option, utility

_CS_PATH = "/bin:/usr/bin"
TOPIC = "tools"


@utility(
    option("-a"), option("-g", "--group"), option("-G", "--groups"), option("-n", "--name", help="names"),
    option("-r", "--real"), option("-u", "--user"), option("-z", "--zero"), option("-Z", "--context"), rest("users"),
    topic=TOPIC,
    usage="[OPTION]... [USER]...",
)  # fmt: skip
def id(box: object, args: Args, io: IO) -> int:
    """who one is in the box: root

    id -u
    """
    if args.context:
        raise ShellError("--context (-Z) works only on an SELinux-enabled kernel")
    for user in args.users:
        if user not in ("root", "0"):
            raise ShellError(f"'{user}': no such user")
    if args.user + args.group + args.groups > 1:
        raise ShellError("cannot print \"only\" of more than one choice")
    if not (args.user or args.group or args.groups):
        if args.zero:
            raise ShellError("option --zero not permitted in default format")
        if args.name or args.real:
            raise ShellError("cannot print only names or real IDs in default format")
        io.out("uid=0(root) gid=0(root) groups=0(root)\n")
        return 0
    io.out(("root" if args.name else "0") + ("\0" if args.zero else "\n"))
    return 0


@utility(topic=TOPIC, usage="[OPTION]...")
def whoami(box: object, args: Args, io: IO) -> None:
    """who one is in the box: root

    whoami
    """
    io.out("root\n")


@utility(
    option("-s", "--silent", "--quiet", name="quiet", help="only the status"), rest("words"), topic=TOPIC,
    usage="[OPTION]...", trouble=2,
)  # fmt: skip
def tty(box: object, args: Args, io: IO) -> int:
    """the terminal that is read from, if it is one

    tty; echo $?

    Status 1 if standard input is none: a pipe, a file, a script.
    """
    if args.words:
        raise args.refused(f"extra operand {quote(args.words[0])}")
    read_from = io.session.is_tty and io.stdin is io.session.stdin
    if not args.quiet:
        io.out("/dev/console\n" if read_from else "not a tty\n")
    return int(not read_from)


@utility(
    option("-s", "--short"), option("-f", "--fqdn", "--long"), option("-i", "--ip-address"), option("-d", "--domain"),
    option("-I", "--all-ip-addresses"), option("-A", "--all-fqdns"), option("-a", "--alias"),
    option("-y", "--yp", "--nis"), option("-b", "--boot", lacks="the name of this box cannot be changed"),
    option("-F", "--file", type=str, meta="FILE", lacks="the name of this box cannot be changed"), rest("names"),
    topic=TOPIC, usage="[OPTION] [NAME]",
)  # fmt: skip
def hostname(box: object, args: Args, io: IO) -> int:
    """the box's name

    hostname
    """
    if args.ip_address:
        raise ShellError("Name or service not known")
    if args.all_ip_addresses or args.all_fqdns or args.alias:  # the loopback device is left out
        io.out("\n")
        return 0
    if args.nis:
        raise ShellError("Local domain name not set")
    if args.names:
        raise ShellError("you must be root to change the host name" if io.session.box is None else
                         "the name of this box cannot be changed")  # fmt: skip
    name = _kernel_name(io)
    io.out(("" if args.domain else name.partition(".")[0] if args.short else name) + "\n")
    return 0


def _kernel_name(io: IO) -> str:
    try:
        return read_text(io.session, "/proc/sys/kernel/hostname").strip()
    except OSError:
        return "(none)"


def _ignored(word: str) -> int:
    if not is_digits(word):
        raise ValueError(f"invalid number: '{word}'")
    return int(word)


@utility(
    option("--all", help="those that are off too"), option("--ignore", type=_ignored, default=0, meta="N"),
    topic=TOPIC, usage="[OPTION]...",
)  # fmt: skip
def nproc(box: object, args: Args, io: IO) -> None:
    """how many processors there are

    nproc
    """
    stat = read_text(io.session, "/proc/stat")
    count = sum(re.match("cpu[0-9]", line) is not None for line in stat.splitlines())
    io.out(f"{max(1, count - args.ignore)}\n")


@utility(option("-a", "--all"), rest("names", words="command"), topic=TOPIC, usage="[-a] args", trouble=2)
def which(box: object, args: Args, io: IO) -> int:
    """where a command's program is

    which a.out

    A program of the box's disk by its path; of a command of memsh, where it lies on a Linux box. Status 1: not found.
    """
    status = 0
    for name in args.names:
        found = _programs(io, name)
        if not found:
            status = 1
        for path in found if args.all else found[:1]:
            io.out(path + "\n")
    return status if args.names else 1


def _programs(io: IO, name: str) -> list[str]:
    """The paths that a name means, the one that would run first."""
    if "/" in name:
        return [name] if stat_kind(io.session, name) == "file" else []
    found = places(io.session, io.language, name)
    memshs_own = name in io.session.registry.names() and name not in BUILTINS and "PATH" not in io.language.variables
    return found or ([f"/usr/bin/{name}"] if memshs_own else [])


@utility(
    option("-0", "--null"), option("-i", "--ignore-environment", help="with none"),
    option("-u", "--unset", type=str, many=True, meta="NAME", help="without this one"),
    option("-C", "--chdir", type=str, meta="FOLDER"),
    option("-S", "--split-string", type=str, meta="TEXT", help="TEXT is several words"),
    option("-v", "--debug", help="tell what is done"),
    *(option(flag, type=str, optional="", lacks="the tools of this box are no processes: no signals to handle")
      for flag in ("--block-signal", "--default-signal", "--ignore-signal")),
    option("--list-signal-handling", lacks="the tools of this box are no processes: no signals to handle"),
    rest("words", meta="[NAME=VALUE …] [COMMAND", words="command"),
    topic=TOPIC, usage="[OPTION]... [-] [NAME=VALUE]... [COMMAND [ARG]...]", trouble=125, in_order=True,
)  # fmt: skip
def env(box: object, args: Args, io: IO) -> int:
    """run a command with other variables, or list them

    env A=1 printenv A
    """
    session = io.session
    given = [args]  # -S begins anew, with the words of its text before the others
    while given[-1].split_string is not None:
        split = split_words(given[-1].split_string, session.language.exported())
        given.append(args.again([*split, *given[-1].words]))
    words: list[str] = list(given[-1].words)
    bare, null, debug = (any(getattr(one, name) for one in given) for name in ("ignore_environment", "null", "debug"))
    chdir = next((one.chdir for one in reversed(given) if one.chdir is not None), None)
    if words and words[0] == "-":
        bare, words = True, words[1:]
    tell = io.err if debug else lambda text: None
    variables = {} if bare else session.language.exported()
    if bare:
        tell("cleaning environ\n")
    for name in () if bare else [name for one in given for name in one.unset]:
        if not name or "=" in name:
            raise ShellError(f"cannot unset {quote(name)}: Invalid argument", 125)
        tell(f"unset:    {name}\n")
        variables.pop(name, None)
    while words and "=" in words[0]:
        tell(f"setenv:   {words[0]}\n")
        name, _, value = words.pop(0).partition("=")
        variables[name] = value
    if not words:
        io.out("".join(f"{name}={value}" + ("\0" if null else "\n") for name, value in variables.items()))
        return 0
    if null:
        raise args.refused("cannot specify --null (-0) with command")
    if chdir is not None:
        tell(f"chdir:    '{chdir}'\n")
    tell(f"executing: {words[0]}\n" + "".join(f"   arg[{at}]= {quote(word)}\n" for at, word in enumerate(words)))
    why = refusal(session, words[0])
    if why:
        io.complain(f"'{words[0]}': {why}")
        if " " in words[0]:
            io.complain("use -[v]S to pass options in shebang lines")
        return refused_status(why)
    language = session.language.child()
    with session.apart(language=language):
        language.becomes_program("", None)
        language.variables, language.attributes = variables, {name: {"x"} for name in variables}
        language.gone |= set(STANDING) - set(variables)
        if chdir is not None:
            kind = stat_kind(session, chdir)
            if kind != "dir":
                why = "Not a directory" if kind else "No such file or directory"
                raise ShellError(f"cannot change directory to '{chdir}': {why}", 125)
            language.cwd = resolve(session, chdir)
        language.variables.setdefault("PATH", _CS_PATH)  # execvp(3) has a path of its own, which nobody inherits
        return io.run(words)


@utility(option("-0", "--null"), rest("names"), topic=TOPIC, usage="[OPTION]... [VARIABLE]...", trouble=2)
def printenv(box: object, args: Args, io: IO) -> int:
    """print variables

    env A=1 printenv A
    """
    variables, end = io.language.exported(), "\0" if args.null else "\n"
    for name in args.names or variables:
        if name in variables:
            io.out((variables[name] if args.names else f"{name}={variables[name]}") + end)
    return int(any(name not in variables for name in args.names))


_PAGING = (
    option("-N", "--LINE-NUMBERS", name="numbers", help="number the lines"), option("-S", "--chop-long-lines"),
    option("-F", "--quit-if-one-screen"), option("-X", "--no-init"), option("-R", "--RAW-CONTROL-CHARS", name="raw"),
    option("-i", "--ignore-case"), option("-n", "--line-numbers"), option("-e", "--quit-at-eof"), option("-E"),
    option("-r", "--raw-control-chars"), option("-s", "--squeeze-blank-lines", name="squeeze", help="empty lines once"),
    option("-p", "--pattern", type=str, meta="PATTERN", help="where the screen begins"),
    option("--begin", type=str, meta="N", help="+N, +/PATTERN: where a terminal's screen begins"),
    option("--lines", type=str, meta="N", help="-N: lines of a screen"), rest("files", words="path"),
)  # fmt: skip


def _begun(words: list[str]) -> list[str]:
    """`+N` and `+/PATTERN`: where a screen begins."""
    out: list[str] = []
    for at, word in enumerate(words):
        if word == "--":
            return [*out, *words[at:]]
        if re.fullmatch(r"-[0-9]+", word):
            out.append(f"--lines={word[1:]}")
        else:
            out.append(f"--begin={word[1:]}" if word[:1] == "+" and len(word) > 1 else word)
    return out


def _from(lines: Iterator[tuple[int, str]], begin: str) -> Iterator[tuple[int, str]]:
    """The lines from a number, or from the first that holds a pattern, on; all of them where none does."""
    if begin[:1] == "/":
        kept = list(lines)
        found = compiled(begin[1:], "basic")
        at = next((at for at, (_, line) in enumerate(kept) if found.test(line.rstrip("\n"))), 0)
        yield from kept[at:]
        return
    first = int(begin[:9]) if is_digits(begin) else 1
    yield from islice(lines, max(first - 1, 0), None)


@utility(*_PAGING, topic=TOPIC, usage="[OPTION]... [FILE]...", rewrite=_begun)
def less(box: object, args: Args, io: IO) -> int:
    """show text a screen at a time

    less /proc/meminfo

    The terminal that memsh runs in scrolls by itself: the text comes at once, as less does it where there is no screen.
    There it begins at +N or +/PATTERN; in a pipe it is the whole text, as with the real one.
    """
    begin = args.begin or (f"/{args.pattern}" if args.pattern else "")
    return _page(Sources(io, args.files), begin, args.squeeze, args.numbers)


def _page(sources: Sources, begin: str, squeeze: bool, numbers: bool) -> int:
    empty, io = False, sources.io
    if not io.is_tty:  # as cat does
        for line in sources.lines():
            io.out(line)
        return sources.status
    for number, line in _from(enumerate(sources.lines(), 1), begin):
        if squeeze and line == "\n" and empty:
            continue
        empty = line == "\n"
        io.out(f"{number:7} {line}" if numbers else line)
    return sources.status


@utility(
    option("-d", "--silent"), option("-f", "--logical"), option("-l", "--no-pause"), option("-c", "--print-over"),
    option("-p", "--clean-print"), option("-e", "--exit-on-eof"), option("-u", "--plain"),
    option("-s", "--squeeze", help="empty lines once"), option("-n", "--lines", type=str, meta="N"),
    option("--begin", type=str, meta="N", help="+N, +/PATTERN: where a terminal's screen begins"),
    rest("files", words="path"), topic=TOPIC, usage="[options] <file>...", rewrite=_begun,
)  # fmt: skip
def more(box: object, args: Args, io: IO) -> int:
    """show text a screen at a time

    more /proc/meminfo
    """
    _page(Sources(io, args.files, "cannot open {name}: {why}"), args.begin or "", args.squeeze, False)
    return 0


_SHELL = (
    option("-c", name="command", help="run this text"), option("-e"), option("-u"), option("-x"), option("-v"),
    option("-n"), option("-s"), option("-i"), option("-l", "--login"), option("--norc"), option("--noprofile"),
    option("--posix"),
    option("-o", type=str, many=True, name="settings", meta="OPTION"),
    option("-O", type=str, many=True, name="shopts", meta="OPTION", help="as shopt -s; +O as shopt -u"),
    option("--rcfile", "--init-file", type=str, name="rcfile", meta="FILE", help="run first, with -i"),
    rest("words", meta="[TEXT] [SCRIPT] [WORD", words="path"),
)  # fmt: skip


def _spelt(words: list[str]) -> list[str]:
    """Options of a shell as the table above has them: `+x` and `+O NAME` with the sign of what is off, `-` as `--`."""
    out: list[str] = []
    at = 0
    while at < len(words) and words[at][:1] in ("-", "+"):
        word = words[at]
        at += 1
        if word in ("-", "--"):
            return [*out, "--", *words[at:]]
        if word[0] == "-":
            out.append(word)
            if word in ("-o", "-O", "--rcfile", "--init-file"):
                out += words[at : at + 1]
                at += 1
        elif word in ("+o", "+O"):
            out += ["-" + word[1], OFF + (words[at] if at < len(words) else "")]
            at += 1
        else:
            named = {letter: long for long, letter in OPTIONS.items() if letter}
            for letter in word[1:]:
                out += ["-c"] if letter == "c" else ["-o", OFF + named.get(letter, letter)]
    return out + words[at:]


def _shell(args: Args, io: IO) -> int:
    """A shell of its own on a text, a script, or standard input."""
    words: list[str] = list(args.words)
    reads = not args.command and (not words or args.s)
    if args.command:
        if not words:
            raise ShellError("-c: option requires an argument", 2)
        text, names = words[0], words[1:]
        name = names.pop(0) if names else io.name
    elif not reads:
        name, names = words[0], words[1:]
        try:
            files = io.session.files
            assert files is not None
            text = files.open_read(io.session, name).read()
        except OSError as error:
            status = 126 if error.strerror == "Is a directory" else 127
            raise ShellError(f"{name}: {error.strerror or error}", status) from None
        if "\0" in text.partition("\n")[0]:
            raise ShellError(f"{name}: cannot execute binary file", 126)
    else:
        text, name, names = io.stdin.read(), io.name, words
    given = [long for long, letter in OPTIONS.items() if letter and letter in "euxvn" and getattr(args, letter)]
    given += ["posix"] * args.posix
    for long in args.settings:
        if long.removeprefix(OFF) not in OPTIONS:
            raise ShellError(f"{long.removeprefix(OFF)}: invalid option name", 2)
    for long in args.shopts:
        if long.removeprefix(OFF) not in SHOPTS:
            io.complain(f"{long.removeprefix(OFF)}: invalid shell option name")
            return 2
    startup = _startup(io, "" if args.norc else args.rcfile or "/root/.bashrc") if args.i else None
    return run_line(io, text, name=name, arguments=names, options=given + args.settings + args.shopts,
                    commanded=args.command, startup=startup, reads=reads)  # fmt: skip


def _startup(io: IO, path: str) -> str:
    """What a shell that somebody types at runs first."""
    return f". {quote(path)}" if path and stat_kind(io.session, path) == "file" else ""


@utility(*_SHELL, topic=TOPIC, usage="[-euxv] [-c TEXT | SCRIPT] [WORD]...", trouble=2, in_order=True, rewrite=_spelt)
def sh(box: object, args: Args, io: IO) -> int:
    """run shell text or a script, in memsh's own language

    sh -c 'echo $((6 * 7))'

    What it sets is gone afterwards, as with a shell of its own.
    """
    return _shell(args, io)


@utility(*_SHELL, topic=TOPIC, usage="[-euxv] [-c TEXT | SCRIPT] [WORD]...", trouble=2, in_order=True, rewrite=_spelt)
def bash(box: object, args: Args, io: IO) -> int:
    """run shell text or a script, in memsh's own language

    bash -c 'echo $((6 * 7))'

    What it sets is gone afterwards, as with a shell of its own.
    """
    return _shell(args, io)


def _signal(word: str) -> str:
    number = int(word) if is_digits(word) and len(word) < 3 else -1
    if word.upper().removeprefix("SIG") not in signal.SIGNALS and not 0 <= number <= 64:
        raise Misused(f"{quote(word)}: invalid signal")
    return word


def _seconds(word: str) -> float:
    match = re.fullmatch(r"([0-9]*\.?[0-9]+|[0-9]+\.)([smhd]?)", word)
    if match is None:
        raise Misused(f"invalid time interval '{word}'")
    return min(float(match[1][:300]), LONGEST) * SECONDS[match[2] or "s"]


@utility(
    option("-s", "--signal", type=_signal, meta="SIGNAL"), option("-k", "--kill-after", type=_seconds, meta="TIME"),
    option("-v", "--verbose"), option("--foreground"), option("--preserve-status", help="the command's own status"),
    rest("words", meta="TIME COMMAND [WORD", words="command"), topic=TOPIC,
    usage="[OPTION] DURATION COMMAND [ARG]...", trouble=125, in_order=True,
)  # fmt: skip
def timeout(box: object, args: Args, io: IO) -> int:
    """end a command that takes too long, by the box's clock

    timeout 5 sleep 1; echo $?

    Status 124 if its time was over.
    """
    words: list[str] = list(args.words)
    if len(words) < 2:
        raise args.refused("")
    try:
        limit = _seconds(words[0])
    except ValueError as error:
        raise args.refused(str(error)) from None
    why = refusal(io.session, words[1])
    if why:
        io.complain(f"failed to run command '{words[1]}': {why}")
        return refused_status(why)
    if not limit or io.session.box is None:
        return io.run(words[1:])
    return _limited(args, io, words[1:], int(limit * 1_000_000))


class _Over(Leave):
    """The time of a `timeout` is over: whatever shell it runs in ends."""


def _limited(args: Args, io: IO, words: list[str], usec: int) -> int:
    """Run a command for at most `usec` of the box's clock: a sleep that would end later is cut there, and so is what
    waits for a pipe."""
    session, over = io.session, _Over(143)
    strand = session.strands.now
    limit = strand.limit
    strand.limit = min(limit, (session.box.timer.usec + usec, over), key=lambda one: one[0])
    try:
        status = io.run(words)
    except _Over as error:
        if error is not over:
            raise
    finally:
        strand.limit = limit
    if over.__traceback__ is None:  # it was not raised, in whatever shell
        return status
    if args.verbose:
        io.complain(f"sending signal {args.signal or 'TERM'} to command '{words[0]}'")
    if args.preserve_status:
        return 143
    return 137 if (args.signal or "").removeprefix("SIG") in ("KILL", "9") else 124
