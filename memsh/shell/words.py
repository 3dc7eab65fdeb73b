"""One word of the language: quotes, `$…`, `${…}`, `$(( … ))`, `~`, patterns (bash: parse.y, read_token_word).

The reader stands on a text at `pos` and moves along. What is inside `$( … )` is read by memsh.shell.parser, of which
this class is the lower half. Known deviation: `$"…"` is `"…"` (there is no catalogue).
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod

from memsh.lazy import regular
from memsh.shell.errors import Incomplete, SyntaxFault
from memsh.shell.escapes import ansi_c
from memsh.shell.place import Place
from memsh.shell.syntax import AnyWord, Node, Param, Part, Word

ANY = "any"  # letter that a \ quotes
BLANK = regular(r"(?:[ \t]|\\\n)*")
_PIECE = regular(r"[^ \t\n|&;<>()$`\"'\\]+")
_DOUBLE = regular(r"[^\"$\\`]+")
_BODY = regular(r"[^$\\`]+")
_VARIABLE = regular(r"[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[?#@*!$]")
_BRACED = regular(r"[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[?#@*!$-]")
_JOINT = regular(r"\\\n")
_INDIRECT = regular(r"!(?=[A-Za-z0-9_#?@*!])")
_COUNT = regular(r"#(?:[-:}=?+%/]|#|@[A-Za-z]\})")  # `${#…}` that begins with the name #
_OPERATOR = regular(r":[-=?+]|[-=?+]|##?|%%?|//|/#|/%|/|\^\^?|,,?|~~?|@[A-Za-z]|:")
_GLOB = regular(r"[*?]|\[")
_OPERAND = regular(r"[^$`\"'\\}{/]+")
TILDE = regular(r"~([A-Za-z0-9_.+-]*)(?=[/:}]|\Z|[ \t\n|&;<>()])")
_SIGNS = regular(r"[*?\[\\(]")  # what a pattern would take for its own if it did not hear of the quotes
_NAMED = regular(r"[A-Za-z_]\w*=")
_SUM = regular(r"[^$`\"'\\()]+")


class Words(Place, ABC):
    """Reads words of `text`, whose first line has number `first`. `lenient`: what bash takes until it runs is taken, as
    scripts may count on it (a `${…}` or a `for` that means nothing); at the prompt a person hears of it at once."""

    lenient = False
    extended = True  # ?( … ) and its kin are patterns
    listing = False  # the elements of an array are read: no ~ behind `name=`
    posix = False  # `set -o posix`: a ' in a "${x-…}" is a letter only, a ~ behind `name=` in a word stays

    def blanks(self) -> None:
        self.pos = BLANK.match(self.text, self.pos).end()  # type: ignore[union-attr]
        if self.continued:
            self.join()

    @abstractmethod
    def substitution(self, opened: int) -> Node:
        """The commands up to the `)` that ends them; `pos` is behind it afterwards."""

    @abstractmethod
    def nested(self, text: str, opened: int) -> Node:
        """The commands of a text that was cut out (backquotes)."""

    # words

    def word(self, value: bool = False) -> AnyWord:
        """One word. In an assignment's `value` a ~ counts behind each `:` too, and braces stay."""
        start = self.pos
        parts: list[Part] = []
        globs = braces = False
        while self.pos < self.size:
            text = self.text
            char = text[self.pos]
            match = _PIECE.match(text, self.pos)
            if match is not None:
                piece = match[0]
                self.pos = match.end()
                if "~" in piece:
                    piece = self._tilde(parts, piece, self.pos - len(piece), start, value)
                if piece:
                    parts.append(("text", piece, False))
                    globs = globs or _GLOB.search(piece) is not None
                    braces = braces or "{" in piece
                if piece[-1:] in ("?", "*", "+", "@", "!") and piece and text.startswith("(", self.pos):
                    if self.extended and self._extended(parts):
                        globs = True
            elif not self._quote(parts, char, False, start):
                break
        if len(parts) == 1 and parts[0][0] == "text" and not globs and not (braces and not value):
            if not parts[0][2] or not _SIGNS.search(parts[0][1]):
                return str(parts[0][1])
        return Word(parts or [("text", "", True)], globs, braces and not value)

    def _quote(self, parts: list[Part], char: str, double: bool, start: int) -> bool:
        """A quote, a `\\`, a `$` or a backquote outside of `"`. False: the word ends here."""
        text, size, pos = self.text, self.size, self.pos
        if char == "'":
            end = text.find("'", pos + 1)
            if end < 0:
                self.fault("the quote ' is never closed", pos, True)
            parts.append(("text", text[pos + 1 : end], True))
            self.pos = end + 1
        elif char == '"':
            self.pos = pos + 1
            self.double(parts, pos)
        elif char == "\\":
            if pos + 1 >= size and not self.lenient:
                self.fault("a \\ at the end has nothing to quote", pos, True)
            following = text[pos + 1 : pos + 2]
            if following != "\n":
                parts.append(("text", following or "\\", True))
            self.pos = min(pos + 2, size)
        elif char == "$":
            self.dollar(parts, False, pos == start)
        elif char == "`":
            self.backquote(parts, False)
        elif char in "<>" and text.startswith("(", pos + 1):
            self.pos = pos + 2
            parts.append(("proc", (char, self.substitution(pos)), False))
        else:
            return False
        return True

    def _tilde(self, parts: list[Part], piece: str, at: int, start: int, value: bool) -> str:
        """Take a leading ~NAME off a piece; in a value also the one behind a `:`. Answers the rest."""
        named = None if value or self.posix or self.listing else _NAMED.match(piece)
        if at == start and named is not None:
            parts.append(("text", named[0], False))
            piece, at, value = piece[named.end() :], at + named.end(), True
            start = at
        if at == start:
            match = TILDE.match(self.text, at)
            if match is not None:
                parts.append(("tilde", match[1], False))
                piece = piece[len(match[0]) :]
                at += len(match[0])
        while value and ":~" in piece:
            place = piece.index(":~") + 1
            match = TILDE.match(self.text, at + place)
            if match is None:
                break
            parts.append(("text", piece[:place], False))
            parts.append(("tilde", match[1], False))
            piece = piece[place + len(match[0]) :]
            at += place + len(match[0])
        return piece

    def _extended(self, parts: list[Part]) -> bool:
        """`@(a|b)` and its kin: the sign is the last letter of the part before. One part, its inside a word."""
        kind, before, quoted = parts[-1]
        if kind != "text" or quoted:
            return False
        opened = self.pos
        self.pos += 1
        inner: list[Part] = [("text", before[-1] + "(", False)]
        depth = 1
        while self.pos < self.size:
            char = self.text[self.pos]
            if char in "()":
                depth += 1 if char == "(" else -1
                inner.append(("text", char, False))
                self.pos += 1
                if not depth:
                    parts[-1] = ("text", before[:-1], False)
                    parts.append(("glob", Word(inner), False))
                    return True
            elif char == "\n" or not self._quote(inner, char, False, -1):
                inner.append(("text", char, False))
                self.pos += 1
        raise self.wrong(f"{before[-1]}( is never closed with )", opened, True)

    def double(self, parts: list[Part], opened: int, special: str = '$`"\\') -> None:
        """`"…"`, `pos` standing behind the first quote: only $ ` and \\ mean something inside; \\ quotes `special`."""
        before = len(parts)
        while self.pos < self.size:
            char = self.text[self.pos]
            match = _DOUBLE.match(self.text, self.pos)
            if match is not None:
                parts.append(("text", match[0], True))
                self.pos = match.end()
            elif char == '"':
                self.pos += 1
                if len(parts) == before:  # "" is a word, though an empty one
                    parts.append(("text", "", True))
                elif len(parts) > before + 1 and all(part[0] == "param" for part in parts[before:]):
                    if any("@" in (part[1].name, part[1].index) for part in parts[before:]):
                        for part in parts[before:]:
                            part[1].vanishes = True
                return
            elif not self._inside(parts, special):
                break
        self.fault('the quote " is never closed', opened, True)

    def _inside(self, parts: list[Part], special: str) -> bool:
        """`$`, a backquote or `\\` inside `"…"` or a here-document; False at the very end."""
        char, pos = self.text[self.pos], self.pos
        if char == "$":
            self.dollar(parts, True, False)
        elif char == "`":
            self.backquote(parts, True, '"' in special or special == ANY)
        elif pos + 1 < self.size:
            following = self.text[pos + 1]
            if following != "\n":
                taken = special == ANY or following in special
                parts.append(("text", following if taken else "\\" + following, True))
            self.pos = pos + 2
        elif special == "$`\\":  # a here-document may end so
            parts.append(("text", "\\", True))
            self.pos = pos + 1
        else:
            return False
        return True

    def body(self) -> AnyWord:
        """The whole text as a here-document's."""
        parts: list[Part] = []
        while self.pos < self.size:
            match = _BODY.match(self.text, self.pos)
            if match is not None:
                parts.append(("text", match[0], True))
                self.pos = match.end()
            else:
                self._inside(parts, "$`\\")
        return Word(parts or [("text", "", True)])

    def backquote(self, parts: list[Part], quoted: bool, strips: bool = False) -> None:
        """`` `…` ``: `\\` quotes only $ ` and \\ (and `"` where it `strips` them); what comes out is parsed."""
        text, opened = self.text, self.pos
        pos, inside = opened + 1, list[str]()
        while pos < self.size:
            char = text[pos]
            if char == "`":
                self.pos = pos + 1
                parts.append(("run", self.nested("".join(inside), opened), quoted))
                return
            joint = _JOINT.match(text, pos)
            if joint is not None:  # bash reads on before it knows of quotes inside
                pos = joint.end()
            elif char == "\\" and pos + 1 < self.size:
                following = text[pos + 1]
                inside.append(following if following in ('$`\\"' if strips else "$`\\") else "\\" + following)
                pos += 2
            else:
                inside.append(char)
                pos += 1
        self.fault("` is never closed", opened, True)

    # $

    def dollar(self, parts: list[Part], quoted: bool, first: bool) -> None:
        """What follows a `$`: a name, a number, a sign, `{…}`, `(…)`, `((…))`, quotes, or nothing (the last value)."""
        self.join()
        text, pos = self.text, self.pos
        following = text[pos + 1 : pos + 2]
        if following == "(":
            if text.startswith("((", pos + 1) and self._sum(parts, quoted):
                return
            self.pos = pos + 2
            parts.append(("run", self.substitution(pos), quoted))
        elif following == "{":
            self._braced(parts, quoted)
        elif following == "'" and not quoted:
            parts.append(("text", self.ansi(False), True))
        elif following == '"' and not quoted:
            self.pos = pos + 2
            self.double(parts, pos + 1)
        elif following == "[":
            self.pos = pos + 2
            parts.append(("sum", self._bracketed(pos), quoted))
        elif following == "-" and not (first and re.match(r"[0-9A-Za-z$]", text[pos + 2 : pos + 3])):
            parts.append(("param", Param("-", bare=True), quoted))
            self.pos = pos + 2
        else:
            match = _VARIABLE.match(text, pos + 1)
            if match is not None:
                parts.append(("param", Param(match[0], bare=True), quoted))
                self.pos = match.end()
            elif first and (pos + 1 >= self.size or following in " \t\n|&;<>()+-"):
                parts.append(("param", Param("", bare=True), quoted))
                self.pos = pos + 1
            else:
                parts.append(("text", "$", True))
                self.pos = pos + 1

    def _bracketed(self, opened: int) -> AnyWord:
        """The inside of `$[ … ]`, which is an older `$(( … ))`."""
        inner: list[Part] = []
        depth = 1
        while self.pos < self.size:
            char = self.text[self.pos]
            if char in "$`\"\\":
                self._dollar_or_quote(inner, char)
                continue
            self.pos += 1
            depth += (char == "[") - (char == "]")
            if not depth:
                return Word(inner)
            inner.append(("text", char, True))
        raise self.wrong("$[ is never closed with ]", opened, True)

    def ansi(self, bare: bool) -> str:
        """What `$'…'` stands for, `pos` standing on the `$`. `bare`: within quotes, where it is not quoted anew."""
        pos = begun = self.pos + 2
        while pos < self.size:
            if self.text[pos] == "'":
                self.pos = pos + 1
                return ansi_c(self.text[begun:pos])
            pos += 2 if self.text[pos] == "\\" else 1
        raise self.wrong("the quote $' is never closed", begun - 2, True)

    def _sum(self, parts: list[Part], quoted: bool) -> bool:
        """`$(( … ))` as a word to add up. False: it is a `$( ( … ) )`."""
        opened = self.pos
        self.pos += 3
        inner = self.expression()
        if inner is None:
            if self.pos >= self.size:
                self.fault("$(( is never closed with ))", opened, True)
            self.pos = opened
            return False
        parts.append(("sum", inner, quoted))
        return True

    def expression(self) -> AnyWord | None:
        """Arithmetic up to its `))`, `pos` behind it then. None: one of the ) stands alone, or the text ends."""
        inner, depth = list[Part](), 0
        while self.pos < self.size:
            text = self.text
            match = _SUM.match(text, self.pos)
            if match is not None:
                inner.append(("text", match[0], True))
                self.pos = match.end()
                continue
            char = text[self.pos]
            if char == ")" and not depth:
                self.join()
                if not self.text.startswith("))", self.pos):
                    return None
                self.pos += 2
                if all(part[0] == "text" for part in inner):
                    return "".join(part[1] for part in inner)
                return Word(inner)
            if char in "()":
                depth += 1 if char == "(" else -1
                inner.append(("text", char, True))
                self.pos += 1
            elif char == "$":
                self.dollar(inner, True, text[self.pos - 1] in " (+-*/%")
            elif char == "'":
                inner.append(("text", char, True))
                self.pos += 1
            else:
                self._quote(inner, char, False, -1)
        return None

    # ${ … }

    def _braced(self, parts: list[Part], quoted: bool) -> None:
        """`${…}`. In a script one that means nothing is an error when it is expanded; one without end at once."""
        opened, before = self.pos, len(parts)
        try:
            self._parameter(parts, quoted)
        except Incomplete:
            raise
        except SyntaxFault as fault:
            end = self._end_of_bad(opened)
            if end < 0 or not self.lenient:
                raise
            del parts[before:]
            self.pos = end
            parts.append(("bad", (self.text[opened:end], fault.message), quoted))

    def _end_of_bad(self, opened: int) -> int:
        """Behind the } of a `${…}`; -1 if there is none on its line."""
        depth, pos = 0, opened
        while pos < self.size and self.text[pos] != "\n":
            char = self.text[pos]
            depth += (char == "{") - (char == "}")
            pos += 2 if char == "\\" else 1
            if char == "}" and not depth:
                return pos
        return -1

    def _parameter(self, parts: list[Part], quoted: bool) -> None:
        """`${…}` of every kind."""
        text, opened = self.text, self.pos
        self.pos += 2
        length = text.startswith("#", self.pos) and not _COUNT.match(text, self.pos)
        length = length or re.match(r"#[-#?]\}", text[self.pos : self.pos + 3]) is not None
        indirect = not length and _INDIRECT.match(text, self.pos) is not None
        self.pos += length or indirect
        match = _BRACED.match(text, self.pos)
        if match is None:
            self.fault("${ needs a name and }", opened, "}" not in text[self.pos :])
        self.pos = match.end()
        param = Param(match[0], indirect=indirect)
        if text.startswith("[", self.pos):
            param.index = self.index()
        text = self.text
        if length:
            param.op = "len"
        elif indirect and re.match(r"[*@]\}", text[self.pos : self.pos + 2]):
            param.op, param.indirect = "names", False
            param.index = text[self.pos]
            self.pos += 1
        elif indirect and param.index in ("@", "*") and text.startswith("}", self.pos):
            param.op, param.indirect = "keys", False
        elif not text.startswith("}", self.pos):
            self._operation(param, quoted, opened)
        if self.pos >= self.size:
            self.fault("${ is never closed with }", opened, True)
        if self.text[self.pos] != "}":
            self.fault(f"'{self.text[self.pos]}' cannot stand in ${{…}}: }} is expected", self.pos)
        self.pos += 1
        parts.append(("param", param, quoted))

    def _operation(self, param: Param, quoted: bool, opened: int) -> None:
        text = self.text
        match = _OPERATOR.match(text, self.pos)
        if match is None:
            if self.pos >= self.size:
                self.fault("${ is never closed with }", opened, True)
            self.fault(f"'{text[self.pos]}' is no operator of ${{…}}", self.pos)
        param.op = match[0]
        self.pos = match.end()
        if param.op[0] == "@":
            return
        if param.op == ":":
            if text.startswith("}", self.pos):
                self.fault("${…:} needs a number behind the :", opened)
            param.arg = self._offset(opened)
            if self.text.startswith(":", self.pos):
                self.pos += 1
                param.other = self._offset(opened)
        elif param.op[0] == "/":
            if param.op == "/" and text.startswith("/", self.pos):
                param.op = "//"
                self.pos += 1
            param.arg = self._operand(False, opened, "/}", first=param.op in ("/", "//"))
            if self.text.startswith("/", self.pos):
                self.pos += 1
                param.other = self._operand(False, opened, "}", pattern=True)
        else:
            plain = param.op[-1] in "-=?+"
            param.arg = self._operand(quoted and plain, opened, "}", pattern=not plain)

    def _operand(
        self, quoted: bool, opened: int, ends: str, pattern: bool = False, first: bool = False
    ) -> AnyWord:  # fmt: skip
        """What follows an operator, up to one of `ends` outside of quotes. Inside `"` a ' is a letter, but between two
        of them no } counts."""
        start = self.pos
        parts: list[Part] = []
        between = False
        while self.pos < self.size:
            text = self.text
            char = text[self.pos]
            if char in ends and not between and not (first and self.pos == start and char == "/"):
                return Word(parts, True)
            match = _OPERAND.match(text, self.pos)
            if match is not None:
                piece = match[0]
                self.pos = match.end()
                if self.pos - len(piece) == start and not quoted and piece[0] == "~":
                    piece = self._tilde(parts, piece, start, start, False)
                if piece:
                    parts.append(("text", piece, quoted))
            elif char in "{}/":
                parts.append(("text", char, quoted))
                self.pos += 1
            elif char == "'" and quoted:
                parts.append(("text", char, True))
                self.pos += 1
                between = not between and not self.posix
            elif quoted and char == "\\":
                following = text[self.pos + 1 : self.pos + 2]
                if following != "\n":
                    parts.append(("text", following if following in '$`"\\}' else "\\" + following, True))
                self.pos += 2
            elif quoted and text.startswith("$'", self.pos):
                parts.append(("text", self.ansi(True), True))
            elif quoted and char == '"':  # quotes in quotes: a \ quotes any letter
                self.pos += 1
                self.double(parts, self.pos - 1, ANY)
            elif quoted and char == "$":
                self.dollar(parts, True, False)
            elif quoted and char == "`":
                self.backquote(parts, True, True)
            else:
                self._quote(parts, char, False, -1)
        raise self.wrong("the quote ' is never closed" if between else "${ is never closed with }", opened, True)

    def _offset(self, opened: int) -> AnyWord:
        """An expression up to `:` or `}`; `? :` and parentheses may stand in it."""
        inner: list[Part] = []
        depth = questions = 0
        while self.pos < self.size:
            char = self.text[self.pos]
            if not depth and (char == "}" or (char == ":" and not questions)):
                return "".join(part[1] for part in inner) if all(p[0] == "text" for p in inner) else Word(inner)
            if char in "$`\"\\":
                self._dollar_or_quote(inner, char)
                continue
            depth += (char in "([") - (char in ")]")
            questions += (char == "?") - (char == ":")
            inner.append(("text", char, True))
            self.pos += 1
        raise self.wrong("${ is never closed with }", opened, True)

    def _dollar_or_quote(self, parts: list[Part], char: str) -> None:
        if char == "$":
            self.dollar(parts, True, False)
        else:
            self._quote(parts, char, False, -1)

    def index(self) -> AnyWord:
        """`[…]` behind a name, `pos` standing on the `[`: "@", "*" or a word; behind the `]` afterwards."""
        opened = self.pos
        self.pos += 1
        parts: list[Part] = []
        depth = 0
        while self.pos < self.size:
            char = self.text[self.pos]
            if char == "]" and not depth:
                self.pos += 1
                if all(part[0] == "text" and not part[2] for part in parts):
                    return "".join(part[1] for part in parts)
                return Word(parts)
            if char in "$`\"'\\":
                self._quote(parts, char, False, -1)
                continue
            depth += (char == "[") - (char == "]")
            parts.append(("text", char, False))
            self.pos += 1
        raise self.wrong("[ is never closed with ]", opened, True)
