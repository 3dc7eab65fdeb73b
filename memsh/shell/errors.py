"""What the shell itself refuses, and how control leaves a command."""

from __future__ import annotations

USAGE, NOT_FOUND, INTERRUPTED = 2, 127, 130
PIPE_STATUS = 141  # 128 + SIGPIPE
BUG_STATUS = 70  # sysexits.h: EX_SOFTWARE
NO_MEMORY = "the host has no memory left for this"
PANICKED = "the kernel has panicked: views, undo, reset and exit are what is left"
NO_KERNEL = "needs a kernel, and --proc has none: it reads a recorded /proc"


class ShellError(Exception):
    """A refusal in words: printed as `COMMAND: MESSAGE` (or as it is where no command is known, or where it is `bare`),
    then `status`. `expanded`: the words were known by then, so that it is said where the redirections lead.
    `placed`: in a script with the place where it stands."""

    bare = False
    placed = True
    expanded = False

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


class UsageError(ShellError):
    """Arguments that a command cannot take: status 2."""

    def __init__(self, message: str) -> None:
        super().__init__(message, USAGE)


class Unreasonable(ShellError):
    """More than the host should be asked for: refused in one line; a loop that asks again ends with its line."""


class BadSubscript(ShellError):
    """An index below the first element: reading it gives nothing, in a script."""


class Fatal(ShellError):
    """A refusal that ends a script: `set -u` met an unset name, `${x:?}`."""


class Dropped(ShellError):
    """What a script's line cannot go on from (a division by zero, a readonly variable): the line ends, no more."""


class Discarded(Dropped):
    """The same, out of every `eval`, `source` and `-c` that the line stands in (bash: top_level_cleanup): what is no
    number where the shell itself asked for one, in a subscript or a `declare -i`."""


class NotFound(ShellError):
    """A name that is no command: status 127, or 126 for what cannot be run. The message is the whole line."""

    def __init__(self, message: str, status: int = NOT_FOUND) -> None:
        super().__init__(message, status)


class SyntaxFault(ShellError):
    """Text that is not the language. `line` and `column` count from 1."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message, USAGE)
        self.line = line
        self.column = column


class Incomplete(SyntaxFault):
    """Text that is the beginning of something: a prompt asks for more, a script ends with a syntax error."""


class Late(Exception):
    """What is to be read comes later than the reader waits."""


class WriteError(OSError):
    """What write() to a stream that is none refuses."""


class PipeClosed(Exception):
    """The reader of this pipe has gone: the writer ends quietly."""


class Interrupted(Exception):
    """Ctrl-C, taken between two operations."""


class Abandoned(BaseException):
    """Ctrl-C while lines are run again: all of it is given up, and nothing that it runs may hold this up."""


class JobEnded(BaseException):
    """A background job was killed: it ends wherever it stands, and nothing that it runs may hold this up."""


class Leave(Exception):
    """`exit`: leave the session with this status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Killed(Leave):
    """A signal ends the program that this shell works for, `sh -c` or a script: whatever shells are in between."""

    def __init__(self, status: int, program: int) -> None:
        super().__init__(status)
        self.program = program


class Return(Exception):
    """`return`: leave the function or the sourced script with this status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class ErrExit(Leave):
    """`set -e`: a command failed where nobody looked at its status."""


class OutputGone(Exception):
    """What this session prints goes nowhere any more: it ends, quietly where nobody reads, else with `why`."""

    def __init__(self, why: str = "") -> None:
        super().__init__(why)
        self.why = why


class LoopControl(Exception):
    """`break` and `continue`, `levels` loops out."""

    def __init__(self, again: bool, levels: int = 1) -> None:
        super().__init__(again, levels)
        self.again = again
        self.levels = levels
        self.status = 0

    def leaves(self) -> bool:
        """Called by each loop on the way: True if this loop ends; raises on if it is for one further out."""
        if self.levels > 1:
            self.levels -= 1
            raise self
        return not self.again
