"""memsh's own argv: builds the box; chooses prompt, `-c`, script or standard input."""

from __future__ import annotations

import gc
import io
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

from memsh import __version__
from memsh.alike import alike
from memsh.digits import is_digits
from memsh.lazy import regular
from memsh.linux.include.errno import KernelError
from memsh.shell.errors import BUG_STATUS, INTERRUPTED, NO_MEMORY, Interrupted, Leave, OutputGone, ShellError
from memsh.shell.io import Input
from memsh.shell.limits import TEXT
from memsh.shell.script import run_script, run_stream
from memsh.shell.session import Session
from memsh.shell.stdio import last_words, lost, open_streams
from memsh.shell.values import wide_size
from memsh.usage import USAGE

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.config import Config

_VALUED = {
    "-c", "-o", "--arch", "--ram", "--cpus", "--nodes", "--distance", "--swap", "--cmdline", "--age", "--from",
    "--proc", "--page-size", "--width", "--history-file", "--seed", "--config", "--mount", "--write", "--save",
}  # fmt: skip
_FLAGS = {
    "-e", "-x", "--step", "--no-color", "--no-rc", "--strict", "-V", "--version", "-h", "--help", "--json",
    "--split-rss", "--key", "--csv", "--names", "--write-config", "--realtime", "--allow-other", "-f",
}  # fmt: skip
_SESSION = regular(r"\d{8}-\d{6}-\d+")
BOOT = ("--arch", "--ram", "--cpus", "--nodes", "--distance", "--swap", "--cmdline", "--seed", "--age", "--from")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
COLLECTED = 20_000  # new objects between two looks of the garbage collector
TEACHING = ("lesson", "grade", "lint", "handout", "tour")


class Options(NamedTuple):
    """The words of argv, sorted."""

    values: dict[str, list[str]]
    flags: set[str]
    words: list[str]

    def last(self, name: str, default: str = "") -> str:
        return self.values[name][-1] if name in self.values else default


def read_options(argv: list[str]) -> Options:
    """ShellError (status 2) if argv is not what `--help` says."""
    options = Options({}, set(), [])
    place = 0
    while place < len(argv):
        word = argv[place]
        place += 1
        if word == "--":
            options.words.extend(argv[place:])
            break
        name, equals, value = word.partition("=")
        if word in _FLAGS:
            options.flags.add(word)
        elif name == "--resume":
            if not equals and place < len(argv) and _SESSION.fullmatch(argv[place]):
                value = argv[place]
                place += 1
            options.values["--resume"] = [value]
        elif name in _VALUED and (not equals or name.startswith("--")):
            if not equals:
                if place >= len(argv):
                    raise ShellError(f"{name} needs a value", 2)
                value = argv[place]
                place += 1
            options.values.setdefault(name, []).append(value)
        elif len(word) > 2 and word[0] == "-" and set(word[1:]) <= set("exc") and "c" not in word[1:-1]:
            argv[place:place] = ["-" + letter for letter in word[1:]]
        elif word[0:1] == "-" and len(word) > 1:
            close = alike(name, sorted(_VALUED | _FLAGS | {"--resume"}), 1)
            hint = f" (did you mean {close[0]}?)" if close else " (memsh --help lists them)"
            raise ShellError(f"there is no option {name}{hint}", 2)
        else:
            options.words.append(word)
    return options


def seconds(text: str) -> int:
    """`90`, `30s`, `10m`, `2h`, `1d` → seconds."""
    unit = text[-1:] if text[-1:] in _SECONDS else ""
    digits = text[: len(text) - len(unit)]
    if not is_digits(digits):
        raise ShellError(f"--age: '{text}' is not a time (30s, 10m, 2h, 1d)", 2)
    return int(digits) * _SECONDS[unit]


def number(options: Options, name: str, default: int, convert: Callable[[str], int] = int) -> int:
    """The value of a numeric option. ShellError (status 2) if it is none."""
    text = options.last(name)
    if not text:
        if name in options.values:
            raise ShellError(f"{name} needs a value", 2)
        return default
    try:
        return convert(text)
    except ValueError as error:
        said = str(error) if convert is wide_size else f"'{text}' is not a number"
        raise ShellError(f"{name}: {said}", 2) from None


