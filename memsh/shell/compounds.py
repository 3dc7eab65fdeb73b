"""if, while, for, case, functions: compound commands (bash: parse.y)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from memsh.lazy import regular
from memsh.shell.assigning import Assigning
from memsh.shell.conditional import Conditional
from memsh.shell.heredocs import Heredocs
from memsh.shell.syntax import AnyWord, Case, CFor, Cond, Coproc, For, Function, Group, If, Node, Select, While, Word

OPENING = frozenset(["if", "for", "select", "while", "until", "case", "{", "!", "[[", "function", "coproc"])
COMPOUND = OPENING - {"!", "function", "coproc"}

_KEYWORD = regular(r"in(?=[ \t\n|&;()<>]|\Z)")
_ENDS = regular(r"[ \t\n|&;()<>]|\Z")
_FUNCTION_NAME = regular(r"[^\s|&;<>()]+")
_EMPTY = regular(r"[ \t]*\([ \t]*\)")


class Compounds(Conditional, Heredocs, Assigning):
    """The part of the parser that reads what stands behind a reserved word. `opened` is where that stands."""

    if TYPE_CHECKING:

        def series(self, closing: str, *stops: str) -> Node: ...
        def command(self) -> Node: ...
        def keyword(self) -> str: ...
        def gap(self) -> None: ...
        def newlines(self) -> None: ...
        def expect(self, word: str, opener: str, opened: int) -> None: ...
        def unexpected(self, expected: str) -> NoReturn: ...

    def _brace(self, opened: int) -> Node:
        body = self.series("", "}")
        self.expect("}", "{", opened)
        return Group(body, False)

    def _then(self, opener: str, opened: int, word: str, *stops: str) -> Node:
        """`then …`, `do …` up to one of the stops, which is left standing."""
        self.expect(word, opener, opened)
        return self._body(opener, opened, *stops)

    def _body(self, opener: str, opened: int, *stops: str) -> Node:
        body = self.series("", *stops)
        if self.pos >= self.size:
            self.fault(f"{opener} is not finished: {stops[-1]} is missing", opened, True)
        return body

    def _if(self, opened: int) -> Node:
        branches: list[tuple[Node, Node]] = []
        otherwise = None
        while True:
            condition = self._body("if", opened, "then")
            branches.append((condition, self._then("if", opened, "then", "elif", "else", "fi")))
            word = self.keyword()
            self.pos += len(word)
            if word != "elif":
                break
        if word == "else":
            otherwise = self._body("if", opened, "fi")
            self.expect("fi", "if", opened)
        return If(branches, otherwise)

    def _while(self, opened: int) -> Node:
        word = self.text[opened : self.pos]
        condition = self._body(word, opened, "do")
        body = self._then(word, opened, "do", "done")
        self.expect("done", word, opened)
        return While(condition, body, word == "until")

    def _for(self, opened: int) -> Node:
        word = self.text[opened : self.pos]
        self.blanks()
        if self.text.startswith("((", self.pos) and word == "for":
            return self._c_for(opened)
        match = _FUNCTION_NAME.match(self.text, self.pos)
        if match is None or not _ENDS.match(self.text, match.end()) or not (self.lenient or match[0].isidentifier()):
            if self.pos >= self.size:
                self.fault(f"{word} is not finished: a name is missing", opened, True)
            self.unexpected("a variable's name")
        self.pos = match.end()
        words: list[AnyWord] | None = None
        self.newlines()
        if _KEYWORD.match(self.text, self.pos):
            self.pos += 2
            words = []
            while self._more():
                words.append(self.word())
        end = self.pos
        self._separator()
        node = (Select if word == "select" else For)(match[0], words, self._loop_body(word, opened))
        node.written(self.text, end)
        return node

    def _more(self) -> bool:
        """Whether another word stands on this line."""
        self.gap()
        if self.pos >= self.size or self.text[self.pos] in "\n;|&)":
            return False
        if self.text[self.pos] in "<>(" and not self.text.startswith(("<(", ">("), self.pos):
            self.unexpected("a word or do")
        return True

    def _separator(self) -> None:
        self.gap()
        if self.text.startswith(";", self.pos):
            self.pos += 1

    def _loop_body(self, word: str, opened: int) -> Node:
        self.newlines()
        if self.keyword() == "{":
            at = self.pos
            self.pos += 1
            return self._brace(at)
        body = self._then(word, opened, "do", "done")
        self.expect("done", word, opened)
        return body

    def _c_for(self, opened: int) -> Node:
        self.pos += 2
        inner = self.expression()
        if inner is None:
            self.fault("for (( is never closed with ))", opened, self.pos >= self.size)
        three = _three(inner)
        if three is None:
            self.fault("for (( … )) needs three expressions with ; between them", opened)
        end = self.pos
        self._separator()
        node = CFor(three[0], three[1], three[2], self._loop_body("for", opened))
        node.written(self.text, end)
        return node

    def _case(self, opened: int) -> Node:
        self.blanks()
        if self.pos >= self.size:
            self.fault("case is not finished: a word is missing", opened, True)
        word = self.word()
        self._in(opened)
        end = self.pos
        items: list[tuple[list[AnyWord], Node | None, str]] = []
        while True:
            self.newlines()
            if self.pos >= self.size:
                self.fault("case is not finished: esac is missing", opened, True)
            if self.keyword() == "esac":
                self.pos += 4
                node = Case(word, items)
                node.written(self.text, end)
                return node
            items.append(self._item(opened))

    def _in(self, opened: int) -> None:
        self.newlines()
        if self.pos >= self.size:
            self.fault("case is not finished: in is missing", opened, True)
        if not (self.text.startswith("in", self.pos) and _ENDS.match(self.text, self.pos + 2)):
            self.unexpected("in")
        self.pos += 2

    def _item(self, opened: int) -> tuple[list[AnyWord], Node | None, str]:
        """One `pattern | pattern) …;;`."""
        if self.text.startswith("(", self.pos):
            self.pos += 1
            self.blanks()
        patterns: list[AnyWord] = []
        while True:
            if self.pos >= self.size:
                self.fault("case is not finished: esac is missing", opened, True)
            if self.text[self.pos] in "|&;()<>\n":
                self.unexpected("a pattern")
            patterns.append(self.word())
            self.blanks()
            if self.text.startswith("|", self.pos):
                self.pos += 1
                self.blanks()
                continue
            break
        if self.pos >= self.size:
            self.fault("case is not finished: esac is missing", opened, True)
        if self.text[self.pos] != ")":
            self.unexpected(") or |")
        self.pos += 1
        self.newlines()
        body: Node | None = None
        if self.pos < self.size and not self.text.startswith((";;", ";&"), self.pos) and self.keyword() != "esac":
            body = self.series(";;", "esac")
        if self.pos >= self.size:
            self.fault("case is not finished: esac is missing", opened, True)
        for ending in (";;&", ";;", ";&"):
            if self.text.startswith(ending, self.pos):
                self.pos += len(ending)
                return patterns, body, ending
        return patterns, body, ";;"

    def _condition(self, opened: int) -> Node:
        node = Cond(self.condition(opened))
        node.written(self.text, self.pos)
        return node

    def _coproc(self, opened: int) -> Node:
        """A name stands only before a compound command."""
        self.blanks()
        begun = self.pos
        name: AnyWord = "COPROC"
        if not self._compound() and self.pos < self.size and self.text[self.pos] not in "|&;()<>\n":
            word = self.word()
            self.blanks()
            if self._compound():
                name, begun = word, self.pos
        self.pos = begun
        node = Coproc(name, self.command())
        node.at(self.line_of(opened), opened)
        node.written(self.text, self.pos)
        return node

    def _compound(self) -> bool:
        return self.text.startswith("(", self.pos) or self.keyword() in COMPOUND

    # functions

    def _function_word(self, opened: int) -> Node:
        self.pos = opened + len("function")
        self.blanks()
        match = _FUNCTION_NAME.match(self.text, self.pos)
        if match is None:
            self.unexpected("a function's name")
        end = match.end()
        empty = _EMPTY.match(self.text, end)
        return self._function(match[0], empty.end() if empty else end, opened)

    def _function(self, name: str, pos: int, opened: int) -> Node:
        self.pos = pos
        self.newlines()
        if self.pos >= self.size:
            self.fault(f"{name}() is not finished: its body is missing", opened, True)
        if self.text[self.pos] != "(" and self.keyword() not in COMPOUND:
            self.unexpected("{ or another compound command")
        body = self.command()
        node = Function(name, body, self.text[opened : self.pos])
        node.at(self.line_of(opened), opened)
        return node


def _three(inner: AnyWord) -> list[AnyWord] | None:
    """The three expressions of a `for (( ; ; ))`."""
    if isinstance(inner, str):
        cut = [one if one.strip() else "" for one in inner.split(";")]
        return [*cut] if len(cut) == 3 else None
    found: list[Word] = [Word([])]
    for kind, content, quoted in inner.parts:
        if kind != "text":
            found[-1].parts.append((kind, content, quoted))
            continue
        for number, piece in enumerate(content.split(";")):
            if number:
                found.append(Word([]))
            found[-1].parts.append(("text", piece, quoted))
    return [one if any(kind != "text" or text.strip() for kind, text, _ in one.parts) else "" for one in found] \
        if len(found) == 3 else None  # fmt: skip
