"""The journal: what really ran, and the states that it can be replayed from.

State is a function of (configuration, journal). An entry is a command as it was typed that changed the box or the
session (lines of a plain `source FILE` one by one; a live screen as the `sleep` that its clock moved; a line that
Ctrl-C cut as `stopped N 'LINE'`; one that looks at what another left as `heard 'LINE' STATUS …`; what asked the session
or the host with what it heard, as `answered 'LINE' STATUS TEXT`; never a host command). What cannot be replayed carries
the state after it.

Whether a command changed the box is told by the box: `Box.pulse()` moves with whatever the kernel does, and with
nothing that only looks.

**Known deviations:** of lines that cannot be replayed (a live screen whose own command changes the box) only the last
few can be travelled across.
"""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from memsh.lazy import regular
from memsh.shell.errors import NO_MEMORY, Abandoned, Interrupted, Leave, ShellError
from memsh.shell.io import Capture, Sink, TextInput
from memsh.shell.session import short_of_memory
from memsh.shell.strands import Strands
from memsh.shell.streams import Doing, Streams
from memsh.shell.told import spelled

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.shell.jobs import Job
    from memsh.shell.language import Language
    from memsh.shell.session import Session
    from memsh.teach.store import Store

LIVE = frozenset({"top", "slabtop", "watch", "vmstat", "free"})
_HEAD = regular(
    r"(?:^|[;|&({\n])\s*"
    r"(?:(?:do|then|else|if|while|until|!|sudo|xargs|strace|as \S+|explain(?:\s+-[bd\d]+)*)\s+)*([a-z_]\w*)"
)
_LIVE = regular(
    r"((?:^|[;|&({\n]|\b(?:do|then|else|if|while|until|sudo)\s)\s*)(?:slabtop|top|watch|vmstat|free(?=\s+-))\b"
    r"""(?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|[^;&|)\n'"\\])*"""
)
_KEYWORDS = frozenset({"for", "select", "do", "done", "while", "until", "if", "then", "else", "fi", "sudo"})
SOURCE = regular(r"\s*(?:sudo\s+)?source\s+(?:'[^']*'|\"[^\"]*\"|[^\s;&|<>()]+)\s*")
AT_COMMANDS = frozenset({"DEBUG", "ERR", "RETURN"})  # traps that run around `source` itself, too
ASKS = regular(r"\$\{?\?|PIPESTATUS|\$(?:_(?!\w)|\{_\W)")  # a line that asks how the one before ended
COST = 0.3  # seconds of running between two checkpoints: undo runs no more than that again
KEPT = 10  # checkpoints
AFTER = 4  # states behind lines that cannot be replayed


class State(NamedTuple):
    """Everything that undo brings back. `at` entries had run; `boot`: the options that the box was started with.

    `opened`: what `exec` opened. `jobs`: the background jobs of the session as it is. They are not copied: the copy of
    a box on which one was at work is not `whole`, may be looked at, and is come back to by replaying only.
    """

    at: int
    box: Box
    language: Language
    boot: dict[str, str]
    jobs: tuple[Job, ...] = ()
    whole: bool = True
    opened: dict[int, Any] = {}  # noqa: RUF012 (a NamedTuple's default)


class Heard(NamedTuple):
    """What a line finds of the one before it: `$?`, `$_`, PIPESTATUS."""

    status: int = 0
    word: str = ""
    statuses: tuple[int, ...] = (0,)

    def again(self, language: Language) -> None:
        """The next line finds it."""
        language.last_status, language.last_word, language.statuses = self.status, self.word, self.statuses


class Entry(NamedTuple):
    """One command. `after` is the state behind it where it cannot be replayed, `script` what rebuilds that."""

    number: int
    line: str
    replay: str
    changed: bool
    after: State | None = None
    script: list[str] | None = None
    exact: bool = True
    left: Heard | None = None  # what the next one finds, where that is known


class Running(NamedTuple):
    """A command that has not ended: `polls` are the session's as it began. `by_lines`: each line that it sources is an
    entry of its own."""

    line: str
    polls: int
    by_lines: bool


class Snapshot(NamedTuple):
    """A state under a name; `state` is None until it is asked for again in a resumed session."""

    state: State | None
    script: list[str]