def nodes(text: str, ram: int, cpus: int) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """`2` divides RAM and CPUs evenly; `4G:0-1,4G:2-3` names size and CPUs of each node. ValueError for others."""
    from memsh.linux.config import NODE_ALIGN, parse_cpulist, share_cpus  # start-up: --help, diagnose need no box

    if is_digits(text) and 1 <= int(text) <= 64:
        count = int(text)
        share = ram // count // NODE_ALIGN * NODE_ALIGN
        sizes = [share] * (count - 1) + [ram - share * (count - 1)]
        return tuple(zip(sizes, share_cpus(cpus, count), strict=True))
    found = []
    for part in re.split(r",(?=[^,:]*:)", text):  # a comma before the next SIZE: parts nodes, others part CPUs
        size, colon, cpulist = part.partition(":")
        if not colon:
            raise ValueError(f"--nodes: '{text}' is neither a number of nodes nor SIZE:CPUS,SIZE:CPUS (4G:0-1,4G:2-3)")
        found.append((wide_size(size), parse_cpulist(cpulist)))
    return tuple(found)


def page_size(options: Options) -> int:
    """`--page-size 64k` in bytes; 0 where the tree shall tell. ShellError for what is no page size."""
    size = number(options, "--page-size", 0, wide_size)
    if "--page-size" in options.values and (size & (size - 1) or not 4096 <= size <= 65536):
        raise ShellError("--page-size: a power of two from 4k to 64k", 2)
    return size


def make_box(options: Options) -> Box:
    """The machine that argv describes. ShellError if there can be none."""
    from memsh.linux.config import DEFAULT_CMDLINE, Config  # start-up: --help, diagnose and capture need no box
    from memsh.machines.box import Box  # start-up: --help, diagnose and capture need no box

    default = Config()
    arch, here = recorded(options)
    ram, cpus = number(options, "--ram", default.ram, wide_size), number(options, "--cpus", here or default.cpus)
    try:
        config = Config(
            ram=ram, cpus=cpus, arch=options.last("--arch", arch or default.arch),
            nodes=nodes(options.last("--nodes"), ram, cpus) if "--nodes" in options.values else (),
            distance=number(options, "--distance", default.distance),
            swap=number(options, "--swap", default.swap, wide_size),
            cmdline=options.last("--cmdline", DEFAULT_CMDLINE), seed=number(options, "--seed", default.seed),
            age=seconds(options.last("--age", "0")),
        )  # fmt: skip
    except ValueError as error:
        raise ShellError(str(error), 2) from None
    folder = options.last("--from")
    if folder:
        return box_from(folder, config, options)
    try:
        return Box(config)
    except ValueError as error:  # a machine on which this kernel does not boot
        word = str(error).partition(":")[0]
        raise ShellError(f"--cmdline: {error}" if word in config.cmdline.split() else str(error), 2) from None
    except KernelError as error:  # no room for the kernel's own threads
        raise ShellError(f"{config.ram >> 20}M are too little for {cpus} CPUs: {error.strerror}", 2) from None
    except OSError:  # nor for its memory map on the host (ENOMEM)
        raise ShellError(NO_MEMORY) from None


def recorded(options: Options) -> tuple[str, int]:
    """(architecture, CPUs) that a recorded folder's freelists.txt and cpuinfo tell; ("", 0) where there is none."""
    path = Path(options.last("--from")) / "freelists.txt"
    if "--from" not in options.values or not path.is_file():
        return "", 0
    from memsh.commands.elsewhere import hosttext  # start-up: 9 ms, for texts of the host alone

    text = hosttext.text_of(str(path))
    cpus = [int(number) for number in re.findall(r"^now (?:cpu |pcp:)(\d+)", text, re.MULTILINE)]
    shown = path.with_name("cpuinfo")
    told = len(re.findall(r"^processor\b", hosttext.text_of(str(shown)), re.MULTILINE)) if shown.is_file() else 0
    here = max(max(cpus, default=-1) + 1, told)
    wanted = number(options, "--cpus", here)
    if here and wanted != here:
        raise ShellError(f"--cpus {wanted}: {path.parent} was recorded with {here}", 2)
    return "x86_64" if re.search(r"^now zone DMA32", text, re.MULTILINE) else "i386", here


