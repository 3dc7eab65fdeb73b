"""date: the box's clock, and other times (GNU coreutils 9.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from memsh.commands.facts import changed, lstat
from memsh.linux.include.errno import KernelError
from memsh.shell import IO, Args, ShellError, rest
from memsh.textutils.clock import local_zone, now
from memsh.textutils.quoting import quote
from memsh.textutils.sources import Sources
from memsh.textutils.timeformat import FARTHEST, strftime
from memsh.textutils.utility import one_of, option, utility
from memsh.textutils.zones import NANO, UTC, Zone

TOPIC = "tools"


def _rfc(word: str) -> str:
    forms = {"date": "%Y-%m-%d", "seconds": "%Y-%m-%d %H:%M:%S%:z", "ns": "%Y-%m-%d %H:%M:%S.%N%:z"}
    return forms[one_of("--rfc-3339", *forms)(word)]


def _iso(word: str) -> str:
    forms = {"date": "%Y-%m-%d", "hours": "%Y-%m-%dT%H%:z", "minutes": "%Y-%m-%dT%H:%M%:z",
             "seconds": "%Y-%m-%dT%H:%M:%S%:z", "ns": "%Y-%m-%dT%H:%M:%S,%N%:z"}  # fmt: skip
    return forms[one_of("--iso-8601", "hours", "minutes", "date", "seconds", "ns")(word)]


_DEFAULT, _EMAIL = "%a %b %e %H:%M:%S %Z %Y", "%a, %d %b %Y %H:%M:%S %z"


@utility(
    option("-d", "--date", type=str, meta="TEXT", help="another time: @SECONDS, 2024-01-31 12:00, 2 days ago"),
    option("-I", "--iso-8601", type=_iso, optional="%Y-%m-%d", name="iso", meta="HOW"),
    option("-r", "--reference", type=str, meta="FILE", help="when a file was changed"),
    option("-R", "--rfc-email"),
    option("-u", "--utc", "--universal", "--uct", name="utc", help="UTC, whatever TZ says"),
    option("--rfc-3339", type=_rfc, name="rfc", meta="HOW"),
    option("-f", "--file", type=str, meta="FILE", help="a line for each date in a file"),
    option("--resolution", help="the clock's resolution"),
    option("--debug", lacks="how a date is understood is not shown here"),
    option("-s", "--set", type=str, name="setting", meta="TEXT"), rest("words", meta="+FORMAT"),
    topic=TOPIC, usage="[OPTION]... [+FORMAT]",
)  # fmt: skip
def date(box: object, args: Args, io: IO) -> int:
    """the box's clock

    date

    date -u -d @0 +%F: strftime's letters, %s seconds since 1970, %N nanoseconds. TZ=EST5EDT and its like name a zone.
    """
    asked = sum(given is not None for given in (args.date, args.reference, args.file)) + args.resolution
    if asked > 1:
        raise args.refused("the options to specify dates for printing are mutually exclusive")
    if asked and args.setting is not None:
        raise args.refused("the options to print and set the time may not be used together")
    pattern, zone = _pattern(args, bool(asked)), UTC if args.utc else local_zone(io)
    status = 0
    for text in [""] if args.file is None else _lines(args, io):
        try:
            when = _moment(args, io, text, zone)
        except ValueError:
            given = args.date if args.setting is None else args.setting
            io.complain(f"invalid date {quote(text if args.file is not None else given)}")
            status = 1
            continue
        if abs(when // NANO) > FARTHEST:
            io.complain(f"time '{when // NANO}' is out of range")
            status = 1
            continue
        if args.setting is not None:
            io.complain("cannot set date: Operation not permitted")
            status = 1
        io.out(strftime(pattern, when // NANO, zone, when % NANO) + "\n")
    return status


def _pattern(args: Args, dated: bool) -> str:
    """The format that was asked for."""
    formats = [_EMAIL if name == "rfc_email" else value for name, value in args.typed
               if name in ("iso", "rfc", "rfc_email")]  # fmt: skip
    if len(args.words) > 1:
        raise args.refused(f"extra operand '{args.words[1]}'")
    if args.words and args.words[0][:1] == "+":
        formats.append(re.sub("%(?:%|-N)", lambda found: "%9N" if found[0] == "%-N" else found[0], args.words[0][1:]))
    elif args.words and (dated or args.setting is not None):
        raise args.refused(f"the argument '{args.words[0]}' lacks a leading '+';\nwhen using an option to specify "
                           "date(s), any non-option\nargument must be a format string beginning with '+'")  # fmt: skip
    elif args.words:
        raise ShellError(f"invalid date '{args.words[0]}'")
    if len(formats) > 1:
        raise ShellError("multiple output formats specified")
    return formats[0] if formats else "%s.%N" if args.resolution else _DEFAULT


def _lines(args: Args, io: IO) -> Iterator[str]:
    sources = Sources(io, [args.file])
    yield from sources.bare_lines()
    if sources.failed:
        raise ShellError("", 1)


def _moment(args: Args, io: IO, text: str, zone: Zone) -> int:
    """Nanoseconds since 1970. ValueError for what is no date."""
    from memsh.textutils.datespec import parse_date  # start-up: 2 ms of patterns, for dates alone

    if args.resolution:
        return 1
    if args.reference is not None:
        try:
            return round(changed(io, lstat(io.session, args.reference, True)) * 1e9)
        except KernelError as error:
            raise ShellError(f"{args.reference}: {error.strerror}") from None
    when = round(now(io) * 1e9)
    given = text if args.file is not None else args.date if args.setting is None else args.setting
    return when if given is None else parse_date(given, when, zone)
