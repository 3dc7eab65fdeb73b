"""What one session may ask of the host, in one place: each limit ends what asks for more with one line, the box whole.

What Linux itself limits (areas, processes, open files, the disk) is Linux's to refuse. Known deviations: none of these
is a figure of bash's, whose limits are the memory of the machine.
"""

from __future__ import annotations

import sys

TEXT = 16 << 20  # characters of a variable, a $(…), a here-document, a line, a script; of a file that is kept whole
LONG = 64 << 10  # characters of a text: what is done to a longer one may be ended in the middle
PIECE = 8  # characters that each piece of such a text counts for beside its own
NAMES = 100_000  # variables, and functions
VALUES = 256 << 20  # characters of all variables together, each value counting for VALUE more
VALUE = 64
WORDS = 2_000_000  # that one expansion makes
NUMBERS = 10_000_000  # that seq counts
FIELDS = 1_000_000  # of an awk record
WIDTH = 4096  # characters of a printf field, of which there may be many
AWK_WIDTH = 1 << 20  # characters of a field of awk's printf
NESTED = 200  # compound commands, parentheses, braces in each other
STACK = 60_000  # Python's frames that functions and names in each other need, awk's too
FUNCTIONS = 1000  # functions in each other
EVALS = 100  # eval in eval, traps, aliases
SOURCES = 50  # scripts in each other
JOBS = 200  # each holds a thread of the host
SNAPSHOTS = 50
PROCESSES = 4096  # of the box
MEMORY = 2 << 30  # bytes of the host's by which one line may grow; what runs on is ended as by Ctrl-C
TOTAL = 5 << 30  # bytes of the host's from which on no line may grow by more than GROWTH: files and pages with contents
GROWTH = 64 << 20
REGEX_SECONDS = 0.4  # that one search for a regular expression may take
EXPRESSION = 32 << 10  # characters of one regular expression: what is made of it takes a while, and memory

TOO_LONG = "Argument list too long"


def make_room() -> None:
    """Before what may nest deeply: Python lets that go STACK frames deep."""
    if sys.getrecursionlimit() < STACK:
        sys.setrecursionlimit(STACK)
