"""awk's own functions: each builder is given the compiler and the argument trees and answers a closure."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from functools import cmp_to_key
from typing import TYPE_CHECKING, Any

from memsh.shell import ShellError
from memsh.shell.ctype import lower, upper
from memsh.shell.limits import TEXT
from memsh.textutils.awk.arithmetic import bits, real, shifted, truncated
from memsh.textutils.awk.cutting import Cutter, contents
from memsh.textutils.awk.expressions import COUNTS
from memsh.textutils.awk.printf import formatted
from memsh.textutils.awk.random import Random
from memsh.textutils.awk.tables import Table
from memsh.textutils.awk.values import (
    TOUCHED,
    Bool,
    Missing,
    Numeric,
    Strong,
    Unset,
    Value,
    as_double,
    as_long,
    integral,
    looks,
    number_of,
    numeric,
    to_number,
)
from memsh.textutils.awk.walking import walked
from memsh.textutils.clock import local_zone, mktime, now
from memsh.textutils.shellout import run_line
from memsh.textutils.timeformat import strftime
from memsh.textutils.zones import GMT, UTC

if TYPE_CHECKING:
    from memsh.textutils.awk.compiler import Expressions
    from memsh.textutils.awk.expressions import Tree
    from memsh.textutils.awk.places import Eval, Frame, Numbers

TOO_LONG = "fatal: a string is at most 16 MiB long"
ORDINALS = ("first", "second", "third", "fourth")

_ONE_NUMBER: dict[str, Callable[[float], float]] = {
    "int": truncated, "sqrt": real(math.sqrt), "exp": real(math.exp), "log": real(math.log), "sin": real(math.sin),
    "cos": real(math.cos), "compl": lambda value: float(~bits(value, "compl") & ((1 << 53) - 1)),
}  # fmt: skip
_WARNED = {
    "sqrt": "received negative argument {}", "log": "received negative argument {}",
    "exp": "argument {} is out of range",
}  # fmt: skip
_ONE_TEXT: dict[str, Callable[[str], Value]] = {"toupper": upper, "tolower": lower}
_BITWISE: dict[str, Callable[[int, int], int]] = {"and": operator.and_, "or": operator.or_, "xor": operator.xor}


def build(c: Expressions, name: str, arguments: list[Tree], place: str) -> Eval:
    """A call of a built-in function."""
    if name in _ONE_NUMBER:
        calculate, number, warned = _ONE_NUMBER[name], c.number(arguments[0]), _WARNED.get(name)
        if warned is None:
            return lambda f: calculate(number(f))

        def calculated(f: Frame) -> float:
            given = number(f)
            made = calculate(given)
            if (made - made != 0.0 and given - given == 0.0) and (given < 0 or name == "exp"):
                c.rt.warn(f"{name}: {warned.format(integral(given) or f'{given:g}')}", place)
            return made

        return calculated
    if name in _ONE_TEXT:
        change, text = _ONE_TEXT[name], c.text(arguments[0])
        return lambda f: change(text(f))
    if name in _BITWISE:
        return _bitwise(c, name, arguments)
    builder: Callable[[Expressions, list[Tree]], Eval] = globals()["_b_" + name]
    c.place = place
    return builder(c, arguments)


_SPELT = {"split": "two to four", "patsplit": "two to four", "match": "two or three", "gensub": "three or four"}


def refused_indirectly(name: str, count: int) -> str:
    """What is wrong with a call by way of a variable; "" for nothing (interpret.h, Op_indirect_func_call)."""
    fewest, most = COUNTS[name]
    if name in ("sub", "gsub"):
        return "" if count == 2 else f"{name}: can be called indirectly only with two arguments"
    if fewest <= count <= most and (count or name != "length"):
        return ""
    if name in _SPELT:
        return f"indirect call to {name} requires {_SPELT[name]} arguments"
    if name in _BITWISE:
        return f"{name}: called with less than two arguments"
    return "sprintf: no arguments" if name == "sprintf" else f"{name}: called with {count} arguments"


def _bitwise(c: Expressions, name: str, arguments: list[Tree]) -> Eval:
    numbers, combine = [c.number(argument) for argument in arguments], _BITWISE[name]

    def combined(f: Frame) -> float:
        result = bits(numbers[0](f), name)
        for at, number in enumerate(numbers[1:], 2):
            result = combine(result, bits(number(f), name, at))
        return float(result)

    return combined


def _b_lshift(c: Expressions, arguments: list[Tree]) -> Eval:
    value, by = c.number(arguments[0]), c.number(arguments[1])

    def shift(f: Frame) -> float:
        number, places = shifted("lshift", value(f), by(f))
        return float(number << places & (1 << 64) - 1)

    return shift


def _b_rshift(c: Expressions, arguments: list[Tree]) -> Eval:
    value, by = c.number(arguments[0]), c.number(arguments[1])

    def shift(f: Frame) -> float:
        number, places = shifted("rshift", value(f), by(f))
        return float(number >> places)

    return shift


def _b_atan2(c: Expressions, arguments: list[Tree]) -> Eval:
    y, x = c.number(arguments[0]), c.number(arguments[1])
    return lambda f: math.atan2(y(f), x(f))


def _generator(c: Expressions) -> Random:
    if c.rt.random is None:
        c.rt.random = Random()
    return c.rt.random


def _b_rand(c: Expressions, arguments: list[Tree]) -> Eval:
    draw = _generator(c).random
    return lambda f: draw()


def _b_srand(c: Expressions, arguments: list[Tree]) -> Eval:
    rt, generator = c.rt, _generator(c)
    seed: Numbers = c.number(arguments[0]) if arguments else lambda f: float(int(now(rt.io)))

    def begin(f: Frame) -> float:
        before, rt.seed = rt.seed, truncated(seed(f))
        generator.seed(int(rt.seed) if rt.seed - rt.seed == 0.0 else 0)
        return before

    return begin


def _b_length(c: Expressions, arguments: list[Tree]) -> Eval:
    rt = c.rt
    if not arguments:
        return lambda f: float(len(rt.whole()))
    tree = arguments[0]
    while tree[0] == "paren":
        tree = tree[1]
    if tree[0] in ("var", "item"):  # may hold an array at run time
        raw, spell = c.raw(tree), rt.text
        value = c.value(tree) if tree[0] == "var" else None

        def measure(f: Frame) -> float:
            found = raw(f)
            if value is not None and not isinstance(found, dict):
                value(f)
            return float(len(spell(found) if type(found) is float else found))

        return measure
    text = c.text(tree)
    return lambda f: float(len(text(f)))


def _b_index(c: Expressions, arguments: list[Tree]) -> Eval:
    text, part = c.text(arguments[0]), c.text(arguments[1])
    return lambda f: float(text(f).find(part(f)) + 1)


def _b_substr(c: Expressions, arguments: list[Tree]) -> Eval:
    """As gawk's do_substr: a start below 1 is 1, fractions are cut off."""
    text, first = c.text(arguments[0]), c.number(arguments[1])
    count = c.number(arguments[2]) if len(arguments) > 2 else None

    def part(f: Frame) -> str:
        whole, start = text(f), first(f)
        begin = int(min(max(start, 1.0), len(whole) + 1.0)) - 1 if start == start else 0
        if count is None:
            return whole[begin:]
        length = count(f)
        return whole[begin : begin + int(min(length, len(whole)))] if length >= 1 else ""

    return part