def box_from(path: str, config: Config, options: Options) -> Box:
    """`--from`: a recorded folder with freelists.txt, or any text that tells of a machine."""
    from memsh.commands.elsewhere import hosttext  # start-up: 9 ms, for texts of the host alone
    from memsh.machines.from_dump import TOLD, from_recording  # start-up: 1 ms, for --from a recording alone

    folder = Path(path)
    try:
        if (folder / "freelists.txt").is_file():
            there = [name for name in TOLD if (folder / name).is_file()]
            return from_recording(config, {name: hosttext.text_of(str(folder / name)) for name in there})
        from memsh.machines import from_text  # start-up: 12 ms, for --from a text alone
        from memsh.proctext.findings import find  # start-up: 9 ms of patterns, for texts of the host alone

        try:
            source = hosttext.read(path)
        except ShellError as error:
            raise ShellError(f"--from: {error.message}") from None
        machine = from_text.told(find(source.text), hosttext.people(source))
        if "--arch" in options.values and config.arch != machine.arch:
            raise ValueError(f"the text is of a machine that {machine.arch} is like, not {config.arch}")
        return from_text.build(machine, config)
    except OSError as error:
        raise ShellError(f"--from: {path}: {error.strerror}") from None
    except ValueError as error:
        raise ShellError(f"--from: {path}: {error}") from None


def boot_options(options: Options) -> dict[str, str]:
    """The options that describe the machine, each once, as `reset` takes them too."""
    found = {name: options.last(name) for name in BOOT if name in options.values}
    if "--from" in found:
        found["--from"] = str(Path(found["--from"]).absolute())
    return found


def on_bug(session: Session, name: str) -> str:
    """After a bug of ours: mark the box and check it; answers what the check found."""
    from memsh.inspect import check  # start-up: --help, diagnose and capture need no box

    box = session.box
    if box is None:
        return "there is none"
    box.tainted = True

    problems = check.check(box)
    return "check found: " + "; ".join(map(str, list(problems)[:3])) if problems else "check finds nothing wrong"


def open_session(argv: list[str], stdout: TextIO, stderr: TextIO) -> Session:
    """A session as `memsh ARGV` makes it, with its output elsewhere: for tests and replays."""
    return make_session(read_options(list(argv)), stdout, stderr)


def make_session(options: Options, stdout: TextIO | None = None, stderr: TextIO | None = None) -> Session:
    """A session with its box (or recorded tree), commands and streams."""
    from memsh import commands  # start-up: --help, diagnose and capture need no box
    from memsh.commands import console, files, procdir  # start-up: --help, diagnose and capture need no box
    from memsh.teach import (  # start-up: --help, diagnose and capture need no box
        charting,
        classroom,
        displays,
        owner,
        telling,
        timetravel,
    )
    from memsh.teach.journal import attach  # start-up: --help, diagnose and capture need no box

    commands.load()
    timetravel.load()
    telling.load()
    classroom.load()
    owner.load()
    displays.load()
    charting.load()
    session = Session(stdout=stdout, stderr=stderr)
    session.files = files.BoxFiles()
    session.open_session, session.lesson_player, session.stepper = open_session, lesson_player, stepper
    session.drawer, session.plotter = drawer, plotter
    session.on_bug = on_bug
    session.stop_on_error = "-e" in options.flags
    session.is_tty = sys.stdout.isatty()
    session.color = not ("--no-color" in options.flags or "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb")
    session.width = width(options, session.is_tty)
    if session.is_tty and stdout is None:
        from memsh.ui import live  # start-up: 6 ms, for a terminal alone
        from memsh.ui.progress import for_terminal  # start-up: 6 ms, for a terminal alone

        if live.usable():
            session.live, session.ticker = live.play, live.LineTicker
        for_terminal(session)
    if "--proc" in options.values:
        folder = options.last("--proc")
        try:
            if Path(folder).is_file():
                from memsh.commands.elsewhere.textproc import open_text  # start-up: 14 ms, for --proc alone

                session.reader = open_text(folder, page_size(options))
            else:
                session.reader = procdir.DirReader(folder, page_size(options))
        except OSError as error:
            raise ShellError(f"--proc: {folder}: {error.strerror}") from None
        session.cwd = "/proc"
    else:
        with session.long():
            session.box = make_box(options)
        session.reader = procdir.BoxReader(session)
        session.config = session.box.config
        session.console = console.Console(session)
        session.rebuild = lambda: make_box(options)
        session.boot = session.begun_with = boot_options(options)
        session.make_box = lambda words: make_box(Options({name: [word] for name, word in words.items()}, set(), []))
        attach(session)
        for note in session.box.notes:
            session.stderr.write(f"memsh: {note}\n")
        if "--split-rss" in options.flags:  # a line like any other, so that it is undone, saved and resumed as one
            session.run("split_rss on > /dev/null")
    return session


