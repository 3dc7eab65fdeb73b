"""A session without a kernel, whose streams are strings."""

import io
from importlib import import_module
from typing import Any

from memsh import textutils
from memsh.commands.paths import BoxFiles
from memsh.shell.io import TextInput
from memsh.shell.registry import REGISTRY, Registry, command
from memsh.shell.session import Session

ROOMS = ("text", "conditions", "files", "listing", "naming", "session", "printing", "reading", "declaring", "flow",
         "trapping")  # fmt: skip
Streams = tuple[Session, io.StringIO, io.StringIO]


def session(registry: Registry | None = None, stdin: str = "", reader: Any = None) -> Streams:
    """(session, what it prints, what it complains)."""
    if registry is None:
        for room in ROOMS:
            import_module(f"memsh.commands.{room}")
        textutils.load()
        registry = REGISTRY
    out, err = io.StringIO(), io.StringIO()
    made = Session(registry=registry, stdout=out, stderr=err, stdin=TextInput(stdin), files=BoxFiles())
    made.reader = reader
    made.cwd = "/proc"
    return made, out, err


def run(text: str, stdin: str = "", reader: Any = None) -> tuple[str, str, int]:
    """(standard output, standard error, status) of a script."""
    made, out, err = session(stdin=stdin, reader=reader)
    status = made.run(text)
    return out.getvalue(), err.getvalue(), status


def value_registry() -> Registry:
    """A registry of the test's own: `give N` yields a value, `fail` refuses as Linux would, `show` prints its words."""
    registry = Registry()

    from memsh.shell import ShellError, arg, rest
    from memsh.shell.values import address

    @command(arg("number", type=address), registry=registry, needs_box=False)
    def give(box: Any, args: Any, io: Any) -> None:
        """yield a number"""
        io.value(args.number, "said the test")

    @command(registry=registry, needs_box=False)
    def fail(box: Any, args: Any, io: Any) -> None:
        """refuse"""
        raise ShellError("Cannot allocate memory")

    @command(rest("words", raw=True), registry=registry, needs_box=False)
    def show(box: Any, args: Any, io: Any) -> None:
        """print each word"""
        io.out("".join(f"<{word}>" for word in args.words) + "\n")

    return registry
