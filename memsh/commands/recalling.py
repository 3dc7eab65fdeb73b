"""The lines that were typed, once more: history, fc (bash: builtins/history.def, fc.def).

At the session's own prompt the lines are its journal, which undo and save go by: there they are only shown.
Known deviations: there is no editor, and no history expansion.
"""

from __future__ import annotations

from memsh.commands.options import short_options, too_many
from memsh.digits import is_digits
from memsh.shell import IO, Args, ShellError, UsageError, command, rest
from memsh.shell.pastlines import PastLines
from memsh.shell.session import Session
from memsh.shell.values import whole

TOPIC = "session"
LISTED = 16  # lines that `fc -l` shows
OUT = "history position out of range"


def _of_session(session: Session, args: Args) -> bool:
    """Whether the lines come from outside the box: those of the journal do."""
    return session.language.past is None


def _only_shown(letter: str) -> ShellError:
    return ShellError(f"-{letter}: the lines typed here stay as they are: undo and save go by them")


@command(
    rest("words", raw=True, meta="[-c] [-d N] [-anrw [FILE]] [-ps WORD …] [COUNT"), topic=TOPIC, needs_box=False,
    outside=_of_session,
)  # fmt: skip
def history(box: object, args: Args, io: IO) -> int:
    """the lines of this session, numbered

    history 10

    In a `bash -i`, and in a script after `set -o history`, its own lines: -c forgets them, -d N one of them; -r reads
    $HISTFILE or FILE, -n what is new there, -a adds this shell's lines to it, -w writes all; -s adds a line.
    """
    past = io.language.past
    words = list(args.words)
    letters, place = "", None
    while words and words[0][:1] == "-" and len(words[0]) > 1:
        word = words.pop(0)
        if word == "--":
            break
        for at, letter in enumerate(word[1:], 2):
            if letter not in "acdnprsw":
                raise UsageError(f"-{letter}: invalid option")
            if letter == "d":
                place = word[at:] or (words.pop(0) if words else None)
                if place is None:
                    raise UsageError("-d: option requires an argument")
            letters += letter
            if letter == "d":
                break
    if past is None:
        if letters:
            raise _only_shown(letters[0])
        _show(io, io.session.journal, words)
        return 0
    if len(set(letters) & set("anrw")) > 1:
        raise ShellError("cannot use more than one of -anrw")
    return _done(io, past, letters, place, words)


def _done(io: IO, past: PastLines, letters: str, place: str | None, words: list[str]) -> int:
    if "c" in letters:
        past.clear()
    if "s" in letters:
        if words:
            past.forget_own()
            past.add(" ".join(words))
        return 0
    if "p" in letters:
        past.forget_own()
        for word in words:
            if "!" in word:
                raise ShellError(f"{word}: history expansion failed")
            io.out(word + "\n")
        return 0
    if place is not None:
        _delete(past, place)
        return 0
    filed = next((letter for letter in letters if letter in "anrw"), "")
    if filed:
        path = words[0] if words else io.language.get("HISTFILE")
        if not path:
            return 1
        if filed in "aw":
            done = (filed == "a" and not past.fresh) or past.save(io.session, path, filed == "w")
        else:
            done = past.load(io.session, path, filed == "n")
        return int(not done)
    if "c" not in letters:
        _show(io, past.lines, words)
    return 0


def _show(io: IO, lines: list[str], words: list[str]) -> None:
    first = 0
    if words:
        most = whole(words[0].removeprefix("+"))
        if most is None:
            raise ShellError(f"{words[0]}: numeric argument required")
        if len(words) > 1:
            too_many(io)
        first = max(0, len(lines) - abs(most))
    for number, line in enumerate(lines[first:], first + 1):
        if line:  # of a resumed session only what changed the box is known
            io.out(f"{number:5}  {line}\n")