def _array(c: Expressions, arguments: list[Tree], at: int, function: str) -> Callable[[Frame], dict[str, Any]]:
    """An argument that must name an array: what else stands there is refused when the call is made."""
    wrong = f"{function}: {ORDINALS[at]} argument is not an array"
    if arguments[at][0] in ("var", "item"):
        return c.array(arguments[at], wrong)

    def refuse(f: Frame) -> dict[str, Any]:
        raise ShellError(f"fatal: {wrong}", 2)

    return refuse


def _filled(c: Expressions, arguments: list[Tree], at: int, function: str) -> Callable[[Frame], dict[str, Any]]:
    """An array that the call fills: none of the tables of names."""
    array = _array(c, arguments, at, function)

    def filled(f: Frame) -> dict[str, Any]:
        found = array(f)
        if isinstance(found, Table):
            raise ShellError(f"fatal: {function}: cannot use {found.name} as {ORDINALS[at]} argument", 2)
        return found

    return filled


def _b_split(c: Expressions, arguments: list[Tree]) -> Eval:
    rt, text, array = c.rt, c.text(arguments[0]), _filled(c, arguments, 1, "split")
    gaps = _filled(c, arguments, 3, "split") if len(arguments) > 3 else None
    cutter: Callable[[Frame], Cutter]
    if len(arguments) < 3:
        cutter = lambda f: rt.cutter(rt.text(rt.cell("FS")[0]))  # noqa: E731
    elif arguments[2][0] in ("ere", "strong"):
        find, letters = c.regexp(arguments[2]), arguments[2][1] == ""
        cutter = lambda f: rt.cutter("" if letters else find(f))  # noqa: E731
    else:
        separator = c.text(arguments[2])
        cutter = lambda f: rt.cutter(separator(f))  # noqa: E731

    def split(f: Frame) -> float:
        whole, cut = text(f), cutter(f)
        if gaps is None:
            pieces = cut(whole)
        else:
            pieces, between = cut.gapped(whole)
            kept = gaps(f)
            kept.clear()
            kept.update((str(at), gap) for at, gap in between.items())
        found = array(f)
        found.clear()
        for at, piece in enumerate(pieces, 1):
            found[str(at)] = Numeric(piece)
        return float(len(pieces))

    return split


