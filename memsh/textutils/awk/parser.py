"""awk's grammar: tokens to a tree (IEEE Std 1003.1, awk, "Grammar"; with what gawk adds).

A tree is a tuple that begins with its kind. Statements: block print expr if while do for forin switch delete next
nextfile exit return break continue; expressions are expressions.py's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from memsh.textutils.awk.expressions import DEEPEST, ExpressionParser, Tree
from memsh.textutils.awk.lexer import Token


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
    """`names`: its global variables, in the order that they appear."""

    rules: list[Rule]
    functions: dict[str, Function]
    names: dict[str, None]


class Parser(ExpressionParser):
    """Reads one program's tokens: rules, functions, statements."""

    def __init__(
        self, text: str, where: str, include: Callable[[str], Program], heed: Callable[[], None]
    ) -> None:
        super().__init__(text, where, heed)
        self.include = include  # the program in a file that @include names; OSError: there is none
        self.loops = 0
        self.in_function = False
        self.kind = "main"  # of the rule that is read

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
        return Program(rules, functions, self.names)

    def _directive(self, rules: list[Rule], functions: dict[str, Function]) -> None:
        """@include "FILE", and @namespace, which the tokens know of already; @load is refused."""
        self.take()
        word = self.take()
        if word.text != "include":
            if word.text == "load":
                self.refuse("", "error: @load is not known here: there are no libraries to load", word.line)
            if word.text != "namespace":
                self.wrong(token=word)
            self.expect("string")
            return
        name = self.expect("string").text
        try:
            found = self.include(name)
        except OSError as error:
            self.refuse("", f"error: cannot open source file `{name}' for reading: {error.strerror}", word.line)
        rules += found.rules
        self.names.update(found.names)
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
        self.in_function, self.params = True, params
        body = self.action()
        self.in_function, self.params = False, []
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
                body = self.loop_body()
                self.named(name)
                return ("forin", ("var", name), array, body)
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
        if self.token.kind not in (";", "newline", "}", ">", ">>", "|", "|&", "end"):
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


def _shown(label: Tree) -> str:
    """A case's label, as it is told."""
    return f"{label[1]:g}" if label[0] == "num" else f"/{label[1]}/" if label[0] == "ere" else str(label[1])
