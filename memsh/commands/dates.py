"""date: the box's clock, and other times (GNU coreutils 9.1; of its -d the everyday part)."""

from __future__ import annotations

import calendar
import re
import time

from memsh.commands.copying import changed
from memsh.commands.facts import lstat
from memsh.linux.include.errno import KernelError
from memsh.shell import IO, Args, ShellError, rest
from memsh.textutils.clock import now, strftime
from memsh.textutils.utility import option, utility

TOPIC = "tools"
_RELATIVE = re.compile(r"([-+]?)\s*([0-9]+)\s*(second|sec|minute|min|hour|day|week|fortnight|month|year)s?(\s+ago)?")
_WORDS = {"now": 0, "today": 0, "yesterday": -86400, "tomorrow": 86400}
_SPANS = {
    "second": 1, "sec": 1, "minute": 60, "min": 60, "hour": 3600, "day": 86400, "week": 604800, "fortnight": 1209600,
}  # fmt: skip
_STAMPS = (
    "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y/%m/%d", "%m/%d/%Y", "%d %b %Y",
    "%d %B %Y", "%b %d %Y", "%b %d %H:%M:%S %Y", "%a %b %d %H:%M:%S %Y", "%a, %d %b %Y %H:%M:%S", "%Y%m%d",
    "%Y-%m-%d %H:%M:%S.%f",
)  # fmt: skip


def parse_date(text: str, when: float) -> float:
    """GNU date's -d, the everyday part: @SECONDS, an ISO date and time, now, yesterday, `2 days ago`, `+1 hour`."""
    left = text.strip()
    if re.fullmatch(r"@-?[0-9]+(\.[0-9]*)?", left):
        return float(left[1:])
    left = re.sub(r"\s*(?:UTC|GMT|Z|\+0000|\+00:00)$", "", left)
    offset = 0.0
    while match := _RELATIVE.search(left):
        sign = -1 if (match[1] == "-") != bool(match[4]) else 1
        if match[3] in ("month", "year"):
            moment = time.gmtime(when)
            months = moment.tm_year * 12 + moment.tm_mon - 1 + sign * int(match[2]) * (12 if match[3] == "year" else 1)
            first = time.strptime(f"{months // 12} {months % 12 + 1}", "%Y %m")
            offset += calendar.timegm(first) + (moment.tm_mday - 1) * 86400 + when % 86400 - when
        else:
            offset += sign * int(match[2]) * _SPANS[match[3]]
        left = (left[: match.start()] + left[match.end() :]).strip()
    for word in left.lower().split():
        if word in _WORDS:
            offset += _WORDS[word]
            left = re.sub(word, "", left, flags=re.IGNORECASE).strip()
    if not left:
        return when + offset
    if re.fullmatch(r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?", left):
        parts = [int(part) for part in left.split(":")] + [0]
        if parts[0] < 24 and parts[1] < 60 and parts[2] < 60:
            return when // 86400 * 86400 + parts[0] * 3600 + parts[1] * 60 + parts[2] + offset
    for pattern in _STAMPS:
        try:
            return calendar.timegm(time.strptime(left, pattern)) + offset
        except ValueError:
            continue
    raise ShellError(f"invalid date '{text}'")


def _iso(word: str) -> str:
    forms = {"date": "%Y-%m-%d", "hours": "%Y-%m-%dT%H%:z", "minutes": "%Y-%m-%dT%H:%M%:z",
             "seconds": "%Y-%m-%dT%H:%M:%S%:z", "ns": "%Y-%m-%dT%H:%M:%S,%N%:z"}  # fmt: skip
    matching = [form for name, form in forms.items() if name.startswith(word)]
    if len(matching) != 1:
        raise ValueError(f"invalid argument '{word}' for '--iso-8601'")
    return matching[0]


@utility(
    option("-d", "--date", type=str, meta="TEXT", help="another time: @SECONDS, 2024-01-31 12:00, 2 days ago"),
    option("-I", "--iso-8601", type=_iso, optional="%Y-%m-%d", name="iso", meta="HOW"),
    option("-r", "--reference", type=str, meta="FILE", help="when a file was changed"),
    option("-R", "--rfc-email"), option("-u", "--utc", "--universal", name="utc", help="UTC, as it always is"),
    option("-s", "--set", type=str, name="setting", meta="TEXT"), option("--debug"), rest("words", meta="+FORMAT"),
    topic=TOPIC, usage="[OPTION]... [+FORMAT]",
)  # fmt: skip
def date(box: object, args: Args, io: IO) -> None:
    """the box's clock

    date

    date -u -d @0 +%F: strftime's letters, %s seconds since 1970, %N nanoseconds.
    """
    if args.setting is not None:
        raise ShellError("cannot set date: Operation not permitted")
    when = now(io)
    if args.date is not None:
        when = parse_date(args.date, when)
    if args.reference is not None:
        try:
            when = changed(io, lstat(io.session, args.reference, True))
        except KernelError as error:
            raise ShellError(f"{args.reference}: {error.strerror}") from None
    pattern = args.iso or ("%a, %d %b %Y %H:%M:%S %z" if args.rfc_email else "%a %b %e %H:%M:%S %Z %Y")
    for word in args.words:
        if word[:1] != "+":
            raise ShellError(f"invalid date '{word}'")
        pattern = word[1:]
    io.out(strftime(pattern, when) + "\n")
