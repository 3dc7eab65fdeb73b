"""fmt: words filled into lines, where to break them chosen for a whole paragraph (GNU coreutils 9.1, src/fmt.c).

What is looked at is a text's cost: lines far from the goal, unlike their neighbours, that break sentences or leave a
word alone cost more. The numbers are GNU's, so that the same breaks come out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from memsh.digits import is_digits
from memsh.shell import IO, Args, ShellError, rest
from memsh.textutils.sources import Sources
from memsh.textutils.utility import option, utility

WIDTH, LEEWAY, TAB = 75, 7, 8
MOST_WIDE = 2500
MOST_WORDS, MOST_LETTERS = 1000, 5000  # of a paragraph: a longer one is given out in pieces
_LINE, _SENTENCE, _NO_BREAK, _MARK = 70**2, 50**2, 600**2, 40**2
_CREDIT, _WORST = 3**2, (1 << 63) - 1
_BLANKS = " \t"


def _by_rest(cost: int, length: int) -> int:
    return cost**2 // (length + 2)


class _Word:
    """A word, what follows it, and the best way to go on from it: `next` is the word that begins the line behind."""

    __slots__ = ("cost", "final", "length", "line", "next", "opens", "period", "punct", "space", "text")

    def __init__(self, text: str) -> None:
        self.text, self.length = text, len(text)
        self.opens = text[0] in "([`'\""
        self.punct = text[-1].isascii() and not text[-1].isalnum() and text[-1].isprintable()
        self.period = (text[0] + text[1:].rstrip(")]'\""))[-1] in ".?!"
        self.final = False
        self.space = self.cost = self.next = self.line = 0


class _Place:
    """A line's text and how far it was read, in columns."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.column = text, 0, 0

    @property
    def char(self) -> str:
        return self.text[self.at : self.at + 1]

    def skip(self) -> bool:
        """Go over blanks; whether there was a tab."""
        tab = False
        while self.char and self.char in _BLANKS:
            tab = tab or self.char == "\t"
            self.column = self.column + 1 if self.char == " " else self.column // TAB * TAB + TAB
            self.at += 1
        return tab