def _b_patsplit(c: Expressions, arguments: list[Tree]) -> Eval:
    text, array = c.text(arguments[0]), _filled(c, arguments, 1, "patsplit")
    find = c.regexp(arguments[2] if len(arguments) > 2 else ("var", "FPAT"))
    gaps = _filled(c, arguments, 3, "patsplit") if len(arguments) > 3 else None

    def split(f: Frame) -> float:
        whole, found = text(f), array(f)
        pieces, between = contents(find(f), whole)
        found.clear()
        found.update((str(at), Numeric(piece)) for at, piece in enumerate(pieces, 1))
        if gaps is not None:
            kept = gaps(f)
            kept.clear()
            kept.update((str(at), gap) for at, gap in enumerate(between))
        return float(len(pieces))

    return split


def _b_match(c: Expressions, arguments: list[Tree]) -> Eval:
    rt, text, find = c.rt, c.text(arguments[0]), c.regexp(arguments[1])
    array = _filled(c, arguments, 2, "match") if len(arguments) > 2 else None
    start, length = rt.cell("RSTART"), rt.cell("RLENGTH")

    def match(f: Frame) -> float:
        pattern = find(f)
        found = pattern.search(text(f))
        start[0] = found.start() + 1.0 if found is not None else 0.0
        length[0] = float(found.end() - found.start()) if found is not None else -1.0
        if array is not None:
            kept = array(f)
            kept.clear()
            for group in range(pattern.groups + 1 if found is not None else 0):
                assert found is not None
                if found.group(group) is not None:
                    kept[str(group)] = Numeric(found[group])
                    kept[f"{group}{rt.subsep}start"] = found.start(group) + 1.0
                    kept[f"{group}{rt.subsep}length"] = float(found.end(group) - found.start(group))
        begun: float = start[0]
        return begun

    return match


_FILLING = re.compile(r"(\\*)&")


