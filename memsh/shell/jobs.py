"""Background jobs (`COMMAND &`) on the box's clock, and the one place where a session moves that clock.

A job runs at once until it sleeps or ends; then the line that started it goes on. It wakes when the clock reaches its
time, in the middle of somebody else's `sleep`; one that waits for a pipe goes on when it can, as soon as the line
waits, sleeps, or has done something to a pipe. Exactly one of them works at any time, so what happens depends on the
lines typed and on nothing else. A job that never sleeps is paused after 10,000 commands, or 20,000 looks for Ctrl-C
within one, and at Ctrl-C, which is for the line that let it work.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from memsh.shell.errors import Dropped, JobEnded, Leave, LoopControl, PipeClosed, Return, Unreasonable
from memsh.shell.jobspecs import Ended, table
from memsh.shell.limits import JOBS
from memsh.shell.strands import NEVER, Strands, begin

if TYPE_CHECKING:
    from memsh.shell.run import Runner
    from memsh.shell.session import Session
    from memsh.shell.syntax import Node

TURN = 10_000  # commands
LOOKS = 20_000  # for Ctrl-C, within one command that does not end
STEP = 60_000_000  # µs between two looks for Ctrl-C
FIRST = 1 << 22  # PID_MAX_LIMIT: from here on no process has such a number
ALIVE = 1.0  # seconds of the host between two looks whether a job's thread is still there
SHORTEST = 1000  # µs: what a job's sleep takes at least
FREE, LONGEST = 16, 100_000  # questions that take no time; µs that one takes at most


class Job:
    """One job; `wake` is the box's time (µs) at which it goes on."""

    def __init__(self, session: Session, runner: Runner, node: Node, text: str) -> None:
        self.session = session
        self.runner = runner
        self.node = node
        self.text = text
        language = session.language
        self.family = language.family
        self.number: int = max((one.number for one in table(session)), default=0) + 1
        self.pid: int = max((job.pid for job in session.jobs), default=FIRST)  # what `$!` is
        self.home = language  # which started it
        self.pid = language.last_job = max(self.pid, language.last_job) + 1
        self.wake = 0
        self.blocked = False  # it waits for something else than a time
        self.strands = Strands(session, self, session.strands.now.limit)
        self.ended = False
        self.killed = 0  # by this signal
        self.commands = 0
        self.until = 0  # at so many looks of the session the job's turn is over
        self.failure: BaseException | None = None
        self.language = language.child()  # its own, as a subshell's
        self.language.family, self.language.own_pid = session.new_family(), self.pid
        self.status = 0
        self.to_job = threading.Semaphore(0)
        self.to_owner = threading.Semaphore(0)
        self.thread = threading.Thread(target=self._work, daemon=True)

    def _work(self) -> None:
        try:
            self.status = self.runner.run(self.node)
        except (Leave, Return) as leave:
            self.status = leave.status
        except Dropped as error:
            self.runner.dropped(error)
            self.status = 1
        except JobEnded:
            self.status = 128 + self.killed
        except (LoopControl, PipeClosed):
            self.status = 1
        except BaseException as failure:  # raised again where the job was resumed
            self.failure = failure
        self.runner.close_own()
        self.ended = True
        self.to_owner.release()

    def resume(self) -> None:
        """Let the job work until it sleeps or ends."""
        session = self.session
        outer, language, strands = session.running_job, session.language, session.strands
        self.blocked, session.strands = False, self.strands
        session.running_job, self.commands, self.until = self, 0, session.polls + LOOKS
        session.language = self.language
        try:
            if self.thread.ident is None:
                begin(self.thread)
            else:
                self.to_job.release()
            self._wait()
        except Unreasonable:
            session.jobs.remove(self)
            raise
        finally:
            self.language = session.language
            session.running_job, session.language, session.strands = outer, language, strands
        if self.ended and self in session.jobs:
            session.jobs.remove(self)
            for known in (session.language, self.home):
                known.finished[str(self.pid)] = Ended(self.number, self.status, self.text, self.killed)
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure

    def _wait(self) -> None:
        """Until the job gives way. ShellError if its thread died before it could: the host had no memory for it."""
        while not self.to_owner.acquire(timeout=ALIVE):
            if not self.thread.is_alive():
                if self.to_owner.acquire(blocking=False):
                    return
                raise Unreasonable("the host gives no more threads")

    def holds(self, sink: object) -> bool:
        """Whether its standard output or error is still this one, behind the redirections that the whole job has."""
        streams: dict[int, object] = {1: self.runner.stdout, 2: self.runner.stderr}
        for redirect in getattr(self.node, "redirects", None) or ():
            if redirect.op[:2] == "&>":
                streams.clear()
            elif redirect.op == ">&" and redirect.target in ("1", "2"):
                streams[redirect.fd] = streams.get(int(redirect.target))
            else:
                streams[redirect.fd] = None
        return sink in streams.values()

    def sleep(self, usec: int) -> None:
        """Called by the job: give way until `usec` µs have passed."""
        self.wake = self.session.box.timer.usec + max(usec, SHORTEST)
        self._give_way()

    def block(self, until: int) -> None:
        """Called by the job: give way until one of its strands can go on, or that time has come."""
        self.wake, self.blocked = until, True
        self._give_way()

    def can(self, usec: int) -> bool:
        """Whether it goes on at that time."""
        return self.wake <= usec or (self.blocked and self.strands.can())

    def _give_way(self) -> None:
        if self.killed:
            raise JobEnded
        self.to_owner.release()
        self.to_job.acquire()
        if self.killed:
            raise JobEnded

    def tick(self) -> None:
        """Called before each command of the job."""
        self.commands += 1
        if self.commands > TURN:
            self.commands = 0
            self.sleep(SHORTEST)

    def kill(self, signal: int = 9) -> None:
        """End it by a signal; a job that ends itself does not come back from here."""
        self.killed = signal
        if self.session.running_job is self:
            raise JobEnded
        self.resume()