class _Filler:
    """One run over one file."""

    def __init__(self, io: IO, args: Args, width: int, goal: int) -> None:
        self.io, self.args = io, args
        self.width, self.goal = width, goal
        prefix = args.prefix or ""
        self.lead = len(prefix) - len(prefix.lstrip(" "))
        self.full = len(prefix.lstrip(" "))
        self.prefix = prefix.strip(" ") if prefix.strip(" ") else ""
        self.tabs = False
        self.other = 0  # the indentation of the lines behind a paragraph's first

    # reading

    def _begin(self, line: str | None) -> None:
        """Look at the next line up to its first word; None: there is none."""
        self.place = place = _Place("" if line is None else line.removesuffix("\n"))
        self.tabs = place.skip() or self.tabs
        self.next_indent = place.column
        if not self.prefix:
            self.next_indent = min(self.lead, place.column)
            return
        for char in self.prefix:
            if place.char != char:
                return
            place.at += 1
            place.column += 1
        self.tabs = place.skip() or self.tabs

    def _goes_on(self) -> bool:
        place = self.place
        long_enough = place.column >= self.next_indent + self.full
        return self.next_indent == self.indent and long_enough and bool(place.char)

    def fill(self, lines: Iterator[str]) -> None:
        self.lines, self.tabs, self.other = lines, False, 0
        self.raw = next(lines, None)
        self._begin(self.raw)
        while self._paragraph():
            self._solve()
            self._put(len(self.words))

    def _advance(self) -> None:
        self.raw = next(self.lines, None)
        self._begin(self.raw)

    def _paragraph(self) -> bool:
        self.last_line = 0
        place = self.place
        while not place.char or self.next_indent < self.lead or place.column < self.next_indent + self.full:
            if not self._copy():
                return False
            self._advance()
            place = self.place
        self.indent, self.first = self.next_indent, place.column
        self.words: list[_Word] = []
        self.letters = 0
        self._line()
        same = self._goes_on()
        self._indent_others(same)
        args = self.args
        if args.split_only:
            pass
        elif args.crown_margin or args.tagged_paragraph:
            if same and (args.crown_margin or self.place.column != self.first):
                self._line()
                while self._goes_on() and self.place.column == self.other:
                    self._line()
        else:
            while self._goes_on() and self.place.column == self.other:
                self._line()
        self.words[-1].period = self.words[-1].final = True
        return True

    def _indent_others(self, same: bool) -> None:
        args, column = self.args, self.place.column
        if args.split_only:
            self.other = self.first
        elif args.crown_margin:
            self.other = column if same else self.first
        elif args.tagged_paragraph:
            if same and column != self.first:
                self.other = column
            elif self.other == self.first:
                self.other = 3 if self.first == 0 else 0
        else:
            self.other = self.first

    def _copy(self) -> bool:
        """A line that is no part of a paragraph, as it is; False at the end."""
        place, out = self.place, _Out(self)
        ends = not (self.raw or "").endswith("\n")
        if place.column > self.next_indent or place.char:
            out.space(self.next_indent)
            for char in self.prefix:
                if out.column == place.column:
                    break
                out.put(char)
            if place.char:
                out.space(place.column - out.column)
            if ends and not place.char and place.column >= self.next_indent + len(self.prefix):
                out.put("\n")
        self.io.out("".join(out.parts) + place.text[place.at :])
        if ends:
            return False
        self.io.out("\n")
        return True

    def _line(self) -> None:
        """The words of this line; then look at the next."""
        place = self.place
        ends = not (self.raw or "").endswith("\n")
        for match in re.finditer(r"([^ \t\n\v\f\r]+)([ \t\n\v\f\r]*)", place.text[place.at :]):
            if self.letters + len(match[1]) > MOST_LETTERS:
                self._indent_others(True)
                self._flush()
            word = _Word(match[1])
            self.letters += word.length
            place.column += word.length
            begun, blanks = place.column, _Place(match[2])
            blanks.column = begun
            self.tabs = blanks.skip() or self.tabs
            place.column = blanks.column
            last = match.end() == len(place.text) - place.at
            word.space = place.column - begun
            word.final = (last and ends) or (word.period and (last or word.space > 1))
            if last or self.args.uniform_spacing:
                word.space = 2 if word.final else 1
            self.words.append(word)
            if len(self.words) == MOST_WORDS:
                self._indent_others(True)
                self._flush()
        self._advance()

    # choosing

    def _solve(self) -> None:
        """The best break behind each word, from the last one back (fmt_paragraph)."""
        words, count = self.words, len(self.words)
        width, goal = self.width, self.goal
        costs = [word.cost for word in words] + [0]
        for start in range(count - 1, -1, -1):
            best = _WORST
            length = (self.other if start else self.first) + words[start].length
            at = start
            while True:
                at += 1
                cost = costs[at]
                if at < count:
                    cost += ((goal - length) * 10) ** 2
                    if words[at].next != count:
                        cost += ((length - words[at].line) * 10) ** 2 // 2
                if start == 0 and self.last_line > 0:
                    cost += ((length - self.last_line) * 10) ** 2 // 2
                if cost < best:
                    best = cost
                    words[start].next, words[start].line = at, length
                if at == count:
                    break
                length += words[at - 1].space + words[at].length
                if length >= width:
                    break
            costs[start] = words[start].cost = best + self._base(start)

    def _base(self, at: int) -> int:
        """What beginning a line with this word costs (base_cost)."""
        words, cost = self.words, _LINE
        word = words[at]
        if at > 0:
            before = words[at - 1]
            if before.period:
                cost += -_SENTENCE if before.final else _NO_BREAK
            elif before.punct:
                cost -= _MARK
            elif at > 1 and words[at - 2].final:
                cost += _by_rest(200, before.length)
        if word.opens:
            cost -= _MARK
        elif word.final:
            cost += _by_rest(150, word.length)
        return cost

    # writing

    def _flush(self) -> None:
        """Give out what a paragraph that is too long holds, up to a break that costs little (flush_paragraph)."""
        words = self.words
        if not words:
            return
        self._solve()
        count, split, best = len(words), len(words), _WORST
        at = words[0].next
        while at != count:
            after = words[at].next
            cost = words[at].cost - (words[after].cost if after != count else 0)
            if cost < best:
                split, best = at, cost
            if best <= _WORST - _CREDIT:
                best += _CREDIT
            at = after
        self._put(split)
        self.words = words[split:]
        self.letters = sum(word.length for word in self.words)

    def _put(self, finish: int) -> None:
        at, indent = 0, self.first
        while at != finish:
            out = _Out(self)
            out.space(self.indent)
            out.put(self.prefix)
            out.space(indent - out.column)
            following = self.words[at].next
            for number in range(at, following):
                out.put(self.words[number].text)
                if number + 1 < following:
                    out.space(self.words[number].space)
            self.last_line = out.column
            self.io.out("".join(out.parts) + "\n")
            at, indent = following, self.other


