"""Words in complaints: GNU's quote(), in the C locale (gnulib's quotearg.c, locale_quoting_style)."""

from __future__ import annotations

C_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}  # of C, by their letters
_ESCAPES = {sign: "\\" + letter for letter, sign in {**C_ESCAPES, "\\": "\\", "'": "'"}.items()}


def quote(text: str) -> str:
    """`text` between single quotes, with C's escapes for what is no letter."""
    shown = []
    raw = text.encode("utf-8", "surrogateescape")
    for at, byte in enumerate(raw):
        char = chr(byte)
        if char in _ESCAPES:
            shown.append(_ESCAPES[char])
        elif 32 <= byte < 127:
            shown.append(char)
        else:
            longer = at + 1 < len(raw) and chr(raw[at + 1]) in "0123456789"
            shown.append(f"\\{byte:03o}" if longer or byte > 7 else f"\\{byte:o}")
    return "'" + "".join(shown) + "'"


_SPECIAL = set(" \t!\"$&()*:;<=>[^`|'\\?")


def quotef(name: str) -> str:
    """A file's name in a complaint: as it is, or as a shell would read it back (shell_escape_quoting_style)."""
    plain = all(" " <= char <= "~" for char in name)
    if plain and name and name not in ("{", "}") and name[0] not in "#~" and not _SPECIAL.intersection(name):
        return name
    if plain and "'" in name and not set('"$`\\!').intersection(name):
        return f'"{name}"'
    parts, inner = [], False
    for byte in name.encode("utf-8", "surrogateescape"):
        char = chr(byte)
        strange = not " " <= char <= "~"
        if strange != inner:
            parts.append("''" if inner and not strange else "'$'")
            if inner:
                parts[-1] = "''"
            inner = strange
        escapes = {key: value for key, value in _ESCAPES.items() if key not in "\\'"}
        parts.append(escapes.get(char, f"\\{byte:03o}") if strange else "'\\''" if char == "'" else char)
    return "'" + "".join(parts) + "'"


def quoteaf(name: str) -> str:
    """The same, between quotes in any case (shell_escape_always_quoting_style)."""
    shown = quotef(name)
    return f"'{name}'" if shown == name else shown