def resumed(options: Options) -> Session:
    """The session that --resume names, as it was left."""
    from memsh.teach import store  # start-up: 1 ms, for sessions that are kept
    from memsh.teach.journal import attach  # start-up: --help, diagnose and capture need no box

    for name in (*BOOT, "--proc"):
        if name in options.values:
            raise ShellError(f"--resume brings its own machine: leave out {name}", 2)
    kept = store.read(options.last("--resume"))
    session = make_session(options._replace(values={**options.values, **{k: [v] for k, v in kept.boot.items()}}))
    try:
        with session.taking_interrupts(), session.long(), attach(session).heeding():
            count = store.resume(session, kept)
    except Interrupted:
        said = f"--resume: {kept.name}: interrupted, and kept as it is"
        raise ShellError(said, session.hung_up or INTERRUPTED) from None
    session.stderr.write(f"memsh: {kept.name} is back: {count} command{'' if count == 1 else 's'} run again\n")
    return session


def width(options: Options, is_tty: bool) -> int:
    """Columns: as told, the terminal's, or 80."""
    wanted = number(options, "--width", 0)
    if "--width" in options.values and not 20 <= wanted <= 1000:
        raise ShellError("--width: give 20 to 1000 columns", 2)
    if wanted:
        return wanted
    if is_tty:
        import shutil  # start-up: 4 ms

        return max(20, shutil.get_terminal_size().columns)
    return 80


def read_scripts(paths: list[str]) -> list[tuple[str, str]]:
    """(name, text) of every script, all read before the first one runs."""
    scripts = []
    for path in paths:
        try:
            with Path(path).open("rb") as file:
                data = file.read(TEXT + 1)
            if len(data) > TEXT:
                raise ShellError(f"{path}: File too large", 126)
            scripts.append((path, data.decode("utf-8", "surrogateescape")))
        except OSError as error:
            raise ShellError(f"{path}: {error.strerror}", 127) from None
    return scripts


def wait_for_key(session: Session) -> bool:
    """`--step`: any key goes on, q or the end of input stops."""
    from memsh.ui.live import Keyboard  # start-up: 6 ms, for a terminal alone

    sys.stdout.write("[any key: go on, q: stop] ")
    sys.stdout.flush()
    with Keyboard() as keys:
        key = keys.wait(session, None)
        while key == "resize":
            key = keys.wait(session, None)
    sys.stdout.write("\r" + " " * 26 + "\r")
    return key not in ("q", "Q", "\x04")


def work(options: Options) -> int:
    """What argv asks for, once it is understood."""
    status = without_box(options)
    if status is not None:
        return status
    scripts = [*(("", text) for text in options.values.get("-c", [])), *read_scripts(options.words)]
    at_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    session = resumed(options) if "--resume" in options.values else make_session(options)
    try:
        if at_terminal and not scripts:
            with opened(session, options, True):
                return prompt(session, options)
        begun()
        with opened(session, options, False), session.taking_interrupts(), session.long():
            step = partial(wait_for_key, session) if "--step" in options.flags and at_terminal else None
            return played(session, scripts, "-x" in options.flags, step)
    except Leave as leave:
        return leave.status
    finally:
        finish_recording(session)


