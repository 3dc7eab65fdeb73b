"""awk's grammar: tokens to a tree (IEEE Std 1003.1, awk, "Grammar"; with what gawk adds).

A tree is a tuple that begins with its kind. Expressions: num str ere var item field group assign cond and or in match
cmp cat bin neg pos not step call builtin getline. Statements: block print expr if while do for forin switch delete next
nextfile exit return break continue.
"""

from __future__ import annotations

from typing import Any, NamedTuple, NoReturn

from memsh.textutils.awk.lexer import AwkError, Lexer, Token
from memsh.textutils.awk.values import as_double

Tree = tuple[Any, ...]
_COMPARE = ("<", "<=", "==", "!=", ">", ">=")
_ASSIGN = ("=", "+=", "-=", "*=", "/=", "%=", "^=")
_STARTS = frozenset(["number", "string", "ere", "name", "called", "builtin", "$", "!", "(", "-", "+", "++", "--"])
_NO_CONCAT = frozenset(["-", "+", "ere"])
DEEPEST = 200


class Function(NamedTuple):
    """A function of the program."""

    name: str
    params: list[str]
    body: Tree
    line: int


class Rule(NamedTuple):
    """`kind` is BEGIN, END, BEGINFILE, ENDFILE, or main. An action that was left out is None."""

    kind: str
    pattern: Tree | None
    until: Tree | None
    action: Tree | None


class Program(NamedTuple):
    rules: list[Rule]
    functions: dict[str, Function]

UNKNOWN = {
    "|&": "|& is not known here: there are no coprocesses",
    "@": "@ is not known here: neither @include and @load nor @name()",
}


class Parser:
    """Reads one program's tokens."""

    def __init__(self, text: str, where: str = "cmd. line") -> None:
        self.where = where
        lexer = Lexer(text, where)
        self.stream = lexer.tokens()
        self.warnings = lexer.warnings
        self.place = 0
        self.token = self.stream[0]
        self.loops = 0
        self.depth = 0
        self.in_function = False

    def wrong(self, message: str = "", token: Token | None = None) -> NoReturn:
        message = message or UNKNOWN.get(self.token.kind, "Unexpected token")
        raise AwkError(self.where, (token or self.token).line, message)

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
            if self.token.kind == "function":
                function = self.function()
                if function.name in functions:
                    self.wrong(f"function name '{function.name}' previously defined")
                functions[function.name] = function
            else:
                rules.append(self.rule())
            if self.token.kind not in ("newline", ";", "end") and self.stream[self.place - 1].kind != "}":
                self.wrong()
            self.skip_ends()
        return Program(rules, functions)

    def function(self) -> Function:
        line = self.take().line
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
        return Function(name, params, body, line)

    def rule(self) -> Rule:
        if self.token.kind in ("BEGIN", "END", "BEGINFILE", "ENDFILE"):
            kind = self.take().kind
            if self.token.kind != "{":
                self.wrong()
            return Rule(kind, None, None, self.action())
        pattern = until = None
        if self.token.kind != "{":
            pattern = self.expression()
            if self.accept(","):
                self.skip_newlines()
                until = self.expression()
        return Rule("main", pattern, until, self.action() if self.token.kind == "{" else None)

    # statements

    def action(self) -> Tree:
        self.expect("{")
        body: list[Tree] = []
        self.skip_ends()
        while self.token.kind != "}":
            if self.token.kind == "end":
                self.wrong("Unexpected end of program")
            body.append(self.statement())
            self.skip_ends()
        self.take()
        return ("block", body)

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
            return ("block", [])
        return self.statement()

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
        cases: list[tuple[Tree | None, list[Tree]]] = []
        self.loops += 1
        while not self.accept("}"):
            if self.accept("default"):
                label = None
            else:
                self.expect("case")
                label = self.unary()
            self.expect(":")
            body: list[Tree] = []
            self.skip_ends()
            while self.token.kind not in ("case", "default", "}"):
                body.append(self.statement())
                self.skip_ends()
            cases.append((label, body))
        self.loops -= 1
        return ("switch", value, cases)

    def _jump(self, token: Token) -> Tree:
        if not self.loops:
            self.wrong(f"'{token.kind}' not in a loop", token)
        self.end_statement()
        return (token.kind,)

    s_break = s_continue = _jump

    def _leave(self, token: Token) -> Tree:
        self.end_statement()
        return (token.kind,)

    s_next = s_nextfile = _leave

    def s_exit(self, _token: Token) -> Tree:
        value = None if self.token.kind in (";", "newline", "}") else self.expression()
        self.end_statement()
        return ("exit", value)

    def s_return(self, token: Token) -> Tree:
        if not self.in_function:
            self.wrong("'return' not in a function", token)
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
            if redirect == "|&":
                self.wrong("'|&' is not known here")
            target = self.concatenation(no_greater=True)
        if kind == "printf" and not values:
            self.wrong("Too few arguments")
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
        while self.token.kind in _COMPARE and not (no_greater and self.token.kind == ">"):
            operator = self.take().kind
            left = ("cmp", operator, left, self.concatenation(no_greater))
        return left

    def concatenation(self, no_greater: bool = False) -> Tree:
        left = self.additive()
        parts = [left]
        while True:
            kind = self.token.kind
            if kind in _STARTS and kind not in _NO_CONCAT:
                parts.append(self.additive())
            elif kind == "|" and self.stream[self.place + 1].kind == "getline":
                self.take()
                self.take()
                command = parts[0] if len(parts) == 1 else ("cat", parts)
                parts = [("getline", "|", command, self.optional_target())]
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
            left = ("bin", self.take().kind, left, self.unary())
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
            return ("step", False, 1.0 if self.take().kind == "++" else -1.0, tree)
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

    def builtin(self) -> Tree:
        token = self.take()
        if self.token.kind == "(":
            return ("builtin", token.text, self.arguments(), f"{self.where}:{token.line}")
        if token.text != "length":
            self.wrong()
        return ("builtin", "length", [], f"{self.where}:{token.line}")


def _constant(text: str) -> float:
    """A number as gawk's programs spell it: hexadecimal and octal too."""
    if text[:2] in ("0x", "0X"):
        return as_double(text, 16)
    if len(text) > 1 and text[0] == "0" and text.isdecimal() and not set(text) & {"8", "9"}:
        return as_double(text, 8)
    return float(text)