def start(session: Session, runner: Runner, node: Node, text: str) -> Job:
    """Begin a job. ShellError if there are as many as the host should be asked for."""
    if len(session.jobs) >= JOBS:
        raise Unreasonable(f"there are {JOBS} jobs, and {JOBS} are as many as memsh keeps")
    job = Job(session, runner, node, text)
    job.language.loops = 0
    session.jobs.append(job)
    job.resume()
    session.poll()
    return job


def asked(session: Session) -> None:
    """Somebody asks whether a job goes on, or for what it has yet to make. Asked again and again the box's clock moves,
    as it would while a loop does nothing else: the longer it goes on, the faster."""
    if not session.jobs or session.box is None:
        return
    let_ready(session)
    timer, waiting = session.box.timer, session.asking
    waiting.times = waiting.times + 1 if waiting.usec == timer.usec else 0
    if waiting.times > FREE:
        session.advance(min(SHORTEST << min(waiting.times - FREE, 10), LONGEST))
    waiting.usec = timer.usec


class Asking:
    """How often it was asked for jobs while nothing else let the clock move, and what the clock was then."""

    times = 0
    usec = -1


def advance(session: Session, usec: int) -> None:
    """Let the box's clock move by `usec` µs, no further than who asks may wait; jobs whose time comes work then."""
    until, over = session.strands.now.limit
    left = until - session.box.timer.usec
    _advance(session, min(usec, max(0, left)))
    if usec > left and over is not None:
        raise over


def _advance(session: Session, usec: int) -> None:
    if session.running_job is not None:
        session.running_job.sleep(usec)
        return
    timer = session.box.timer
    end = timer.usec + usec
    while True:
        let_ready(session)
        due = [(job.wake, job.number, job) for job in session.jobs if job.wake <= end]
        if not due:
            break
        wake, _, job = min(due, key=lambda entry: entry[:2])
        while wake > timer.usec:
            session.poll()
            timer.advance(min(wake - timer.usec, STEP))
        job.resume()
        session.poll()
    while end > timer.usec:
        session.poll()
        timer.advance(min(end - timer.usec, STEP))
    for who, sig in session.box.settle():
        session.stderr.write(f"process {who} has ended: signal {sig}\n")


def let_ready(session: Session) -> bool:
    """Let the jobs work that have waited for a pipe and can go on; whether there were any. Not from a job."""
    worked = False
    while session.running_job is None:
        job = next((one for one in session.jobs if one.blocked and one.strands.can()), None)
        if job is None:
            break
        job.resume()
        session.poll()
        worked = True
    return worked


def let_others(session: Session, until: int) -> bool:
    """The line waits: let jobs work, and the box's clock move to the next of them, or to `until`. False if there is
    nothing left that could go on."""
    session.poll()
    if let_ready(session):
        return True
    wake = min([until, *(job.wake for job in session.jobs)])
    if wake == NEVER or session.box is None:
        return False
    session.advance(max(0, wake - session.box.timer.usec))
    return True