def _filler(text: str) -> Callable[[str], str] | None:
    """sub()'s replacement: & is what matched, \\\\& a plain &; other backslashes stay. None if nothing is put in."""
    if "&" not in text:
        return None

    def fill(matched: str) -> str:
        def one(mark: re.Match[str]) -> str:
            slashes = len(mark[1])
            return "\\" * (slashes // 2) + ("&" if slashes % 2 else matched)

        return _FILLING.sub(one, text)

    return fill


def _substituting(every: bool) -> Callable[[Expressions, list[Tree]], Eval]:
    def builder(c: Expressions, arguments: list[Tree]) -> Eval:
        target: Tree = arguments[2] if len(arguments) > 2 else ("field", ("num", 0.0))
        settle, target = c.settled(target)
        find, filling, text = c.regexp(arguments[0]), c.text(arguments[1]), c.text(target)
        store = c.store(target) if target[0] in ("var", "item", "field") else None

        def substitute(f: Frame) -> float:
            pattern, replacement = find(f), filling(f)
            settle(f)
            whole = text(f)
            if not pattern.test(whole):
                return 0.0
            fill = _filler(replacement)
            parts, place, times = [], 0, 0
            for match in pattern.finditer(whole):
                start, end = match.start(), match.end()
                parts.append(whole[place:start])
                parts.append(replacement if fill is None else fill(whole[start:end]))
                place = end
                times += 1
                if not every:
                    break
            if times and store is not None:
                parts.append(whole[place:])
                made = "".join(parts)
                if len(made) > TEXT:
                    raise ShellError(TOO_LONG, 2)
                store(f, Strong(made) if type(whole) is Strong else made)
            return float(times)

        return substitute

    return builder


_b_sub, _b_gsub = _substituting(False), _substituting(True)
_GENSUB = re.compile(r"\\([0-9])|\\(.)|&", re.DOTALL)


def _b_gensub(c: Expressions, arguments: list[Tree]) -> Eval:
    rt, called = c.rt, c.place
    target: Tree = arguments[3] if len(arguments) > 3 else ("field", ("num", 0.0))
    find, filling, how, text = c.regexp(arguments[0]), c.text(arguments[1]), c.text(arguments[2]), c.text(target)

    def substitute(f: Frame) -> str:
        whole, pattern, replacement, which = text(f), find(f), filling(f), how(f)
        every = which[:1] in ("g", "G")
        serial = 0 if every else as_long(number_of(which))
        if not every and serial < 1:
            rt.warn(f"gensub: third argument `{which}' treated as 1", called)
            serial = 1
        parts, place = [], 0

        def fill(match: Any) -> str:
            def one(mark: re.Match[str]) -> str:
                if mark[0] == "&":
                    return str(match[0])
                if mark[1] is not None:
                    return (match[int(mark[1])] or "") if int(mark[1]) <= pattern.groups else ""
                return mark[2]

            return _GENSUB.sub(one, replacement)

        for times, match in enumerate(pattern.finditer(whole), 1):
            if every or times == serial:
                parts += [whole[place : match.start()], fill(match)]
                place = match.end()
        return "".join([*parts, whole[place:]])

    return substitute


def _b_sprintf(c: Expressions, arguments: list[Tree]) -> Eval:
    pattern, values, spell = c.text(arguments[0]), [c.value(argument) for argument in arguments[1:]], c.rt.text
    plus = c.rt.plus

    def format_text(f: Frame) -> str:
        made = formatted(pattern(f), [value(f) for value in values], spell, plus)
        if len(made) > TEXT:
            raise ShellError(TOO_LONG, 2)
        return made

    return format_text


def _b_strtonum(c: Expressions, arguments: list[Tree]) -> Eval:
    value = c.value(arguments[0])

    def convert(f: Frame) -> float:
        given = value(f)
        if type(given) is float:
            return given
        number = looks(given) if type(given) is Numeric else None
        if number is not None:
            return number
        match = re.match(r"\s*([-+]?)(?:0[xX]([0-9a-fA-F]+)|0([0-7]+)(?![0-9.eE]))", given)
        if match is None:
            return number_of(given)
        number = as_double(match[2], 16) if match[2] else as_double(match[3], 8)
        return -number if match[1] == "-" else number

    return convert


def _b_system(c: Expressions, arguments: list[Tree]) -> Eval:
    rt, command = c.rt, c.text(arguments[0])

    if rt.sandbox:
        raise ShellError("fatal: 'system' function not allowed in sandbox mode", 2)

    def system(f: Frame) -> float:
        line = command(f)
        rt.flush()
        return float(run_line(rt.io, line))

    return system


def _b_close(c: Expressions, arguments: list[Tree]) -> Eval:
    rt, name = c.rt, c.text(arguments[0])
    end = c.text(arguments[1]) if len(arguments) > 1 else lambda f: ""
    return lambda f: rt.files.close(name(f), end(f))


def _b_fflush(c: Expressions, arguments: list[Tree]) -> Eval:
    rt = c.rt

    name, place = c.text(arguments[0]) if arguments else lambda f: "", c.place

    return lambda f: rt.files.flushed(name(f), place)


def _b_systime(c: Expressions, arguments: list[Tree]) -> Eval:
    rt = c.rt
    return lambda f: float(int(now(rt.io)))


def _b_strftime(c: Expressions, arguments: list[Tree]) -> Eval:
    rt = c.rt
    pattern = c.text(arguments[0]) if arguments else lambda f: "%a %b %e %H:%M:%S %Z %Y"
    when = c.number(arguments[1]) if len(arguments) > 1 else lambda f: now(rt.io)
    utc = c.number(arguments[2]) if len(arguments) > 2 else lambda f: 0.0
    return lambda f: strftime(pattern(f), when(f) // 1, GMT if utc(f) else local_zone(rt.io))


def _b_mktime(c: Expressions, arguments: list[Tree]) -> Eval:
    rt, text = c.rt, c.text(arguments[0])
    utc = c.number(arguments[1]) if len(arguments) > 1 else lambda f: 0.0
    return lambda f: mktime(text(f), UTC if utc(f) else local_zone(rt.io))


def _b_isarray(c: Expressions, arguments: list[Tree]) -> Eval:
    value = c.raw(arguments[0])
    return lambda f: float(isinstance(value(f), dict))


def _b_mkbool(c: Expressions, arguments: list[Tree]) -> Eval:
    test = c.truth(arguments[0])
    return lambda f: Bool("1" if test(f) else "0")


def _untranslated(c: Expressions, arguments: list[Tree]) -> Eval:
    """dcgettext() and bindtextdomain(): there are no translations, and where they lie is not remembered."""
    texts = [c.text(argument) for argument in arguments]

    def first(f: Frame) -> str:
        text, *_ = [text(f) for text in texts]
        return text

    return first


_b_dcgettext = _b_bindtextdomain = _untranslated


def _b_dcngettext(c: Expressions, arguments: list[Tree]) -> Eval:
    one, more, number = c.text(arguments[0]), c.text(arguments[1]), c.number(arguments[2])

    def chosen(f: Frame) -> str:
        single, several = one(f), more(f)
        return single if truncated(number(f)) == 1.0 else several

    return chosen


def _b_typeof(c: Expressions, arguments: list[Tree]) -> Eval:
    value = c.raw(arguments[0])

    def kind(f: Frame) -> str:
        found = value(f)
        if isinstance(found, dict):
            return "array"
        if type(found) is float:
            return "number"
        if type(found) is Bool:
            return "number|bool"
        if type(found) is Strong:
            return "regexp"
        if isinstance(found, Unset) and found is not TOUCHED:
            return "untyped"
        if type(found) is Missing or found is TOUCHED:
            return "unassigned"
        return "strnum" if type(found) is Numeric and numeric(found) is not None else "string"

    return kind


Order = tuple[int, float, str]


def _ordered(c: Expressions, what: str) -> Callable[[Any], Order]:
    """What a value is sorted by: as a string, a number, or by its type, numbers first; arrays come last in any case."""
    rt = c.rt
    spell = rt.text

    def one(value: Any) -> Order:
        if isinstance(value, dict):
            return 2, 0.0, ""
        text = spell(value).lower() if rt.ignore_case else spell(value)
        if what == "str":
            return 1, 0.0, text
        if what == "num":
            return 0, to_number(value), text
        number = numeric(value)
        return (1, 0.0, text) if number is None else (0, number, "")

    return one


def sorted_keys(c: Expressions, array: dict[str, Any], how: str, frame: Any = None) -> list[str]:
    """The keys of an array in the order that PROCINFO["sorted_in"] or asort()'s third argument asks for."""
    keys = walked(array)
    match = re.fullmatch(r"@(ind|val)_(str|num|type)_(asc|desc)", how)
    if match is not None:
        order = _ordered(c, match[2])

        def one(key: str) -> tuple[Order, str]:
            return order(key if match[1] == "ind" else array[key]), key.lower() if c.rt.ignore_case else key

        return sorted(keys, key=one, reverse=match[3] == "desc")
    made = c.defined.get(how)
    if made is None:
        return keys
    call = made.call

    def compare(a: str, b: str) -> int:
        number = to_number(call([a, array[a], b, array[b]]))
        return -1 if number < 0 else int(number > 0)

    return sorted(keys, key=cmp_to_key(compare))


def _sorting(by_key: bool) -> Callable[[Expressions, list[Tree]], Eval]:
    def builder(c: Expressions, arguments: list[Tree]) -> Eval:
        name = "asorti" if by_key else "asort"
        source = _array(c, arguments, 0, name)
        target = _filled(c, arguments, 1, name) if len(arguments) > 1 else source
        usual = "@ind_str_asc" if by_key else "@val_type_asc"
        how = c.text(arguments[2]) if len(arguments) > 2 else lambda f: usual

        def sort(f: Frame) -> float:
            array = source(f)
            if target is source and isinstance(array, Table):
                wrong = f"first argument cannot be {array.name} without a second argument"
                raise ShellError(f"fatal: {name}: {wrong}", 2)
            keys = sorted_keys(c, array, how(f))
            found = [str(key) if by_key else array[key] for key in keys]
            kept = target(f)
            kept.clear()
            kept.update((str(at), value) for at, value in enumerate(found, 1))
            return float(len(found))

        return sort

    return builder


_b_asort, _b_asorti = _sorting(False), _sorting(True)
