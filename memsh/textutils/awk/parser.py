"""awk's grammar: tokens to a tree (IEEE Std 1003.1, awk, "Grammar"; with what gawk adds).

A tree is a tuple that begins with its kind. Expressions: num str ere var item field group assign cond and or in match
cmp cat bin neg pos not step call builtin getline. Statements: block print expr if while do for forin switch delete next
nextfile exit return break continue.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

from memsh.textutils.awk.lexer import AwkError, Lexer, Token
from memsh.textutils.awk.values import as_double
from memsh.textutils.regexp import RegexpError, compiled

Tree = tuple[Any, ...]
_COMPARE = ("<", "<=", "==", "!=", ">", ">=")
_ASSIGN = ("=", "+=", "-=", "*=", "/=", "%=", "^=")
_STARTS = frozenset(["number", "string", "ere", "name", "called", "builtin", "$", "!", "(", "-", "+", "++", "--", "@"])
_NO_CONCAT = frozenset(["-", "+", "ere"])
DEEPEST = 200


class Function(NamedTuple):
    """A function of the program."""

    name: str
    params: list[str]
    body: Tree
    line: int
    where: str


class Rule(NamedTuple):
    """`kind` is BEGIN, END, BEGINFILE, ENDFILE, or main. An action that was left out is None; `place` is FILE:LINE."""

    kind: str
    pattern: Tree | None
    until: Tree | None
    action: Tree | None
    place: str


class Program(NamedTuple):
    rules: list[Rule]
    functions: dict[str, Function]



class Parser:
    """Reads one program's tokens."""

    def __init__(self, text: str, where: str, include: Callable[[str], Program]) -> None:
        self.where = where
        self.include = include  # the program in a file that @include names; OSError: there is none
        lexer = Lexer(text, where)
        self.stream = lexer.tokens()
        self.warnings = lexer.warnings
        self.place = 0
        self.token = self.stream[0]
        self.loops = 0
        self.depth = 0
        self.in_function = False
        self.kind = "main"  # of the rule that is read
        self.size = len(text)

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

    # the program

    def program(self) -> Program:
        rules: list[Rule] = []
        functions: dict[str, Function] = {}
        self.skip_ends()
        while self.token.kind != "end":
            if self.token.kind == "@" and self.stream[self.place + 1].kind == "name":
                self._directive(rules, functions)
            elif self.token.kind == "function":
                function = self.function()
                if function.name in functions:
                    gnu = f"error: function name `{function.name}' previously defined"
                    self.refuse(gnu, gnu, function.line)
                functions[function.name] = function
            else:
                rules.append(self.rule())
            if self.token.kind not in ("newline", ";", "end") and self.stream[self.place - 1].kind != "}":
                self.wrong()
            self.skip_ends()
        return Program(rules, functions)

    def _directive(self, rules: list[Rule], functions: dict[str, Function]) -> None:
        """@include "FILE"; @load and @namespace are refused."""
        self.take()
        word = self.take()
        if word.text != "include":
            if word.text in ("load", "namespace"):
                what = "there are no libraries to load" if word.text == "load" else "all names are in one space"
                self.refuse("", f"error: @{word.text} is not known here: {what}", word.line)
            self.wrong(token=word)
        name = self.expect("string").text
        try:
            found = self.include(name)
        except OSError as error:
            self.refuse("", f"error: cannot open source file `{name}' for reading: {error.strerror}", word.line)
        rules += found.rules
        for function in found.functions.values():
            if function.name in functions:
                self.refuse("", f"error: function name `{function.name}' previously defined", word.line)
        functions.update(found.functions)

    def function(self) -> Function:
        line = self.take().line
        if self.token.kind == "builtin":
            self.wrong(gnu=f"`{self.token.text}' is a built-in function, it cannot be redefined")
        if self.token.kind not in ("name", "called"):
            self.wrong()
        name = self.take().text
        self.expect("(")
        params: list[str] = []
        if self.token.kind != ")":
            while True:
                self.skip_newlines()
                params.append(self.expect("name").text)
                if not self.accept(","):
                    break
        self.expect(")")
        self.skip_newlines()
        self.in_function = True
        body = self.action()
        self.in_function = False
        return Function(name, params, body, line, self.where)

    def rule(self) -> Rule:
        if self.token.kind in ("BEGIN", "END", "BEGINFILE", "ENDFILE"):
            kind, place = self.token.kind, f"{self.where}:{self.token.line}"
            self.take()
            if self.token.kind == "newline":
                line = self.token.line + (self.token.at < self.size)
                self.refuse("Unexpected token", f"{kind} blocks must have an action part", line)
            if self.token.kind != "{":
                self.wrong()
            self.kind = kind
            action = self.action()
            self.kind = "main"
            return Rule(kind, None, None, action, place)
        pattern = until = None
        place = f"{self.where}:{self.token.line}"
        if self.token.kind != "{":
            pattern = self.expression()
            if self.accept(","):
                self.skip_newlines()
                until = self.expression()
        return Rule("main", pattern, until, self.action() if self.token.kind == "{" else None, place)

    # statements

    def action(self) -> Tree:
        self.expect("{")
        body: list[Tree] = []
        places: list[str] = []
        self.skip_ends()
        while self.token.kind != "}":
            if self.token.kind == "end":
                self.wrong("Unexpected end of program")
            places.append(f"{self.where}:{self.token.line}")
            body.append(self.statement())
            self.skip_ends()
        self.take()
        return ("block", body, places)

    def end_statement(self) -> None:
        if self.token.kind in (";", "newline"):
            self.take()
        elif self.token.kind not in ("}", "end"):
            self.wrong()

    def statement(self) -> Tree:
        self.depth += 1
        if self.depth > DEEPEST:
            self.wrong("nested too deeply")
        kind = self.token.kind
        method = getattr(self, f"s_{kind}", None) if kind.isalpha() else None
        if kind == "{":
            tree = self.action()
        elif method is not None:
            tree = method(self.take())
        else:
            tree = self.simple()
            self.end_statement()
        self.depth -= 1
        return tree

    def body(self) -> Tree:
        """The statement of an if or a loop: a lone `;` is an empty one."""
        self.skip_newlines()
        if self.accept(";"):
            return ("block", [], [])
        place = f"{self.where}:{self.token.line}"
        return ("block", [self.statement()], [place])

    def loop_body(self) -> Tree:
        self.loops += 1
        tree = self.body()
        self.loops -= 1
        return tree

    def s_if(self, _token: Token) -> Tree:
        self.expect("(")
        condition = self.expression()
        self.expect(")")
        yes = self.body()
        mark = self.place
        self.skip_ends()
        if self.accept("else"):
            return ("if", condition, yes, self.body())
        self.place = mark
        self.token = self.stream[mark]
        return ("if", condition, yes, None)

    def s_while(self, _token: Token) -> Tree:
        self.expect("(")
        condition = self.expression()
        self.expect(")")
        return ("while", condition, self.loop_body())

    def s_do(self, _token: Token) -> Tree:
        body = self.loop_body()
        self.skip_ends()
        self.expect("while")
        self.expect("(")
        condition = self.expression()
        self.expect(")")
        self.end_statement()
        return ("do", body, condition)

    def s_for(self, _token: Token) -> Tree:
        self.expect("(")
        after = self.stream[self.place + 1 : self.place + 3]
        if self.token.kind == "name" and after[0].kind == "in" and after[1].kind == "name":
            mark = self.place
            name, _, array = self.take().text, self.take(), self.array()
            if self.accept(")"):
                return ("forin", ("var", name), array, self.loop_body())
            self.place, self.token = mark, self.stream[mark]
        begin = None if self.token.kind == ";" else self.simple()
        self.expect(";")
        self.skip_newlines()
        condition = None if self.token.kind == ";" else self.expression()
        self.expect(";")
        self.skip_newlines()
        step = None if self.token.kind == ")" else self.simple()
        self.expect(")")
        return ("for", begin, condition, step, self.loop_body())

    def s_switch(self, _token: Token) -> Tree:
        self.expect("(")
        value = self.expression()
        self.expect(")")
        self.skip_newlines()
        self.expect("{")
        self.skip_newlines()
        cases: list[tuple[Tree | None, Tree]] = []
        self.loops += 1
        while not self.accept("}"):
            if self.accept("default"):
                label = None
            else:
                self.expect("case")
                label = self.unary()
            self.expect(":")
            body: list[Tree] = []
            places: list[str] = []
            self.skip_ends()
            while self.token.kind not in ("case", "default", "}"):
                places.append(f"{self.where}:{self.token.line}")
                body.append(self.statement())
                self.skip_ends()
            if any(label == other for other, _ in cases):
                again = "`default' detected" if label is None else "case values"
                told = "" if label is None else f": {_shown(label)}"
                self.refuse("", f"error: duplicate {again} in switch body{told}", self.token.line)
            cases.append((label, ("block", body, places)))
        self.loops -= 1
        return ("switch", value, cases)

    def _jump(self, token: Token) -> Tree:
        if not self.loops:
            beyond = "a loop or switch" if token.kind == "break" else "a loop"
            gnu = f"error: `{token.kind}' is not allowed outside {beyond}"
            self.refuse(f"'{token.kind}' not in a loop", gnu, token.line)
        self.end_statement()
        return (token.kind,)

    s_break = s_continue = _jump

    def _leave(self, token: Token) -> Tree:
        if self.kind in ("BEGIN", "END") or (self.kind != "main" and token.kind == "next"):
            self.refuse("", f"error: `{token.kind}' used in {self.kind} action", token.line)
        self.end_statement()
        return (token.kind,)

    s_next = s_nextfile = _leave

    def s_exit(self, _token: Token) -> Tree:
        value = None if self.token.kind in (";", "newline", "}") else self.expression()
        self.end_statement()
        return ("exit", value)

    def s_return(self, token: Token) -> Tree:
        if not self.in_function:
            self.wrong("'return' not in a function", token, "`return' used outside function context")
        value = None if self.token.kind in (";", "newline", "}") else self.expression()
        self.end_statement()
        return ("return", value)

    def simple(self) -> Tree:
        """What may stand in the parentheses of a `for`: print, printf, delete, or an expression."""
        kind = self.token.kind
        if kind in ("print", "printf"):
            return self.printing()
        if kind == "delete":
            line = self.take()
            if self.token.kind not in ("name", "("):
                self.wrong("Too few arguments", line)
            wrapped = self.accept("(")
            target = self.primary_name()
            if wrapped:
                self.expect(")")
            return ("delete", target)
        return ("expr", self.expression())

    def printing(self) -> Tree:
        kind = self.take().kind
        values: list[Tree] = []
        if self.token.kind not in (";", "newline", "}", ">", ">>", "|", "end"):
            mark = self.token
            values = self.expressions(no_greater=True)
            if len(values) == 1 and values[0][0] == "group":
                values = values[0][1]
                if not values:
                    self.wrong("Empty sequence", mark)
        redirect = target = None
        if self.token.kind in (">", ">>", "|", "|&"):
            redirect = self.take().kind
            target = self.concatenation(no_greater=True)
        if kind == "printf" and not values:
            self.refuse("fatal: printf: no arguments", "fatal: printf: no arguments", self.token.line, 2)
        return ("print", kind, values, redirect, target)

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
            left = ("match", negate, left, self.comparison(no_greater))
        return left

    def comparison(self, no_greater: bool) -> Tree:
        left = self.concatenation(no_greater)
        if self.token.kind in _COMPARE and not (no_greater and self.token.kind == ">"):
            operator = self.take().kind
            left = ("cmp", operator, left, self.concatenation(no_greater))
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
                parts = [("getline", kind, command, self.optional_target())]
            else:
                return parts[0] if len(parts) == 1 else ("cat", parts)

    def additive(self) -> Tree:
        left = self.term()
        while self.token.kind in ("+", "-"):
            left = ("bin", self.take().kind, left, self.term())
        return left

    def term(self) -> Tree:
        left = self.unary()
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
            return ("ere", token.text)
        if kind == "$":
            self.take()
            if self.token.kind in ("++", "--", "-", "+", "!"):
                return ("field", self.unary())
            return ("field", self.primary())
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
            return ("call", token.text, self.arguments(), f"{self.where}:{token.line}")
        if kind == "builtin":
            return self.builtin()
        if kind == "@":
            self.take()
            if self.token.kind == "ere":
                return ("strong", self.take().text)
            if self.token.kind == "called":
                name = self.take()
                return ("icall", name.text, self.arguments(), f"{self.where}:{name.line}")
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
        tree: Tree = ("var", self.expect("name").text)
        while self.token.kind == "[":
            self.take()
            keys = self.expressions()
            self.expect("]")
            tree = ("item", tree, keys)
        return tree

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

    def _counted(self, name: str, count: int) -> None:
        """Refuse a call with too few or too many arguments, at its closing parenthesis."""
        fewest, most = _wanted(name)
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


def _wanted(name: str) -> tuple[int, int]:
    """How many arguments a built-in function takes."""
    from memsh.textutils.awk.functions import COUNTS  # it imports this module's trees for their types

    return COUNTS[name]


def _shown(label: Tree) -> str:
    """A case's label, as it is told."""
    return f"{label[1]:g}" if label[0] == "num" else f"/{label[1]}/" if label[0] == "ere" else str(label[1])


def _constant(text: str) -> float:
    """A number as gawk's programs spell it: hexadecimal and octal too."""
    if text[:2] in ("0x", "0X"):
        return as_double(text, 16)
    if len(text) > 1 and text[0] == "0" and text.isdecimal() and not set(text) & {"8", "9"}:
        return as_double(text, 8)
    return float(text)
