"""date: the box's clock, and other times (GNU coreutils 9.1)."""

from __future__ import annotations

from collections.abc import Iterator

from memsh.commands.facts import lstat
from memsh.commands.filestat import changed
from memsh.linux.include.errno import KernelError
from memsh.shell import IO, Args, ShellError, rest
from memsh.textutils.clock import now, strftime
from memsh.textutils.datespec import parse_date
from memsh.textutils.sources import Sources
from memsh.textutils.utility import one_of, option, utility

TOPIC = "tools"


def _rfc(word: str) -> str:
    forms = {"date": "%Y-%m-%d", "seconds": "%Y-%m-%d %H:%M:%S%:z", "ns": "%Y-%m-%d %H:%M:%S.%N%:z"}
    return forms[one_of("--rfc-3339", *forms)(word)]


def _iso(word: str) -> str:
    forms = {"date": "%Y-%m-%d", "hours": "%Y-%m-%dT%H%:z", "minutes": "%Y-%m-%dT%H:%M%:z",
             "seconds": "%Y-%m-%dT%H:%M:%S%:z", "ns": "%Y-%m-%dT%H:%M:%S,%N%:z"}  # fmt: skip
    return forms[one_of("--iso-8601", "hours", "minutes", "date", "seconds", "ns")(word)]


@utility(
    option("-d", "--date", type=str, meta="TEXT", help="another time: @SECONDS, 2024-01-31 12:00, 2 days ago"),
    option("-I", "--iso-8601", type=_iso, optional="%Y-%m-%d", name="iso", meta="HOW"),
    option("-r", "--reference", type=str, meta="FILE", help="when a file was changed"),
    option("-R", "--rfc-email"), option("-u", "--utc", "--universal", name="utc", help="UTC, as it always is"),
    option("--rfc-3339", type=_rfc, name="rfc", meta="HOW"),
    option("-f", "--file", type=str, meta="FILE", help="a line for each date in a file"),
    option("-s", "--set", type=str, name="setting", meta="TEXT"), rest("words", meta="+FORMAT"),
    topic=TOPIC, usage="[OPTION]... [+FORMAT]",
)  # fmt: skip
def date(box: object, args: Args, io: IO) -> int:
    """the box's clock

    date

    date -u -d @0 +%F: strftime's letters, %s seconds since 1970, %N nanoseconds.
    """
    if args.setting is not None:
        raise ShellError("cannot set date: Operation not permitted")
    pattern = args.iso or args.rfc or ("%a, %d %b %Y %H:%M:%S %z" if args.rfc_email else "%a %b %e %H:%M:%S %Z %Y")
    for at, word in enumerate(args.words):
        if at:
            raise args.refused(f"extra operand '{word}'")
        if word[:1] != "+" and (args.date, args.reference, args.file) != (None, None, None):
            raise args.refused(f"the argument '{word}' lacks a leading '+';\nwhen using an option to specify date(s), "
                               "any non-option\nargument must be a format string beginning with '+'")  # fmt: skip
        if word[:1] != "+":
            raise ShellError(f"invalid date '{word}'")
        pattern = word[1:]
    status = 0
    for text in _asked(args, io):
        try:
            io.out(strftime(pattern, _moment(args, io, text)) + "\n")
        except ValueError:
            io.complain(f"invalid date '{text}'")
            status = 1
    return status


def _asked(args: Args, io: IO) -> Iterator[str]:
    """The dates as they were written, one for each line to print."""
    if sum(given is not None for given in (args.date, args.reference, args.file)) > 1:
        raise args.refused("the options to specify dates for printing are mutually exclusive")
    if args.file is None:
        yield args.date or ""
        return
    sources = Sources(io, [args.file])
    yield from sources.bare_lines()
    if sources.failed:
        raise ShellError("", 1)


def _moment(args: Args, io: IO, text: str) -> float:
    """Seconds since 1970. ValueError for what is no date."""
    if args.reference is not None:
        try:
            return changed(io, lstat(io.session, args.reference, True))
        except KernelError as error:
            raise ShellError(f"{args.reference}: {error.strerror}") from None
    when = now(io)
    return when if args.date is None and args.file is None else parse_date(text, when)
