"""Lines are played in a session; what must hold after each; a session that breaks it is made as small as it will."""

from __future__ import annotations

import gc
import os
import re
import signal
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from memsh.cli import open_session
from memsh.inspect import check
from memsh.shell.errors import Leave
from memsh.shell.session import Session
from memsh.teach.grading import Bounded
from tests.fuzz.lines import Lines

LONGEST = 1.0  # seconds of a line; then Ctrl-C is pressed
HEEDED = 5.0  # seconds after which it must have ended (the machine may be busy)
SESSION = 200  # lines of one session
CHECKED = 40  # lines between two looks at the whole box
TRIALS = 60  # sessions that are tried to make a trouble's script smaller
MACHINES = (["--ram", "64M"], ["--ram", "96M", "--arch", "x86_64"], ["--ram", "64M", "--cpus", "2", "--swap", "16M"],
            ["--ram", "192M", "--arch", "x86_64", "--nodes", "2", "--cpus", "2", "--swap", "16M"])  # fmt: skip


FREES = re.compile(r"kfree|kmem_cache free")
FREED_TWICE = re.compile(  # what follows from an object freed twice: it lies in two places, then counts are off
    r"check: .*( is free twice| on its free list twice| objects out, but | objects are free| belongs elsewhere"
    r"|free_objects is \d+, counted )")  # fmt: skip


class Stuck(BaseException):
    """Ctrl-C was not heeded."""


class Player:
    """One session that lines are played in."""

    def __init__(self, machine: list[str]) -> None:
        self.out, self.err = Bounded(1 << 16), Bounded(1 << 16)
        self.session: Session = open_session(machine, self.out, self.err)
        self.pressed = False

    def _alarm(self, number: int, frame: FrameType | None) -> None:
        if self.pressed:
            raise Stuck
        self.pressed = True
        signal.setitimer(signal.ITIMER_REAL, HEEDED, HEEDED)  # again and again: a finalizer may swallow what is raised
        self.session.on_sigint(number, frame)

    def play(self, line: str, whole: bool = False) -> str:
        """What is wrong after this line, "" if nothing is."""
        session = self.session
        for stream in (self.out, self.err):
            stream.seek(0)
            stream.truncate()
            stream.room = 1 << 16
        self.pressed = False
        callbacks, gc.callbacks[:] = gc.callbacks[:], []  # hypothesis' own would swallow Ctrl-C
        before = signal.signal(signal.SIGALRM, self._alarm)
        signal.setitimer(signal.ITIMER_REAL, LONGEST)
        try:
            status = session.run(line + "\n")
        except Leave as leave:
            return "" if 0 <= leave.status <= 255 else f"it ends with status {leave.status}"
        except Stuck as stuck:
            return "Ctrl-C is not heeded: " + _place(traceback.extract_tb(stuck.__traceback__))
        except BaseException as error:
            return f"{type(error).__name__}: {_place(traceback.extract_tb(error.__traceback__))}: {str(error)[:200]}"
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            gc.callbacks[:] = callbacks
            signal.signal(signal.SIGALRM, before)
        said = self.err.getvalue()
        if not 0 <= status <= 255:
            return f"status {status}"
        if "bug in memsh" in said or "Traceback" in said:
            return said[:200]
        language = session.language
        if language.loops or language.frames or language.source_depth or language.tested or session.doing.typed_depth:
            return "the language's counters are not what they were"
        if self.pressed:  # perhaps only when the line had ended
            session.interrupted = False
        if session.interrupted or session.running_job is not None or session.replaying:
            return "something of the line is left in the session"
        wrong = check.check(session.box) if whole else []
        return f"check: {wrong[0]}" if wrong else ""


def _place(frames: traceback.StackSummary) -> str:
    inside = [frame for frame in frames if "/memsh/" in frame.filename]
    return f"{inside[-1].filename.rpartition('/memsh/')[2]}:{inside[-1].lineno}" if inside else "?"


def kind(trouble: str) -> str:
    """What makes two troubles the same one: its first two words and place."""
    return ":".join(trouble.split(":")[:3])


def first_trouble(machine: list[str], lines: list[str]) -> tuple[int, str]:
    """(number of the line, what is wrong) of a session with these lines; (-1, "") if all is well."""
    os.environ["PYTEST_CURRENT_TEST"] = "fuzz"  # a bug is raised, not told
    player = Player(machine)
    for number, line in enumerate(lines):
        trouble = player.play(line, not (number + 1) % CHECKED or number == len(lines) - 1)
        if FREED_TWICE.match(trouble) and any(FREES.search(one) for one in lines[: number + 1]):
            return -1, ""  # the lines themselves freed it twice, which no allocator notices
        if trouble:
            return number, trouble
        if player.session.box is None:
            return number, "the box is gone"
    return -1, ""


def smallest(machine: list[str], lines: list[str], trouble: str) -> list[str]:
    """Fewer lines that still give the same trouble: halves are left out, then quarters, … (ddmin, TRIALS at most)."""
    last, before = lines[-1], lines[:-1]
    checks = trouble.startswith("check")
    if checks:
        before, last = lines, "true"
    size, trials = max(1, len(before) // 2), TRIALS
    while before and size and trials:
        at, smaller = 0, False
        while at < len(before) and trials:
            trials -= 1
            tried = before[:at] + before[at + size :]
            found = first_trouble(machine, [*tried, last])[1]
            if found and kind(found) == kind(trouble):
                before, smaller = tried, True
            else:
                at += size
        if not smaller or size > len(before):
            size = size // 2 if size > 1 or smaller else 0
    return [*before, last]


def fuzz(count: int, seed: object, tell: Callable[[str], None] = lambda text: None) -> list[str]:
    """Play so many lines; each trouble as a script that shows it, one of a kind."""
    troubles: dict[str, str] = {}
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            played = 0
            while played < count:
                machine = MACHINES[played // SESSION % len(MACHINES)]
                source = Lines(Player(machine).session.registry, f"{seed}:{played}")
                lines = [source.line() for _ in range(min(SESSION, count - played))]
                while lines:
                    number, trouble = first_trouble(machine, lines)
                    if number < 0:
                        break
                    if kind(trouble) not in troubles:
                        tell(f"{trouble}\n")
                        script = smallest(machine, lines[: number + 1], trouble)
                        shown = "\n".join(script)
                        troubles[kind(trouble)] = f"# memsh {' '.join(machine)}\n{shown}\n# {trouble}\n"
                        tell(troubles[kind(trouble)])
                    lines = lines[number + 1 :]  # the rest in a session of its own
                played += SESSION
        finally:
            os.chdir(here)
    return list(troubles.values())
