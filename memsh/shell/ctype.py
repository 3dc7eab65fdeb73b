"""Letters in the other case, one for one (C: towupper, towlower).

Known deviation: a letter whose capital is several stays as it is, though some have a capital for titles.
"""

from __future__ import annotations


def upper(text: str) -> str:
    return text.upper() if text.isascii() else "".join(up if len(up := char.upper()) == 1 else char for char in text)


def lower(text: str) -> str:
    return text.lower() if text.isascii() else "".join(char.lower()[0] for char in text)