def without_box(options: Options) -> int | None:
    """The status of what needs no session of its own; None if argv asks for one. Refuses what does not go together."""
    from memsh.commands.diagnose import main as diagnose  # start-up: --help, diagnose and capture need no box

    if options.flags & {"-h", "--help"}:
        sys.stdout.write(USAGE)
        return 0
    if options.flags & {"-V", "--version"}:
        sys.stdout.write(f"memsh {__version__}\n")
        return 0
    what = options.words[0] if options.words and "-c" not in options.values else ""
    if what in TEACHING:
        return teach(options)
    if what == "diagnose":
        return diagnose(options.words[1:], "--json" in options.flags)
    if what == "capture":
        from memsh.commands.elsewhere.capture import main as capture  # start-up: 2 ms, for capture alone

        return capture(options.words[1:], "--names" in options.flags)
    if "--write-config" in options.flags:
        from memsh.ui.settings import write  # start-up: 1 ms, for --write-config alone

        said, status = write()
        (sys.stderr if status else sys.stdout).write(said)
        return status
    for name in ("--write", "--save"):
        if name in options.values and what != "enter":
            raise ShellError(f"{name} is for memsh enter", 2)
    if "--allow-other" in options.flags and what not in ("mount", "enter") and "--mount" not in options.values:
        raise ShellError("--allow-other is for a mount", 2)
    return shared(options) if what in ("mount", "enter") else None


def played(session: Session, scripts: list[tuple[str, str]], echo: bool, step: Callable[[], bool] | None) -> int:
    """The status of scripts (name, text), one after the other until one fails; of standard input, if there are none."""
    if not scripts:
        session.stdin = Input()
        return run_stream(session, typed_lines(session), sys.stdout.flush, echo=echo)
    status = 0
    for name, text in scripts:
        status = run_script(session, text, name, echo=echo, step=step)
        if (status and session.stop_on_error) or session.was_interrupted:
            break
    return status


def finish_recording(session: Session) -> None:
    """The end of a session is the end of what it records."""
    if session.recording is None:
        return
    from memsh.teach.cast import stop  # start-up: few sessions record

    name = session.recording.cast.name
    try:
        stop(session)
    except (OSError, ShellError) as error:
        why = error.strerror if isinstance(error, OSError) else error.message
        session.stderr.write(f"record: {name}: {why}\n")


def typed_lines(session: Session) -> Iterator[str]:
    """The lines of standard input as they come; while one is waited for a signal ends the wait."""
    while True:
        try:
            with session.host_wait():
                line = sys.stdin.buffer.readline(TEXT)
        except KeyboardInterrupt:
            raise Leave(session.hung_up or INTERRUPTED) from None
        except OSError as error:
            raise ShellError(f"standard input: {error.strerror}") from None
        if not line:
            return
        yield line.decode("utf-8", "surrogateescape")


def lesson_player(lesson: Any, opener: Any) -> int:
    """Play a lesson on the terminal."""
    from memsh.ui.player import play  # start-up: rich, 0.1 s, for a lesson or a script that is played

    return play(lesson, opener)


def drawer(text: str, columns: int, rows: int) -> str:
    """The last screen of a text as a picture."""
    from memsh.ui.svg import screen  # start-up: 3 ms, for a picture alone

    return screen(text, columns, rows)


def plotter(chart: Any, columns: int, rows: int) -> str:
    """A chart for the terminal, or as SVG."""
    from memsh.ui.plot import draw  # start-up: 4 ms, for a chart alone

    return draw(chart, columns, rows)


def stepper(session: Session, story: Any) -> None:
    """Show what `explain --step` tells, on the terminal."""
    from memsh.ui.stepping import show  # start-up: rich, 0.1 s, for a page that is stepped through

    show(session, story)


