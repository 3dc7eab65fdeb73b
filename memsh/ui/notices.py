"""What a prompt says of background jobs: `[1] 4194305` when one was begun, `[1]+  Done …` when it has ended (jobs.c,
bash's notify_of_job_status).

Known deviation: that it was said is known to the prompt alone, so that lines that run again do the same; `jobs` lists
such a job once more.
"""

from __future__ import annotations

from memsh.shell.jobspecs import listed, own, unheard
from memsh.shell.session import Session


class Notices:
    """Those of one session at a terminal."""

    def __init__(self) -> None:
        self.begun: set[str] = set()  # `$!` of the jobs that were told
        self.ended: set[str] = set()

    def since(self, session: Session) -> str:
        """What has not been said yet."""
        over = unheard(session.language)
        jobs = {str(job.pid): job.number for job in own(session)} | {pid: one.number for pid, one in over.items()}
        begun = "".join(f"[{jobs[pid]}] {pid}\n" for pid in sorted(jobs.keys() - self.begun, key=int))
        ended = [over[pid] for pid in sorted(over.keys() - self.ended, key=lambda pid: over[pid].number)]
        told, self.begun, self.ended = self.ended, set(jobs), set(over)
        return begun + "".join(listed(session, one, told=told) for one in ended)
