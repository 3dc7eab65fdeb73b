"""How commands are put together: lists, pipelines, compound commands, redirections (bash: parse.y).

A plain recursive descent: each method reads one thing and says what it expected where it finds another. What stands
before a line with a mistake has been handed out by then.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NoReturn

from memsh.digits import is_digits
from memsh.lazy import regular
from memsh.shell.compounds import OPENING, Compounds
from memsh.shell.errors import SyntaxFault
from memsh.shell.limits import NESTED
from memsh.shell.syntax import (
    AndOr,
    AnyWord,
    Compound,
    Group,
    Line,
    Node,
    Pipeline,
    Redirect,
    Series,
    Simple,
    Sum,
    Timed,
)

RESERVED = frozenset(
    ["if", "then", "elif", "else", "fi", "for", "while", "until", "do", "done", "case", "esac", "{", "}", "!", "[[",
     "function", "select", "coproc"]
)  # fmt: skip
FOLLOWING = frozenset(["then", "elif", "else", "fi", "do", "done", "esac", "}"])  # without ; behind a compound command
DECLARES = frozenset(["declare", "typeset", "local", "export", "readonly"])

_KEYWORD = regular(r"(?:[a-z]+|[{}!]|\[\[)(?=[ \t\n|&;()<>]|\Z)")
_PLAIN = regular(r"[^ \t\n|&;<>()$`\"'\\#*?\[{}!~][^ \t\n|&;<>()$`\"'\\*?\[{}~]*(?=[ \t\n|&;)]|\Z)")
_PLAIN_LINE = regular(
    r"[ \t]*([A-Za-z_][\w.\-]*)((?:[ \t]+[\w./:%@^,+\-][\w./:%@^,+=\-]*)*)[ \t]*(?:\n|\Z)"
)  # fmt: skip
_REDIRECT = regular(r"([0-9]+|\{[A-Za-z_]\w*(?:\[\w+\])?\})?(&>>|&>|<<<|<<-?|<>|<&|>>|>\||>&|<(?!\()|>(?!\())")
_FUNCTION = regular(r"([^\s|&;<>()$`\"'\\=]+)[ \t]*\([ \t]*\)")
_NO_NAMES = regular(r"\([ \t]*\)")
_ALIAS = regular(r"[^ \t\n|&;()<>$`\"'\\]+(?=[ \t\n|&;()<>]|\Z)")
_TIME = regular(r"time(?=[ \t\n;&|()]|\Z)")
_POSIX = regular(r"(-p)?(?=[ \t\n;&|()-]|\Z)(?:[ \t]*--(?=[ \t\n]))?")
_COMMENT = regular(r"#[^\n]*")
_ENDS = regular(r"[ \t\n|&;()<>]|\Z")
_SKIP = regular(r"(?:[ \t\n]|\\\n|(?<![^\s|&;()])#[^\n]*)*")
_SHOWN = regular(r"&&|\|\||\|&|;;&|;;|;&|[|&;()<>]|[^\s|&;()<>]+")


_SEVERAL = regular("[;&|\n]")
_UNHEEDING = nullcontext()
# the aliases that are looked up, if any; `extglob`; `posix`; `set -k`
Settings = tuple[dict[str, str] | None, bool, bool, bool]


class Parser(Compounds):
    """One text. `lines()` hands out its complete lines one after the other."""

    level = 0  # lists in lists: of $( … ), ( … ), if, while and so on
    known = -1  # where a command begins whose name has been looked up among the aliases
    unclosed = 1 << 62  # from here on no (( is closed
    keyed = False  # assignments are such wherever they stand in a command
    aliases: dict[str, str] | None = None
    settings: Callable[[], Settings] | None = None  # asked before each line
    recalls: Callable[[str], str | None] | None = None  # what a line becomes that names past ones; None: itself
    heeding: Callable[[], AbstractContextManager[None]] | None = None  # around what may take long: Ctrl-C ends it
    spliced: list[tuple[str, int]] | None = None  # (alias, letters behind what it became), those that are being read

    # lines

    def lines(self) -> Iterator[Line]:
        """SyntaxFault where a line is none; Incomplete if only the end is missing."""
        while self.pos < self.size:
            if self.settings is not None:
                self.aliases, self.extended, self.posix, self.keyed = self.settings()
            if self.recalls is not None and not self._recalled(self.recalls):
                continue
            match = _PLAIN_LINE.match(self.text, self.pos)
            if match is not None and match[1] not in RESERVED and not (self.aliases or self.keyed):
                yield self._plain_line(match)
                continue
            self._skip_lines()
            if self.pos >= self.size:
                return
            start, typed, before = self.pos, self.text, len(self.spliced or ())
            try:
                with self.heeding() if self.heeding is not None else _UNHEEDING:
                    program = self.series("")
            except RecursionError:
                raise SyntaxFault("nested too deeply", self.line_of(start), self.column(start)) from None
            begun, text = len(self.documents), self.text
            end = self.pos
            if self.pos < self.size:
                if text[self.pos] != "\n":
                    self.unexpected("a new line")
                self.newline()
            elif begun:
                self.newline()
            if begun:
                end = self.pos - text.startswith("\n", self.pos - 1)
                program = _whole(program)
            said = text[start:end]
            put_in = [name for name, _ in (self.spliced or ())[before:]]
            if any(_SEVERAL.search((self.aliases or {}).get(name, "")) for name in put_in):
                program = _whole(program)  # as typed, and not cut: its commands are not those that were typed
                said = typed[start : len(typed) - (len(text) - end)]
            yield Line(program, self.line_of(start), said.strip())

    def _plain_line(self, match: re.Match[str]) -> Line:
        (start, end), behind = match.span(1), match[2]
        simple = Simple(self.line_of(start), start)
        simple.words, simple.plain = [match[1], *behind.split()], True
        simple.after = behind
        self.pos = match.end()
        simple.source, simple.end = self.text, end + len(behind)
        return Line(simple, simple.line, match[1] + behind)

    def _skip_lines(self) -> None:
        self.pos = _SKIP.match(self.text, self.pos).end()  # type: ignore[union-attr]

    def gap(self) -> None:
        """Blanks and a comment, up to the end of the line."""
        self.blanks()
        if self.text.startswith("#", self.pos):
            self.pos = _COMMENT.match(self.text, self.pos).end()  # type: ignore[union-attr]

    def newlines(self) -> None:
        """Any number of line ends; here-documents that wait are read at the first."""
        self.gap()
        while self.pos < self.size and self.text[self.pos] == "\n":
            self.newline()
            self.gap()

    def keyword(self) -> str:
        """The reserved word that stands here, or ""."""
        if self.continued:
            self.join()
        match = _KEYWORD.match(self.text, self.pos)
        return match[0] if match is not None and match[0] in RESERVED else ""

    def unexpected(self, expected: str) -> NoReturn:
        """What stands here cannot."""
        match = _SHOWN.match(self.text, self.pos)
        shown = "end of line" if match is None else match[0][:40]
        self.fault(f"'{shown}' cannot stand here: {expected} is expected", self.pos)

    def expect(self, word: str, opener: str, opened: int) -> None:
        """The reserved word that must come now."""
        self.newlines()
        if self.keyword() != word:
            if self.pos >= self.size:
                self.fault(f"{opener} is not finished: {word} is missing", opened, True)
            self.unexpected(word)
        self.pos += len(word)

    def _recalled(self, recalls: Callable[[str], str | None]) -> bool:
        """Put in what the next line becomes; False if there is none to read."""
        self._skip_lines()
        end = self.text.find("\n", self.pos) % (self.size + 1)
        text = recalls(self.text[self.pos : end])
        if text is not None:
            self.text = self.text[: self.pos] + text + self.text[end:]
            self.size = len(self.text)
            self.altered(self.pos)
        return self.pos < self.size and self.text[self.pos] != "\n"

    # lists

    def series(self, closing: str, *stops: str) -> Node:
        """Commands up to a stop word or `closing`; at the top ("" and no stops) up to the end of the line."""
        self.level += 1
        if self.level > NESTED:
            self.fault("nested too deeply", self.pos)
        found = self._series(closing, stops)
        self.level -= 1
        return found

    def _series(self, closing: str, stops: tuple[str, ...]) -> Node:
        items: list[tuple[Node, bool]] = []
        top = not closing and not stops
        while True:
            if top:
                self.gap()
            else:
                self.newlines()
            self.unalias()
            text = self.text
            if self.pos >= self.size or text[self.pos] == "\n" or self._stops(closing, stops):
                break
            if text[self.pos] == ";" and closing == ";;" and text.startswith((";;", ";&"), self.pos):
                break
            item = self.and_or()
            self.gap()
            text = self.text
            char = text[self.pos : self.pos + 1]
            if char == "&" and not text.startswith("&&", self.pos):
                item.written(text, self.pos)
                items.append((item, True))
                self.pos += 1
            else:
                items.append((item, False))
                if char == ";" and not text.startswith((";;", ";&"), self.pos):
                    self.pos += 1
                elif char != "\n" and self.pos < self.size:
                    if self._stops(closing, stops) or (closing == ";;" and char == ";"):
                        break
                    self.unexpected("; or a new line")
        if not items:
            if top or self.pos >= self.size or closing == ")":
                return Series([])
            self.unexpected("a command")
        return items[0][0] if len(items) == 1 and not items[0][1] else Series(items)

    def _stops(self, closing: str, stops: tuple[str, ...]) -> bool:
        if closing == ")" and self.text[self.pos] == ")":
            return True
        word = self.keyword()
        return bool(word) and word in stops

    def and_or(self) -> Node:
        first = self.pipeline()
        others: list[tuple[str, Node]] = []
        while True:
            self.blanks()
            operator = self.text[self.pos : self.pos + 2]
            if operator not in ("&&", "||"):
                return AndOr(first, others) if others else first
            others.append((operator, self._following(operator, self.pipeline)))

    def _following(self, operator: str, read: Any) -> Any:
        """What stands behind an operator, perhaps on another line."""
        opened = self.pos
        self.pos += len(operator)
        self.newlines()
        if self.pos >= self.size:
            self.fault(f"{operator} is not finished: a command is missing", opened, True)
        return read()

    def _timed(self, match: re.Match[str]) -> Node:
        """`time`, `time -p`, and the pipeline behind."""
        begun = self.pos
        self.pos = match.end()
        self.blanks()
        posix = _POSIX.match(self.text, self.pos)
        if posix is not None:
            self.pos = posix.end()
            self.blanks()
        nothing = self.pos >= self.size or (
            self.text[self.pos] in "\n;&|)" and not self.text.startswith("&>", self.pos)
        )
        timed = Timed(self._nothing(begun) if nothing else self.pipeline(), posix is not None and posix[1] is not None)
        timed.at(self.line_of(begun), begun)
        return timed

    def _nothing(self, begun: int) -> Node:
        """Where a command may be missing."""
        empty = Series([])
        empty.at(self.line_of(begun), begun)
        return empty

    def pipeline(self) -> Node:
        match = _TIME.match(self.text, self.pos)
        if match is not None:
            return self._timed(match)
        negate, begun = False, self.pos
        while self.keyword() == "!":
            negate = not negate
            self.pos += 1
            self.blanks()
        if begun != self.pos and (match := _TIME.match(self.text, self.pos)) is not None:
            inner = Pipeline([self._timed(match)], negate)
            inner.at(self.line_of(begun), begun)
            return inner
        if begun != self.pos and self.pos < self.size and self.text[self.pos] in ";\n)":
            alone = Pipeline([self._nothing(begun)], negate)
            alone.at(self.line_of(begun), begun)
            return alone
        if begun != self.pos and self.pos >= self.size:
            self.fault("! is not finished: a command is missing", begun, True)
        stages, both, host = [self.command()], set(), None
        while True:
            self.blanks()
            text, pos = self.text, self.pos
            if not text.startswith("|", pos) or text.startswith("||", pos):
                break
            if text.startswith("|!", pos):
                end = text.find("\n", pos)
                self.pos = self.size if end < 0 else end
                host = text[pos + 2 : self.pos].strip()
                break
            operator = "|&" if text.startswith("|&", pos) else "|"
            if operator == "|&":
                both.add(len(stages) - 1)
            stages.append(self._following(operator, self.command))
        if len(stages) == 1 and not negate and host is None and begun == self.pos_of(stages[0]):
            return stages[0]
        pipeline = Pipeline(stages, negate, host, frozenset(both))
        pipeline.at(self.line_of(begun), begun)
        return pipeline

    def pos_of(self, node: Node) -> int:
        return node.pos

    # commands

    def _aliased(self) -> str:
        """Put what an alias stands for in the place of the word that begins here; answers its name, "" for none."""
        match = _ALIAS.match(self.text, self.pos)
        name = match[0] if match is not None else ""
        if self.aliases is None or name not in self.aliases:
            return ""
        if name in self._reading():
            return name
        tail = self.size - self.pos - len(name)
        self.spliced = [*(self.spliced or ()), (name, tail)]
        self.text = self.text[: self.pos] + self.aliases[name] + self.text[self.size - tail :]
        self.size = len(self.text)
        self.altered(self.pos)
        return name

    def _reading(self) -> list[str]:
        """The aliases inside of whose text this is."""
        left = self.size - self.pos
        return [name for name, tail in self.spliced or () if left > tail]

    def _behind_blank(self) -> bool:
        """Whether the text of an alias that ends with a blank has just been passed: the next word may be one too."""
        for name, tail in self.spliced or ():
            end = self.size - tail
            if self.aliases and self.aliases.get(name, "")[-1:] in (" ", "\t") and end <= self.pos:
                if not self.text[end : self.pos].strip():
                    return True
        return False

    def unalias(self) -> None:
        """Where a command may begin: aliases are put in, those that stand for reserved words too."""
        if self.aliases and self._replaced():
            self.known = self.pos

    def _replaced(self) -> bool:
        """Put in the alias that stands here, and the one with which its text begins; whether there was one."""
        found = False
        while True:
            before = self.text
            found = bool(self._aliased()) or found
            if self.text is before:
                return found
            self.blanks()

    def command(self) -> Node:
        self.unalias()
        begun = self.pos
        node = self._command()
        if self.known == begun and isinstance(node, Simple):
            node.final = True
        return node

    def _command(self) -> Node:
        text, pos = self.text, self.pos
        char = text[pos : pos + 1]
        if char == "(":
            return self._redirected(self._sum_command() or self._parenthesis(), pos)
        word = self.keyword()
        if not word:
            if not char or char in "|&;)\n":
                if not text.startswith(("&>",), pos):
                    self.unexpected("a command")
            match = _FUNCTION.match(text, pos)
            if match is not None and match[1] not in RESERVED and not is_digits(match[1][0]):
                return self._function(match[1], match.end(), pos)
            return self.simple()
        if word not in OPENING or word == "!":
            self.unexpected("a command")
        if word == "function":
            return self._function_word(pos)
        self.pos = pos + len(word)
        if word == "coproc":
            return self._coproc(pos)
        if self.spliced and word in ("for", "select", "case"):
            self.blanks()
            if self._behind_blank():
                self._replaced()
        readers = {
            "if": self._if, "for": self._for, "select": self._for, "while": self._while, "until": self._while,
            "case": self._case, "{": self._brace, "[[": self._condition,
        }  # fmt: skip
        node = readers[word](pos)
        return self._redirected(node, pos)

    def _redirected(self, node: Node, pos: int) -> Node:
        """Redirections behind a compound command."""
        node.at(self.line_of(pos), pos)
        found: list[Redirect] = []
        while True:
            self.gap()
            match = _REDIRECT.match(self.text, self.pos)
            if match is None:
                break
            self.redirect(match, found)
        if not found:
            if self.text.startswith("(", self.pos):
                self.unexpected("; or a new line")
            if not _ENDS.match(self.text, self.pos) and self.keyword() not in FOLLOWING:
                self.unexpected("; or a new line")
            return node
        return Compound(node, found)

    def _parenthesis(self) -> Node:
        opened = self.pos
        self.pos += 1
        body = self.series(")")
        if self.pos >= self.size:
            self.fault("( is not finished: ) is missing", opened, True)
        self._need(body, ")")
        self.pos += 1
        return Group(body, True)

    def _need(self, body: Node, closing: str) -> None:
        if isinstance(body, Series) and not body.items:
            self.unexpected(f"a command before {closing}")

    def _sum_command(self) -> Node | None:
        """`(( … ))`; None if it is a ( ( … ) )."""
        begun = self.pos
        if not self.text.startswith("((", begun) or begun >= self.unclosed:
            return None
        self.pos += 2
        try:
            inner = self.expression()
        except SyntaxFault:
            inner = None
        if inner is None:
            if self.pos >= self.size:
                self.unclosed = begun
            self.pos = begun
            return None
        node = Sum(inner)
        node.written(self.text, self.pos)
        return node

    # simple commands

    def simple(self) -> Node:
        """Assignments, words and redirections up to an operator, a line's end or the end; or a function whose name
        cannot be one, as is said when it is met."""
        begun = self.pos
        simple = Simple(self.line_of(begun), begun)
        words, ended = simple.words, begun  # `ended`: where the first word did
        declares, looked, assigned = False, -1, False
        while self.pos < self.size:
            if self.continued:
                self.join()
            text, pos = self.text, self.pos
            first = assigned or not simple.assigns  # behind an assignment, or redirections alone
            if self.aliases and not words and first and pos != begun and pos != looked:
                looked = pos
                if self._replaced():
                    simple.final = True
                    continue
            if self.spliced and words and pos != looked and self._behind_blank():
                looked = pos  # what stands there now is not looked up again
                if self._replaced():
                    continue
            match = _PLAIN.match(text, pos)
            if match is not None:
                word: AnyWord = match[0]
                if "=" in match[0] and (not words or declares or self.keyed) and self._assigns(simple, declares):
                    self._counted(simple, pos)
                    assigned = True
                    continue
                self.pos = match.end()
                words.append(word)
                if len(words) == 1:
                    ended, declares = self.pos, word in DECLARES
                elif self.continued:
                    self._counted(simple, pos)
                continue
            char = text[pos]
            if char in " \t" or text.startswith("\\\n", pos):
                self.blanks()
                continue
            if char == "#" and (pos == begun or text[pos - 1] in " \t\n"):
                break
            redirect = _REDIRECT.match(text, pos)
            if redirect is not None:
                if simple.redirects is None:
                    simple.redirects = []
                self.redirect(redirect, simple.redirects)
                assigned = False
                continue
            if char == "(" and not words and not simple.assigns:
                self.unexpected("a command")
            if char in "\n|&;)":
                break
            if char == "(":
                empty = _NO_NAMES.match(text, pos)
                if empty is None or len(words) != 1 or simple.assigns or simple.redirects:
                    self.unexpected("; or a new line")
                return self._function(text[begun:pos].rstrip(), empty.end(), begun)
            if (not words or declares or self.keyed) and self._assigns(simple, declares):
                self._counted(simple, pos)
                assigned = True
                continue
            words.append(self.word())
            self._counted(simple, pos)
            ended = self.pos if len(words) == 1 else ended
        text = self.text
        if words:
            simple.after = text[ended : self.pos]
        simple.source, simple.end = text, self.pos
        return simple

    def _counted(self, simple: Simple, begun: int) -> None:
        """A command stands on the line where the second of its words ends, as bash counts: that far it has read."""
        if len(simple.words) + len(simple.assigns or ()) <= 2:
            if self.continued or "\n" in self.text[begun : self.pos]:
                simple.line = self.line_of(self.pos - 1)

    def _assigns(self, simple: Simple, declares: bool) -> bool:
        found = self.assignment()
        if found is None:
            return False
        if declares and not self.keyed:
            simple.words.append(found)
        else:
            if simple.assigns is None:
                simple.assigns = []
            simple.assigns.append(found)
        return True

    def redirect(self, match: re.Match[str], found: list[Redirect]) -> None:
        """One redirection, `match` being its number and operator."""
        number, operator = match.groups()
        self.pos = match.end()
        self.blanks()
        if self.pos >= self.size or (
            self.text[self.pos] in "\n|&;()<>" and not self.text.startswith(("<(", ">("), self.pos)
        ):
            self.fault(f"{match[0]} needs the name of a file", match.start())
        default = 0 if operator[0] == "<" else 1
        named = number is not None and number[0] == "{"
        fd = default if number is None or named else int(number[:6])
        redirect = Redirect(fd, operator, "", number[1:-1] if named else "")
        if operator in ("<<", "<<-"):
            self.document(redirect)
        else:
            redirect.target = self.word()
        found.append(redirect)

    # nested texts

    def substitution(self, opened: int) -> Node:
        outer, self.documents = self.documents, []  # those of the line around it begin behind that line
        self.within += 1
        body = self.series(")")
        self.within -= 1
        self.documents = outer + self.documents
        if self.pos >= self.size:
            self.fault("$( is never closed with )", opened, True)
        if self.text[self.pos] != ")":
            self.unexpected(")")
        self.pos += 1
        return body

    def nested(self, text: str, opened: int) -> Node:
        inner = Parser(text, self.line_of(opened))
        self.lend(inner)
        inner.level, inner.aliases = self.level, self.aliases
        try:
            programs = [line.program for line in inner.lines()]
        except SyntaxFault as fault:
            if self.lenient:  # bash reads it when it runs, and goes on behind it
                unread = Simple(self.line_of(opened), opened)
                unread.words = ["eval", text]
                return unread
            self.fault(f"in ` `: {fault.message}", opened)
        return programs[0] if len(programs) == 1 else Series([(program, False) for program in programs])


def _whole(program: Node) -> Node:
    """A line with a here-document is not cut into its commands: the text of the document stands behind it."""
    if isinstance(program, Series):
        program.whole = True
    return program
