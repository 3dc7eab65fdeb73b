"""A box that is typed at."""

import io

from memsh.cli import open_session
from memsh.shell.session import Session


class Typed:
    """A session started with `words`; a line answers what it printed, on either stream. `status` is the last one."""

    def __init__(self, *words: str) -> None:
        self.screen = io.StringIO()
        self.session: Session = open_session(list(words), self.screen, self.screen)
        self.status = 0

    def __call__(self, line: str) -> str:
        self.screen.seek(0)
        self.screen.truncate()
        self.status = self.session.run(line)
        return self.screen.getvalue()
