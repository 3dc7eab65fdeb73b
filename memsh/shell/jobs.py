"""Background jobs (`COMMAND &`) on the box's clock, and the one place where a session moves that clock.

A job runs at once until it sleeps or ends; then the line that started it goes on. It wakes when the clock reaches its
time, in the middle of somebody else's `sleep`. Exactly one of them works at any time, so what happens depends on the
lines typed and on nothing else. A job that never sleeps is paused after 10,000 commands, or 20,000 looks for Ctrl-C
within one, and at Ctrl-C, which is for the line that let it work.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from memsh.shell.errors import Dropped, JobEnded, Leave, LoopControl, PipeClosed, Return, Unreasonable
from memsh.shell.jobspecs import Ended, table
from memsh.shell.limits import JOBS
from memsh.shell.pipes import begin

if TYPE_CHECKING:
    from memsh.shell.run import Runner
    from memsh.shell.session import Session
    from memsh.shell.syntax import Node

TURN = 10_000  # commands
LOOKS = 20_000  # for Ctrl-C, within one command that does not end
STEP = 60_000_000  # µs between two looks for Ctrl-C
FIRST = 1 << 22  # PID_MAX_LIMIT: from here on no process has such a number
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
        self.ended = False
        self.killed = 0  # by this signal
        self.commands = 0
        self.until = 0  # at so many looks of the session the job's turn is over
        self.failure: BaseException | None = None
        self.language = session.language.child()  # its own, as a subshell's
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
        outer, language = session.running_job, session.language
        session.running_job, self.commands, self.until = self, 0, session.polls + LOOKS
        session.language = self.language
        if self.thread.ident is None:
            try:
                begin(self.thread)
            except Unreasonable:
                session.jobs.remove(self)
                session.running_job, session.language = outer, language
                raise
        else:
            self.to_job.release()
        self.to_owner.acquire()
        self.language = session.language
        session.running_job, session.language = outer, language
        if self.ended and self in session.jobs:
            session.jobs.remove(self)
            for known in (session.language, self.home):
                known.finished[str(self.pid)] = Ended(self.number, self.status, self.text, self.killed)
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure

    def sleep(self, usec: int) -> None:
        """Called by the job: give way until `usec` µs have passed."""
        self.wake = self.session.box.timer.usec + max(usec, SHORTEST)
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
    """Let the box's clock move by `usec` µs; jobs whose time comes work in between."""
    if session.running_job is not None:
        session.running_job.sleep(usec)
        return
    timer = session.box.timer
    end = timer.usec + usec
    while True:
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