def around(session: Session) -> tuple[Any, ...]:
    """What a command may have changed beside the box."""
    language, streams = session.language, session.streams
    arguments, directories = language.positional, language.directories
    return (len(language.values), language.cwd, language.variables.copy(), language.changes, language.seed,
            language.begun, language.letter, language.name, tuple(directories) if directories else None,
            None if arguments is None else tuple(arguments), len(language.finished), len(language.heard),
            streams.places() if streams.opened else None, session.box.deferred)  # fmt: skip


def reset_line(boot: dict[str, str]) -> str:
    """The command that boots a box with these options."""
    return " ".join(["reset", *(f"{name} {shlex.quote(value)}" for name, value in boot.items())])


def retold(line: str, scripts: list[str]) -> str:
    """The line with each live screen replaced by what it did; "" if it cannot be told which did what."""
    if not scripts:
        return line
    if len(_LIVE.findall(line)) == len(scripts):
        told = iter(scripts)
        return _LIVE.sub(lambda match: match[1] + next(told), line)
    return "" if set(_HEAD.findall(line)) - LIVE - _KEYWORDS else "; ".join(scripts)


class Timeline:
    """The journal of one session, attached to its hooks."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.entries: list[Entry] = []
        self.undone: list[Entry] = []  # the next to be redone last
        self.points: list[State] = []
        self.snapshots: dict[str, Snapshot] = {}
        self.store: Store | None = None  # the journal on disk
        self.busy = False  # replaying
        self.cost = 0.0  # seconds since the last checkpoint
        self.copying = 0.02
        self.started = 0.0
        self.heard: tuple[int, str, tuple[int, ...]] = Heard()  # what the command found
        self.left = Heard()  # what the last entry left
        self.number = 1  # of the line in its script
        self.stack: list[Running] = []  # commands that run
        self.box_mark: tuple[Any, ...] = ()
        self.side_mark: tuple[Any, ...] = ()
        session.before_line.append(self.before)
        session.after_line.append(self.after)

    def mark(self) -> None:
        """What the next command is compared with."""
        session = self.session
        if session.box is not None:
            self.box_mark, self.side_mark = self.figures(), around(session)

    def figures(self) -> tuple[Any, ...]:
        """What the box has counted, and the background jobs with the times at which they go on."""
        jobs = self.session.jobs
        return self.session.box.pulse(), [(job.number, job.wake) for job in jobs] if jobs else None

    def before(self, session: Session, line: str) -> None:
        if self.busy or session.box is None:
            return
        if not self.stack or all(outer.by_lines for outer in self.stack):  # it will be an entry of its own
            session.lived.clear()
            session.doing.begin()
            language = session.language
            self.heard = language.last_status, language.last_word, language.statuses
            self.number = session.typed_line
        else:
            session.language.nesting += 1
        sources = "source" in line and SOURCE.fullmatch(line) is not None
        by_lines = sources and not session.language.traps.keys() & AT_COMMANDS
        self.stack.append(Running(line, session.polls, by_lines))
        if not self.box_mark:
            if session.at_prompt:
                self.points.append(self.capture())
            self.mark()
        self.started = time.perf_counter()

    def after(self, session: Session, line: str, status: int) -> None:
        if self.busy or session.box is None or not self.stack:
            return
        line, polls, by_lines = self.stack.pop()
        if self.stack and not all(outer.by_lines for outer in self.stack):
            session.language.nesting -= 1
            return  # part of a command that is an entry as a whole
        box_mark, side_mark = self.figures(), around(session)
        changed = box_mark != self.box_mark
        if changed or side_mark != self.side_mark:
            self.undone.clear()
            left = self.leaves(status)
            if by_lines:  # they are entries; what is left is what a trap that they set did at the end
                session.doing.begin()
                traps = session.language.traps
                ends = ("RETURN", "ERR") if status else ("RETURN",)
                did = "\n".join(traps[name] for name in ends if name in traps)
                entry = self._entry(line, did or "true", changed, (session.cut_at or session.polls) - polls, left)
            else:
                entry = self._entry(line, line, changed, (session.cut_at or session.polls) - polls, left)
            self.left = left
            self.entries.append(entry)
            if self.store is not None:
                self.store.ran(entry)
            self.cost += time.perf_counter() - self.started
            enough = max(COST, (2 if session.at_prompt else 8) * self.copying)
            if self.cost > enough and not session.was_interrupted:  # whoever pressed Ctrl-C waits for no copy
                self.keep()
        self.box_mark, self.side_mark = box_mark, side_mark

    def _entry(self, line: str, did: str, changed: bool, polls: int, left: Heard) -> Entry:
        """The entry for a command that has ended and leaves `left`; self.left is what the one before it left. `did`:
        the line, or what of it is not in the journal yet."""
        session, doing = self.session, self.session.doing
        told = retold(did, [deeds.script() for deeds in session.lived]) if session.lived else did
        exact = bool(told) and not doing.deaf
        replay = told or did
        for host in doing.hosts:
            replay = re.sub(rf"\s*\|!\s*{re.escape(host)}\s*$", "", replay, flags=re.MULTILINE)
        if doing.told:
            replay = shlex.join(["answered", replay, *spelled(doing.told)])
        if session.was_interrupted:
            replay = f"stopped {polls} {shlex.quote(replay)}"
        if (self.heard != self.left and self.asks(line)) or "LINENO" in line:
            heard = Heard(*self.heard)
            asked = [str(heard.status), str(self.number), heard.word, *map(str, heard.statuses)]
            replay = shlex.join(["heard", "--", replay, *asked])
        entry = Entry(len(session.journal) + 1, line, replay, changed, exact=exact, left=left)
        if not exact:
            entry = entry._replace(after=self.capture(1))
            assert entry.after is not None
            if not entry.after.whole:
                return entry._replace(after=None)
            held = [at for at, one in enumerate(self.entries) if one.after is not None and one.script is None]
            for at in held[: len(held) - AFTER + 1]:
                self.entries[at] = self.entries[at]._replace(after=None)
        return entry

    def leaves(self, status: int) -> Heard:
        """What the next line would find, `status` being `$?`."""
        language = self.session.language
        leaves = status, language.last_word, language.statuses
        return self.left if leaves == self.left else Heard(*leaves)  # thousands of lines leave the same

    def asks(self, line: str) -> bool:
        """Whether a line may look at what the one before it left: by itself, or in what it calls."""
        language = self.session.language
        own = language.functions.keys() | language.aliases.keys() | {"eval", "trap", "source", "."}
        return ASKS.search(line) is not None or bool(own & set(re.findall(r"[\w.]+", line))) or bool(language.traps)

    def capture(self, more: int = 0) -> State:
        """A state of its own, independent of what follows."""
        session, begun = self.session, time.perf_counter()
        box, opened = session.copied(session.box, session.streams.opened)
        state = State(len(self.entries) + more, box, session.language.copy(), session.boot, whole=not session.jobs,
                      opened=opened)  # fmt: skip
        self.copying = time.perf_counter() - begun
        return state

    def here(self) -> State:
        """The session as it is, to come back to: the box itself and no copy."""
        session = self.session
        return State(len(self.entries), session.box, session.language, session.boot, tuple(session.jobs),
                     opened=session.streams.opened)  # fmt: skip

    @contextmanager
    def away(self) -> Iterator[None]:
        """For a visit to another time: afterwards the session is where it was, its jobs too. Not from a job."""
        session = self.session
        if session.running_job is not None:
            raise ShellError("not from a background job")
        here, line, ran = self.here(), session.line, set(session.ran)
        session.jobs = []
        try:
            with self.heeding():
                yield
        finally:
            self.end_jobs()
            self.back(here)
            session.line, session.ran = line, ran  # what ran there did nothing here

    @contextmanager
    def journey(self) -> Iterator[None]:
        """For a journey to another time, which is built beside: whatever stops it (Ctrl-C at any poll, an error) leaves
        the session as it was. Where it arrives, the jobs of the box that is left are ended."""
        session = self.session
        if session.running_job is not None:
            raise ShellError("not from a background job")
        here = self.here()
        entries, undone, line = list(self.entries), list(self.undone), session.line
        session.jobs = []
        try:
            with self.heeding():
                yield
        except BaseException as error:
            if isinstance(error, MemoryError):
                session.spare.spend()
            self.end_jobs()
            self.back(here)
            self.entries[:], self.undone[:], session.line = entries, undone, line
            if isinstance(error, MemoryError):
                raise ShellError(NO_MEMORY) from None
            raise
        there = self.here()
        self.back(here)
        self.end_jobs()
        self.back(there)

    @contextmanager
    def heeding(self) -> Iterator[None]:
        """Ctrl-C ends what is replayed, and all of it. Stages of the line that travels do not take part in it."""
        session = self.session
        before, session.abandon = session.abandon, True
        strands, session.strands = session.strands, Strands(session)
        try:
            yield
        except Abandoned:
            raise Interrupted from None
        finally:
            session.abandon, session.strands = before, strands

    def end_jobs(self) -> None:
        """Kill what works in the background: it belongs to a box that is left for good."""
        for job in list(self.session.jobs):
            job.kill()

    def snapshot(self, name: str) -> State:
        """The state of that name, which must be there; in a resumed session it is rebuilt when first asked for."""
        found = self.snapshots[name]
        state = found.state
        if state is None:
            with self.away():
                self.rebuild(found.script)
                state = self.capture()
            self.snapshots[name] = Snapshot(state, found.script)
        return state

    def keep(self) -> None:
        """Put a checkpoint here, if no job is at work; the older ones thin out."""
        if self.session.jobs:
            return
        self.cost, polls = 0.0, self.session.polls
        point = None
        try:
            if not short_of_memory():
                with self.session.looking():
                    point = self.capture()
        except MemoryError:
            point = None
        except Interrupted:  # the flag stays: it ends what was typed
            return
        finally:
            self.session.polls = polls  # of the line itself
        if point is None:
            self.forget()
            return
        self.points.append(point)
        if len(self.points) > KEPT:
            del self.points[1:-3:2]

    def forget(self) -> None:
        """Keep no checkpoint that only makes a journey shorter."""
        del self.points[1:]

    def enter(self, state: State, copy: bool = True) -> None:
        """Make `state` the session's."""
        session, opened = self.session, state.opened
        if copy:
            with session.looking():
                session.box, opened = session.copied(state.box, opened)
        else:
            session.box = state.box
        now, session.language = session.language, state.language.copy()
        for name in ("loops", "nesting", "source_depth", "tested", "strict"):  # of what runs now
            setattr(session.language, name, getattr(now, name))
        session.config = session.box.config
        session.boot = state.boot
        session.jobs, session.streams.opened = list(state.jobs), opened

    def back(self, state: State) -> None:
        """Make a state that was the session's own its own again."""
        session = self.session
        session.box, session.language, session.boot = state.box, state.language, state.boot
        session.config, session.jobs = state.box.config, list(state.jobs)
        session.streams.opened = state.opened

    def fresh(self, boot: dict[str, str] | None = None) -> State:
        """The box as it was when the session began, or another. ShellError if there can be none."""
        session = self.session
        if session.make_box is None:
            raise ShellError("this session cannot be rebuilt")
        boot = session.begun_with if boot is None else boot
        return State(0, session.make_box(boot), session.fresh_language(), boot)

    def travel(self, at: int) -> None:
        """Bring the session to where the first `at` entries had run. Jobs that worked then do so again."""
        near = [state for state in self.points if state.at <= at]
        near += [entry.after for entry in self.entries[:at] if entry.after is not None]
        state = max(near, key=lambda state: state.at) if near else None
        first = state.at if state is not None else 0
        for place in range(at, first, -1):
            script = self.entries[place - 1].script
            if script is not None:
                self.rebuild(script)
                self._point(place)
                first = place
                break
        else:
            self.enter(state if state is not None else self.fresh(), copy=state is not None)
        self._onward(first, at)
        self.session.line = ""

    def _onward(self, first: int, at: int) -> None:
        """Replay entries; a long way gets checkpoints, so that the next step back is a short one."""
        begun = time.perf_counter()
        while first < at:
            some = min(at, first + 64)
            self._find(first)
            self.replay([entry.replay for entry in self.entries[first:some]])
            first = some
            if first < at and time.perf_counter() - begun > max(COST, self.copying):
                self._point(first)
                begun = time.perf_counter()

    def _point(self, at: int) -> None:
        """A checkpoint on the way, where there can be one."""
        if not self.session.jobs and not short_of_memory():
            point = self.capture()._replace(at=at)
            self.points = sorted([*self.points, point], key=lambda state: state.at)[-2 * KEPT :]

    def rebuild(self, script: list[str]) -> None:
        """Bring the session to where a script leads."""
        lines = list(script)
        boot = None
        if lines and lines[0].startswith("reset "):
            words = shlex.split(lines.pop(0))[1:]
            boot = dict(zip(words[::2], words[1::2], strict=True))
        self.enter(self.fresh(boot), copy=False)
        self.replay(lines)

    def pass_by(self, entry: Entry) -> None:
        """Go on over one entry, as it may be gone over. The jobs of a box that is left for another end."""
        if entry.after is not None or entry.script is not None:
            self.end_jobs()
        if entry.after is not None:
            self.enter(entry.after)
        elif entry.script is not None:
            self.rebuild(entry.script)
        else:
            self._find(len(self.entries) - 1)
            self.replay([entry.replay])

    def _find(self, at: int) -> None:
        """What entry `at` found when it ran is there again: a line that only looked may have left something else."""
        left = self.entries[at - 1].left if at else Heard()
        if left is not None:
            left.again(self.session.language)

    def replay(self, lines: list[str]) -> None:
        """Run lines with their output going nowhere."""
        session = self.session
        silent, mute = Nowhere(), Nowhere()
        streams = Streams(silent, mute, TextInput(""))
        streams.opened = session.streams.opened
        at_prompt, loops, replaying = session.at_prompt, session.loops, session.replaying
        session.at_prompt, session.loops = False, 0
        self.busy = session.replaying = True
        try:
            with session.apart(streams=streams, hooks=session.hooks.silent(), doing=Doing()):
                for line in lines:
                    try:
                        session.run(line)
                    except Leave:  # a script's end that is in the journal
                        continue
        finally:
            self.busy = False
            session.at_prompt, session.loops, session.replaying = at_prompt, loops, replaying
            silent.then, mute.then = session.stdout, session.stderr
            session.streams.opened = streams.opened

    def script(self, at: int | None = None) -> list[str]:
        """The lines that rebuild this box, the first one boots it."""
        lines: list[str] = [reset_line(self.session.begun_with)]
        for entry in self.entries[:at]:
            if entry.script is not None:
                lines = list(entry.script)
            else:
                if not entry.exact:
                    lines.append(f"# the next line ran longer on its screen than it will here: {entry.line}")
                lines.append(entry.replay)
        return lines

    def jump(self, state: State, script: list[str], replay: str) -> None:
        """Replace the box (restore, reset): one entry, which undo takes back."""
        session, line = self.session, self.session.line
        with self.journey():
            if state.whole:
                self.enter(state)
            else:
                self.rebuild(script)
        session.line = line
        self.undone.clear()
        after = state._replace(at=len(self.entries) + 1) if state.whole else None
        self.entries.append(Entry(len(session.journal) + 1, line, replay, True, after, script))
        if self.store is not None:
            self.store.jumped(self.entries[-1])
        self.settle()

    def cut(self, at: int) -> None:
        """Forget the entries from `at` on: they are what redo brings back."""
        self.undone.extend(reversed(self.entries[at:]))
        del self.entries[at:]
        self.points = [state for state in self.points if state.at <= at]
        if self.store is not None:
            self.store.cut(at)

    def settle(self) -> None:
        """After a command of this room: the command itself is no change."""
        left = self.entries[-1].left if self.entries else Heard()
        if left is not None:
            self.left = left
        self.session.doing.begin()
        self.mark()


class Nowhere(Capture):
    """Output of a replay. A job that it began is heard from `then` on."""

    then: Sink | None = None

    def __deepcopy__(self, memo: object) -> Nowhere:
        return self

    def write(self, text: str) -> None:
        if self.then is not None:
            self.then.write(text)


def attach(session: Session) -> Timeline:
    """The session's timeline, begun where it is missing."""
    if session.timeline is None:
        session.timeline = Timeline(session)
    timeline: Timeline = session.timeline
    return timeline