def _delete(past: PastLines, text: str) -> None:
    """`-d N`, counted from the end if it is below 0, and `-d FIRST-LAST`."""
    begun, dash, ended = text[1:].partition("-")
    ends = [text[:1] + begun, ended] if dash and ended else [text]
    places = []
    for word in ends:
        number = whole(word)
        if number is None:
            raise ShellError(f"{text}: {OUT}")
        place = number - 1 if number >= 0 else len(past.lines) + number
        if not 0 <= place < len(past.lines):
            raise ShellError(f"{word}: {OUT}")
        places.append(place)
    for place in range(places[-1], places[0] - 1, -1):
        past.drop(place)


@command(rest("words", raw=True, meta="[-lnr] [FIRST] [LAST] or -s [OLD=NEW …] [COMMAND"), topic=TOPIC,
         needs_box=False, outside=_of_session)  # fmt: skip
def fc(box: object, args: Args, io: IO) -> int:
    """list the lines that were typed, or run one of them again

    fc -l

    FIRST and LAST are numbers, from the end if below 0, or what a line begins with. -n leaves the numbers out, -r goes
    backwards. -s runs one again, with OLD replaced by NEW, in a shell of its own.
    """
    letters, words = _fc_options(args.words)
    past = io.language.past
    if past is None:
        lines, last = io.session.journal, len(io.session.journal) - 1
    else:
        lines, last = past.lines, len(past.lines) - 1 - past.added
    if "s" in letters:
        if past is None:
            raise _only_shown("s")
        return _again(io, past, words, last)
    if "l" not in letters:
        raise ShellError("there is no editor here: -l lists the lines, -s runs one again")
    begin, end = max(0, last - LISTED + 1), last
    if words:
        begin = _place(words[0], lines, last)
        end = _place(words[1], lines, last) if words[1:] else (len(lines) - 1 if begin == len(lines) - 1 else last)
    if last < 0 and not words:
        return 0
    shown = list(range(min(begin, end), max(begin, end) + 1))
    if begin > end or "r" in letters:
        shown.reverse()
    for place in shown:
        number = "" if "n" in letters else str(place + 1)
        io.out(f"{number}\t{'' if 'posix' in io.language.options else ' '}{lines[place]}\n")
    return 0


def _fc_options(words: list[str]) -> tuple[str, list[str]]:
    """The letters and the operands; -e - is -s, a number below 0 is none of them."""
    place = 0
    while place < len(words) and words[place][:1] == "-" and not is_digits(words[place][1:2]):
        if words[place] in ("-", "--"):
            break
        place += 1
        if words[place - 1] == "-e":
            if words[place : place + 1] != ["-"]:
                raise ShellError("there is no editor here: -l lists the lines, -s runs one again")
            return "s", words[place + 1 :]
    letters, _, rest_of, _ = short_options(words[:place], "lnrs")
    return letters, [*rest_of, *(words[place + 1 :] if words[place : place + 1] == ["--"] else words[place:])]


def _place(word: str, lines: list[str], last: int) -> int:
    """Where a line stands: by its number, by how far back it is, by what it begins with (bash: fc_gethnum)."""
    number = whole(word)
    if number is not None:
        if number < 0:
            return max(0, number + last + 1)
        if number:
            return min(last, number - 1)
        return len(lines) - 1 if word[:1] == "-" else last
    for place in range(last, -1, -1):
        if lines[place].startswith(word):
            return place
    raise ShellError("no command found")


def _again(io: IO, past: PastLines, words: list[str], last: int) -> int:
    """`fc -s`: the line takes the place of the one that asked for it."""
    swaps: list[tuple[str, str]] = []
    while words and "=" in words[0]:
        old, _, new = words[0].partition("=")
        swaps.append((old, new))
        words = words[1:]
    if last < 0:
        raise ShellError("no command found")
    text = past.lines[_place(words[0], past.lines, last) if words else last]
    for old, new in swaps:
        text = text.replace(old, new) if old else text
    io.err(text + "\n")
    past.forget_own()
    past.add(text)
    return io.runner.run_text(text)
