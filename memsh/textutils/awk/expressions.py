"""The expressions of awk's grammar, and the tokens that they are read from.

A tree is a tuple that begins with its kind: num str ere var item field group assign cond and or in match cmp cat bin
neg pos not step call builtin getline.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from memsh.digits import is_digits
from memsh.textutils.awk.lexer import EACH, AwkError, Lexer, Token, odd_escapes
from memsh.textutils.awk.values import as_double
from memsh.textutils.regexp import RegexpError, compiled

Tree = tuple[Any, ...]
_COMPARE = ("<", "<=", "==", "!=", ">", ">=")
_ASSIGN = ("=", "+=", "-=", "*=", "/=", "%=", "^=")
_STARTS = frozenset(["number", "string", "ere", "name", "called", "builtin", "$", "!", "(", "-", "+", "++", "--", "@"])
_NO_CONCAT = frozenset(["-", "+", "ere"])
DEEPEST = 200
COUNTS = {
    "atan2": (2, 2), "close": (1, 2), "compl": (1, 1), "cos": (1, 1), "exp": (1, 1), "fflush": (0, 1),
    "gensub": (3, 4), "gsub": (2, 3), "index": (2, 2), "int": (1, 1), "isarray": (1, 1), "length": (0, 1),
    "log": (1, 1), "lshift": (2, 2), "match": (2, 3), "mktime": (1, 2), "patsplit": (2, 4), "rand": (0, 0),
    "rshift": (2, 2), "sin": (1, 1), "split": (2, 4), "sprintf": (1, 999), "sqrt": (1, 1), "srand": (0, 1),
    "strftime": (0, 3), "strtonum": (1, 1), "sub": (2, 3), "substr": (2, 3), "system": (1, 1), "systime": (0, 0),
    "tolower": (1, 1), "toupper": (1, 1), "typeof": (1, 1), "asort": (1, 3), "asorti": (1, 3), "and": (2, 999),
    "or": (2, 999), "xor": (2, 999), "mkbool": (1, 1), "bindtextdomain": (1, 2), "dcgettext": (1, 3),
    "dcngettext": (3, 5),
}  # fmt: skip


class ExpressionParser:
    """Reads one program's tokens: expressions."""

    def __init__(self, text: str, where: str, heed: Callable[[], None]) -> None:
        self.where = where
        self.heed = heed
        lexer = Lexer(text, where, heed)
        self.stream = lexer.tokens()
        self.warnings = lexer.warnings
        self.odd: set[str] = set()  # escapes of regular expressions that were warned about
        self.place = 0
        self.token = self.stream[0]
        self.depth = 0
        self.size = len(text)
        self.params: list[str] = []  # of the function that is read
        self.names: dict[str, None] = {}  # global variables, as they appear

    def wrong(self, message: str = "", token: Token | None = None, gnu: str = "syntax error") -> NoReturn:
        """A fault at a token, in short and in gawk's words."""
        token = token or self.token
        message = message or "Unexpected token"
        raise AwkError(self.where, token.line, message, 1, gnu, token.at)

    def refuse(self, message: str, gnu: str, line: int, status: int = 1) -> NoReturn:
        """A fault of the program that is none of its grammar."""
        raise AwkError(self.where, line, message or gnu, status, gnu)

    # tokens

    def take(self) -> Token:
        token = self.token
        self.place += 1
        if not self.place % EACH:
            self.heed()
        self.token = self.stream[min(self.place, len(self.stream) - 1)]
        return token

    def accept(self, kind: str) -> bool:
        if self.token.kind == kind:
            self.take()
            return True
        return False

    def expect(self, kind: str) -> Token:
        if self.token.kind != kind:
            self.wrong()
        return self.take()

    def skip_newlines(self) -> None:
        while self.token.kind == "newline":
            self.take()

    def skip_ends(self) -> None:
        while self.token.kind in ("newline", ";"):
            self.take()

    # expressions

    def expressions(self, no_greater: bool = False) -> list[Tree]:
        found = [self.expression(no_greater)]
        while self.accept(","):
            self.skip_newlines()
            found.append(self.expression(no_greater))
        return found

    def expression(self, no_greater: bool = False) -> Tree:
        self.depth += 1
        if self.depth > DEEPEST:
            self.wrong("nested too deeply")
        tree = self.ternary(no_greater)
        if self.token.kind in _ASSIGN and tree[0] in ("var", "item", "field"):
            operator = self.take().kind
            self.skip_newlines()
            tree = ("assign", operator, tree, self.expression(no_greater))
        self.depth -= 1
        return tree

    def ternary(self, no_greater: bool) -> Tree:
        condition = self.disjunction(no_greater)
        if not self.accept("?"):
            return condition
        self.skip_newlines()
        yes = self.expression(no_greater)
        self.skip_newlines()
        self.expect(":")
        self.skip_newlines()
        return ("cond", condition, yes, self.expression(no_greater))

    def disjunction(self, no_greater: bool) -> Tree:
        left = self.conjunction(no_greater)
        while self.accept("||"):
            self.skip_newlines()
            left = ("or", left, self.conjunction(no_greater))
        return left

    def conjunction(self, no_greater: bool) -> Tree:
        left = self.membership(no_greater)
        while self.accept("&&"):
            self.skip_newlines()
            left = ("and", left, self._assigned(self.membership(no_greater), no_greater))
        return left

    def _assigned(self, tree: Tree, no_greater: bool) -> Tree:
        """`a && b = 1`: what is on the right of an operator may be an assignment, as in gawk."""
        if self.token.kind in _ASSIGN and tree[0] in ("var", "item", "field"):
            return ("assign", self.take().kind, tree, self.expression(no_greater))
        return tree

    def membership(self, no_greater: bool) -> Tree:
        left = self.matching(no_greater)
        while self.accept("in"):
            keys = left[1] if left[0] == "group" else [left]
            left = ("in", keys, self.array())
        return left

    def matching(self, no_greater: bool) -> Tree:
        left = self.comparison(no_greater)
        while self.token.kind in ("~", "!~"):
            negate = self.take().kind == "!~"
            left = ("match", negate, left, self._assigned(self.comparison(no_greater), no_greater))
        return left

    def comparison(self, no_greater: bool) -> Tree:
        left = self.concatenation(no_greater)
        if self.token.kind in _COMPARE and not (no_greater and self.token.kind == ">"):
            operator = self.take().kind
            left = ("cmp", operator, left, self._assigned(self.concatenation(no_greater), no_greater))
            if self.token.kind in _COMPARE and not (no_greater and self.token.kind == ">"):
                self.wrong()
        return left

    def concatenation(self, no_greater: bool = False) -> Tree:
        left = self.additive()
        parts = [left]
        while True:
            kind = self.token.kind
            if kind in _STARTS and kind not in _NO_CONCAT:
                parts.append(self.additive())
            elif kind in ("|", "|&") and self.stream[self.place + 1].kind == "getline":
                self.take()
                self.take()
                command = parts[0] if len(parts) == 1 else ("cat", parts)
                parts = [self._sum_from(("getline", kind, command, self.optional_target()))]
            else:
                return parts[0] if len(parts) == 1 else ("cat", parts)

    def _sum_from(self, left: Tree) -> Tree:
        """What is reckoned with the answer of `COMMAND | getline`: `"date" | getline x + 1`."""
        if self.accept("^"):
            left = ("bin", "^", left, self.power())
        return self.additive(self.term(left))

    def additive(self, begun: Tree | None = None) -> Tree:
        left = begun or self.term()
        while self.token.kind in ("+", "-"):
            left = ("bin", self.take().kind, left, self.term())
        return left

    def term(self, begun: Tree | None = None) -> Tree:
        left = begun or self.unary()
        while self.token.kind in ("*", "/", "%"):
            operator = self.take()
            left = ("bin", operator.kind, left, self.unary())
            if left[3] == ("num", 0.0) and operator.kind != "*":
                beyond = " in `%'" if operator.kind == "%" else ""
                self.refuse("", f"error: division by zero attempted{beyond}", operator.line)
        return left

    def unary(self) -> Tree:
        kind = self.token.kind
        if kind in ("!", "-", "+"):
            self.depth += 1
            if self.depth > DEEPEST:
                self.wrong("nested too deeply")
            self.take()
            inner = self.unary()
            self.depth -= 1
            return ({"!": "not", "-": "neg", "+": "pos"}[kind], inner)
        return self.power()

    def power(self) -> Tree:
        left = self.postfix()
        if not self.accept("^"):
            return left
        if self.token.kind in ("-", "+", "!"):
            return ("bin", "^", left, self.unary())
        return ("bin", "^", left, self.power())

    def postfix(self) -> Tree:
        tree = self.primary()
        if tree[0] in ("var", "item", "field") and self.token.kind in ("++", "--"):
            mark = self.take().kind
            if tree[0] == "field" and self.token.kind in _ASSIGN:
                self.take()
                self.expression()
                what = "increment" if mark == "++" else "decrement"
                self.wrong(gnu=f"cannot assign a value to the result of a field post-{what} expression")
            return ("step", False, 1.0 if mark == "++" else -1.0, tree)
        return tree

    def primary(self) -> Tree:
        token = self.token
        kind = token.kind
        if kind == "number":
            self.take()
            return ("num", _constant(token.text))
        if kind == "string":
            self.take()
            return ("str", token.text)
        if kind == "ere":
            self.take()
            try:
                compiled(token.text, "awk")
            except RegexpError as error:
                self.refuse("", f"error: {error.message}: /{token.text}/", token.line)
            for warning in odd_escapes(token.text, self.odd):
                self.warnings.append(f"{self.where}:{token.line}: warning: {warning}")
            return ("ere", token.text)
        if kind == "$":
            self.take()
            if self.token.kind in ("++", "--", "-", "+", "!"):
                return ("field", self.unary())
            inner = self.primary()
            if inner[0] == "field" and self.token.kind in ("++", "--"):  # $$a++ is $($a++)
                inner = ("step", False, 1.0 if self.take().kind == "++" else -1.0, inner)
            return ("field", inner)
        if kind in ("++", "--"):
            self.take()
            target = self.primary()
            if target[0] not in ("var", "item", "field"):
                self.wrong()
            return ("step", True, 1.0 if kind == "++" else -1.0, target)
        if kind == "(":
            return self.group()
        if kind == "name":
            return self.primary_name()
        if kind == "called":
            self.take()
            return ("call", token.text, self.handed(token), f"{self.where}:{token.line}")
        if kind == "builtin":
            return self.builtin()
        if kind == "@":
            self.take()
            if self.token.kind == "ere":
                return ("strong", self.take().text)
            if self.token.kind == "called":
                name = self.take()
                return ("icall", self.named(name.text), self.handed(name), f"{self.where}:{name.line}")
            return self.wrong()
        if kind == "getline":
            self.take()
            variable = self.optional_target()
            if self.accept("<"):
                return ("getline", "<", self.primary(), variable)
            return ("getline", "", None, variable)
        return self.wrong()

    def group(self) -> Tree:
        self.take()
        self.skip_newlines()
        if self.accept(")"):
            return ("group", [])
        found = self.expressions()
        self.skip_newlines()
        self.expect(")")
        if len(found) > 1:
            return ("group", found)
        return ("paren", found[0])

    def primary_name(self) -> Tree:
        tree: Tree = ("var", self.named(self.expect("name").text))
        while self.token.kind == "[":
            self.take()
            keys = self.expressions()
            self.expect("]")
            tree = ("item", tree, keys)
        return tree

    def named(self, name: str) -> str:
        if name not in self.params:
            self.names[name] = None
        return name

    def array(self) -> Tree:
        return self.primary_name()

    def optional_target(self) -> Tree | None:
        if self.token.kind == "$":
            return self.primary()
        return self.primary_name() if self.token.kind == "name" else None

    def arguments(self) -> list[Tree]:
        self.expect("(")
        self.skip_newlines()
        if self.accept(")"):
            return []
        found = self.expressions()
        self.skip_newlines()
        self.expect(")")
        return found

    def handed(self, token: Token) -> list[Tree]:
        """The arguments of a call whose function takes values: a regular expression is whether $0 matches it."""
        given = self.arguments()
        for at, tree in enumerate(given, 1):
            if tree[0] == "ere":
                wrong = f"regexp constant for parameter #{at} yields boolean value"
                self.warnings.append(f"{self.where}:{token.line}: warning: {wrong}")
        return [("pos", tree) if tree[0] == "ere" else tree for tree in given]

    def _counted(self, name: str, count: int) -> None:
        """Refuse a call with too few or too many arguments, at its closing parenthesis."""
        fewest, most = COUNTS[name]
        if fewest <= count <= most:
            return
        if name in ("and", "or", "xor"):
            gnu = f"fatal: {name}: called with less than two arguments"
            self.refuse(gnu, gnu, self.token.line, 2)
        closing = self.stream[self.place - 1]
        self.wrong("Too few arguments" if count < fewest else "Too many arguments", closing,
                   f"{count} is invalid as number of arguments for {name}")  # fmt: skip

    def builtin(self) -> Tree:
        token = self.take()
        if self.token.kind == "(":
            given = self.arguments()
            self._counted(token.text, len(given))
            return ("builtin", token.text, given, f"{self.where}:{token.line}")
        if token.text != "length":
            self.wrong()
        return ("builtin", "length", [], f"{self.where}:{token.line}")


def _constant(text: str) -> float:
    """A number as gawk's programs spell it: hexadecimal and octal too."""
    if text[:2] in ("0x", "0X"):
        return as_double(text, 16)
    if len(text) > 1 and text[0] == "0" and is_digits(text) and not set(text) & {"8", "9"}:
        return as_double(text, 8)
    return float(text)