class _Out:
    """A line that is written: blanks become tabs where the input had some."""

    def __init__(self, filler: _Filler) -> None:
        self.tabs = filler.tabs
        self.parts: list[str] = []
        self.column = 0

    def put(self, text: str) -> None:
        self.parts.append(text)
        self.column += len(text)

    def space(self, count: int) -> None:
        target = self.column + max(count, 0)
        stop = target // TAB * TAB
        if self.tabs and self.column + 1 < stop:
            self.parts.append("\t" * (stop // TAB - self.column // TAB))
            self.column = stop
        self.parts.append(" " * (target - self.column))
        self.column = target


def _first_width(words: list[str]) -> list[str]:
    """`fmt -72` is -w 72; only as the first word."""
    if words and re.match(r"-[0-9]", words[0]):
        return [f"-w{words[0][1:]}", *words[1:]]
    for word in words:
        if re.match(r"-[0-9]", word):
            raise ShellError(f"invalid option -- {word[1]}; -WIDTH is recognized only when it is the first\n"
                             "option; use -w N instead\nTry 'fmt --help' for more information.")  # fmt: skip
        if word == "--":
            break
    return words


def _wide(word: str, most: int) -> int:
    if not is_digits(word):
        raise ShellError(f"invalid width: '{word}'")
    number = int(word[:40])
    if number > most:
        beyond = "Value too large for defined data type" if number > (1 << 30) else "Numerical result out of range"
        raise ShellError(f"invalid width: '{word}': {beyond}")
    return number


@utility(
    option("-c", "--crown-margin", help="keep the indentation of the first two lines"),
    option("-p", "--prefix", type=str, meta="TEXT", help="only lines that begin with TEXT"),
    option("-s", "--split-only", help="cut long lines, fill none"),
    option("-t", "--tagged-paragraph", help="the first line is indented otherwise than the second"),
    option("-u", "--uniform-spacing", help="one blank between words, two between sentences"),
    option("-w", "--width", type=str, meta="N", help="the longest line (75)"),
    option("-g", "--goal", type=str, meta="N", help="what lines shall have (93 % of it)"),
    rest("files", words="path"), usage="[-WIDTH] [OPTION]... [FILE]...", rewrite=_first_width,
)  # fmt: skip
def fmt(box: object, args: Args, io: IO) -> int:
    """fill words into lines

    echo 'the buddy allocator hands out blocks of pages' | fmt -w 20
    """
    width = WIDTH if args.width is None else _wide(args.width, MOST_WIDE)
    if args.goal is not None:
        goal = _wide(args.goal, width)
        width = width if args.width is not None else goal + 10
    else:
        goal = width * (2 * (100 - LEEWAY) + 1) // 200
    sources = Sources(io, args.files, "cannot open '{name}' for reading: {why}", "read error")
    filler = _Filler(io, args, width, goal)
    for _, source in sources:
        filler.fill(iter(source))
    return sources.status
