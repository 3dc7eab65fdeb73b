"""lesson, quiz, pause, note, record: what a lecture needs. The heavy parts load when used."""

from __future__ import annotations

import re
import textwrap

from memsh.linux.box import Box
from memsh.shell import IO, Args, ShellError, arg, command, opt, rest
from memsh.shell.io import HostInput
from memsh.shell.values import count
from memsh.teach import cast
from memsh.teach.cast import PAUSE, whole_screen

TOPIC = "teaching"


def seconds(word: str) -> float:
    """A time in seconds, a fraction allowed."""
    if not re.fullmatch(r"[0-9]{1,6}(?:\.[0-9]{1,6})?", word) or not float(word):
        raise ValueError(f"'{word}' is no time in seconds above 0")
    return float(word)


def load() -> None:
    """Importing this module declares its commands."""


@command(arg("name", default=None, help="a lesson, or a file of the host ending in .md", words="lesson"),
         topic=TOPIC, needs_box=False, outside=True)  # fmt: skip
def lesson(box: Box, args: Args, io: IO) -> int:
    """list the lessons, or play one in a box of its own

    lesson

    On a terminal: space goes on, b back (box and screen), / finds a section, r plays the section again, s opens a shell
    to try things and comes back to exactly where it was, q quits. Elsewhere the lesson is printed as plain text. Your
    own box is not touched.
    """
    from memsh.teach import entry  # start-up: 3 ms, for a lesson alone

    session = io.session
    if args.name is None:
        io.out(entry.listing(io.width))
        return 0
    if session.no_host:
        raise ShellError("not inside a lesson or an exercise")
    if session.open_session is None:
        raise ShellError("this session cannot open another box")
    player = session.lesson_player if io.is_tty and session.at_prompt else None
    io.flush()
    if player is None:
        return entry.play(args.name, session.open_session, None, io.width, io.out)

    with whole_screen(session):
        return entry.play(args.name, session.open_session, player, io.width, io.out)


@command(topic=TOPIC, needs_box=False)
def tour(box: Box, args: Args, io: IO) -> int:
    """seven screens for the first minute: from malloc to slabtop, a command each

    tour

    On a terminal Enter runs the command and goes on, b goes back, q quits; elsewhere it is printed. It has a box of its
    own, and ends at the list of lessons.
    """
    status = io.run(["lesson", "tour"])
    return status or io.run(["lesson"])


@command(arg("topic", default=None, choices=("buddy", "sizes", "slab", "malloc", "faults", "hugepages", "numa",
                                                    "containers"),
             meta="TOPIC", help="buddy, sizes, slab, malloc, faults, hugepages, numa, containers"),
         opt("-n", name="questions", type=count, default=5, help="how many (5)", meta="N"), topic=TOPIC)  # fmt: skip
def quiz(box: Box, args: Args, io: IO) -> int:
    """questions about the box as it is now, scored

    quiz buddy

    The answers are computed on copies of the box: nothing changes. Numbers, sizes and 0x… are understood; an empty
    answer passes, q stops, `?` says where to look, and a command typed instead of an answer runs on a copy. Answers
    are read from standard input, so that a script can give them. Status 0 if all are right.
    """
    from memsh.teach.quiz import run  # start-up: 2 ms, for a quiz alone

    return run(box, args, io)


@command(rest("words", meta="TEXT", raw=True), topic=TOPIC, needs_box=False)
def note(box: Box, args: Args, io: IO) -> None:
    """say something, set apart from output: for demos

    note "Now the heap grows"
    """
    for line in textwrap.wrap(" ".join(args.words), max(20, io.width - 3)) or [""]:
        io.out(f"── {line}\n" if line else "──\n")


@command(rest("words", meta="TEXT", raw=True), topic=TOPIC, needs_box=False)
def pause(box: Box, args: Args, io: IO) -> None:
    """wait for Enter, with a text if there is one: for demos

    pause "Questions so far?"

    Without a terminal the text is printed and nothing is waited for.
    """
    text = " ".join(args.words)
    session = io.session
    if session.recording is not None:
        session.recording.cast.pass_time(PAUSE)
    if not (io.is_tty and isinstance(session.stdin, HostInput)):
        io.out(text + "\n" if text else "")
        return
    io.out(f"{text}{' ' if text else ''}[Enter] ")
    io.flush()
    session.stdin.readline()


@command(arg("file", default=None, help="a file of the host; `stop` ends the recording", meta="FILE.cast|FILE.svg|stop",
             words="host path"),
         opt("-f", name="force", help="replace the file if memsh wrote it"),
         opt("--idle-limit", type=seconds, default="2", help="the longest pause that is played (2)", meta="SECONDS"),
         topic=TOPIC, needs_box=False, alone=True)  # fmt: skip
def record(box: Box, args: Args, io: IO) -> int:
    """record the session: what is typed and what comes back, as an asciinema cast, or the last screen as a picture

    record lecture.cast

    `record stop` ends it, or the end of the session; the file is whole after each command. `asciinema play` shows it.
    With FILE.svg what is on the screen in the end is kept as a picture. Typing is given times of its own, so that a
    script makes a cast to watch too. An existing file is replaced with -f only, and only if memsh wrote it.
    """
    session = io.session
    if session.no_host:
        raise ShellError("writes to the host, which this session may not")
    if session.timeline is not None and session.timeline.busy:
        return 0  # a replay writes nothing
    if args.file is None:
        now = session.recording
        io.out(f"recording {now.cast.name}, {now.cast.events} events\n" if now is not None else "nothing is recorded\n")
        return 0
    if args.file == "stop":
        ended = cast.stop(session)
        io.out(f"{ended.name}: {ended.events} events, {ended.at:.1f} s\n")
        return 0
    import shutil  # start-up: 3 ms

    rows = shutil.get_terminal_size().lines if io.is_tty else 24
    cast.start(session, args.file, args.force, rows, args.idle_limit)
    return 0