def teach(options: Options) -> int:
    """`memsh lesson …`, `memsh grade …`."""
    from memsh import commands  # start-up: --help, diagnose and capture need no box
    from memsh.teach import entry  # start-up: 3 ms, for a lesson alone

    commands.load()
    if options.words[0] == "handout":
        from memsh.ui.handout import handout  # start-up: 6 ms, for a handout alone

        return handout(options.words[1:], options.last("-o"), "-f" in options.flags, open_session, sys.stdout.write)
    at_terminal = sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    return entry.main(options, open_session, lesson_player if at_terminal else None, width(options, at_terminal))


def prompt(session: Session, options: Options) -> int:
    """The prompt for a person: the terminal room's if it is there, else a plain one."""
    from memsh.commands import reasons  # start-up: --help, diagnose and capture need no box
    from memsh.ui.prompt import interact  # start-up: prompt_toolkit, 0.1 s, for a person alone

    session.at_prompt, session.strict = True, "--strict" in options.flags
    reasons.tell(session)
    begun()
    return interact(session, options)


def opened(session: Session, options: Options, at_prompt: bool) -> AbstractContextManager[None]:
    """What is open to other programs while the session lasts: its mount, its clock, `! PIPELINE` at a prompt."""
    asked = "--mount" in options.values or "--realtime" in options.flags
    if not asked and not (at_prompt and session.box is not None):
        return nullcontext()
    from memsh.mount.entry import beside  # start-up: 19 ms, for a mount alone

    return beside(session, options.last("--mount"), "--allow-other" in options.flags, "--realtime" in options.flags)


def shared(options: Options) -> int:
    """`memsh mount DIR [SCRIPT]`, `memsh enter [-- PROGRAM …]`: the box for programs of the host."""
    from memsh.mount import entry  # start-up: 19 ms, for a mount alone

    what, *words = options.words
    allow_other, realtime = "--allow-other" in options.flags, "--realtime" in options.flags
    if what == "mount" and not words:
        raise ShellError("mount: give a folder (usage: memsh mount DIR [OPTION …] [FILE.memsh])", 2)
    scripts = read_scripts(words[1:]) if what == "mount" else []
    session = resumed(options) if "--resume" in options.values else make_session(options)
    begun()
    try:
        with session.taking_interrupts():
            for name, text in scripts:
                status = run_script(session, text, name, echo="-x" in options.flags)
                if session.was_interrupted or (status and session.stop_on_error):
                    return status
        sys.stdout.flush()
        if what == "mount":
            return entry.serve(session, words[0], allow_other, realtime)
        return entry.enter(session, words, options.values.get("--write", []), options.last("--save"), allow_other,
                           realtime)  # fmt: skip
    except Leave as leave:
        return leave.status


def main(argv: list[str] | None = None) -> int:
    """The exit status of memsh. No traceback ever reaches a user, and what cannot be printed is told in one line."""
    open_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="surrogateescape")  # a file's bytes leave as they are
    gc.disable()  # nothing is garbage while modules load and the box boots: a sixth of the time to the first prompt
    try:
        try:
            status, said = work(read_options(list(sys.argv[1:] if argv is None else argv))) & 0xFF, ""
        except ShellError as error:
            status, said = error.status, error.message
        except KeyboardInterrupt:
            status, said = INTERRUPTED, ""
        except MemoryError:
            status, said = 1, NO_MEMORY
        sys.stdout.flush()
    except (OutputGone, OSError) as error:
        status, said = lost(error)
    except Exception as error:
        if "PYTEST_CURRENT_TEST" in os.environ:
            raise
        status, said = BUG_STATUS, f"this is a bug in memsh: {type(error).__name__}: {error}"
    finally:
        gc.enable()
    last_words(said)
    return status


def begun() -> None:
    """What is there now stays: the collector looks at what comes after it only, and seldom: a box makes much that
    stays and few circles; at Python's own threshold looking took a tenth of the time of loops and of malloc."""
    gc.freeze()
    gc.set_threshold(COLLECTED)
    gc.enable()
