"""diagnose: what a machine's own text means, whatever the machine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from memsh.shell.errors import ShellError
from memsh.shell.io import IO, Input
from memsh.shell.registry import Args, command, opt, rest

if TYPE_CHECKING:
    from memsh.linux.box import Box


@command(
    opt("--json", help="the same as data"),
    rest("files", meta="FILE", help="texts, folders, archives; - or nothing: standard input", words="path"),
    topic="views",
    needs_box=False,
)
def diagnose(box: Box | None, args: Args, io: IO) -> int:
    """say what an OOM report, an allocation failure or /proc text of any machine means

    diagnose /proc/buddyinfo

    A verdict first, in plain sentences, then the figures that prove it. Logs may have time stamps, mail quotes, prompts
    and other daemons' lines in them. FILE may be a folder (a copy of /proc, a sosreport, procdump's) or a tar of one.
    At a person's prompt, and as `memsh diagnose FILE`, files are the host's; in a script they are the box's.
    """
    sources = args.files or ["-"]
    texts = [(name, _text(io, name)) for name in sources]
    return tell(texts, args.json, io.out, io.complain, io.looking)


def _text(io: IO, name: str) -> str:
    session = io.session
    if name == "-":
        typed = session.at_prompt and type(io.stdin) is Input and sys.stdin.isatty()
        return sys.stdin.read(1 << 24) if typed else io.stdin.read()
    if session.at_prompt and not session.no_host and not name.startswith("/proc/"):
        from memsh.commands.elsewhere import hosttext  # start-up: 9 ms, for texts of the host alone

        return hosttext.read(name).text
    assert session.files is not None
    try:
        return session.files.open_read(session, name).read()
    except OSError as error:
        raise ShellError(f"{name}: {error.strerror or error}") from None


Say = Callable[[str], object]


def tell(
    texts: list[tuple[str, str]], as_json: bool, out: Say, complain: Say,
    looking: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> int:  # fmt: skip
    """Print what each text means; the status: 0 where something was read in any of them. `looking` is entered while a
    text is read."""
    from memsh.diagnosis import report  # start-up: 11 ms of patterns, for a report alone
    from memsh.proctext.findings import KNOWN, find  # start-up: 9 ms of patterns, for texts of the host alone

    read = False
    found_all = []
    for number, (name, text) in enumerate(texts):
        title = name if len(texts) > 1 else ""
        with looking():
            found = find(text)
            page = report.text(found, title) if found.names and not as_json else ""
        read = read or bool(found.names)
        if as_json:
            found_all.append({"file": name, **report.data(found)})
        elif found.names:
            out(("\n" if number else "") + page)
        else:
            complain(f"{title + ': ' if title else ''}nothing that diagnose knows is in it (it knows {KNOWN})")
    if as_json:
        import json  # start-up: 3 ms

        out(json.dumps(found_all[0] if len(found_all) == 1 else found_all, indent=1) + "\n")
    return 0 if read else 1


def main(words: list[str], as_json: bool) -> int:
    """`memsh diagnose FILE …`: host files, without a box."""
    from memsh.commands.elsewhere import hosttext  # start-up: 9 ms, for texts of the host alone

    texts = []
    status = 0
    for name in words or ["-"]:
        try:
            if name == "-":
                data = sys.stdin.buffer.read(hosttext.READ_LIMIT)
                texts.append((name, hosttext.of_bytes(data, "standard input").text))
            else:
                texts.append((name, hosttext.read(name).text))
        except ShellError as error:
            sys.stderr.write(f"memsh: diagnose: {error.message}\n")
            status = 1

    def complain(said: str) -> None:
        sys.stderr.write(f"memsh: diagnose: {said}\n")

    return (tell(texts, as_json, sys.stdout.write, complain) if texts else 1) or status
