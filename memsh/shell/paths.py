"""Unquoted * ? [ against the box's own tree of files (bash: lib/glob/glob.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.lazy import regular
from memsh.shell.patterns import is_pattern, path_regex, unquoted

if TYPE_CHECKING:
    from memsh.shell.session import Session


_COLON = regular(r":(?!\]|[^\[\]]*:\])")  # not those of [:alpha:]


def match_paths(session: Session, pattern: str) -> list[str]:
    """Paths of the box that match a pattern, sorted, written the way that the pattern is."""
    files = session.files
    assert files is not None
    absolute = pattern.startswith("/")
    shopts, ignored = session.language.shopts, session.language.get("GLOBIGNORE") or ""
    dots, stars, case = shopts["dotglob"], shopts["globstar"], shopts["nocaseglob"]
    selves = [] if shopts["globskipdots"] or ignored else [".", ".."]
    parts = [part for part in _parts(pattern) if part]
    parts = [part for at, part in enumerate(parts) if not (stars and part == "**" and parts[at - 1 : at] == ["**"])]
    found = ["/"] if absolute else [""]
    for number, part in enumerate(parts):
        following: list[str] = []
        for base in found:
            session.poll()
            joined = base if base in ("", "/") else base + "/"
            if part == "**" and stars:
                following += _all_below(session, base, joined, number < len(parts) - 1)
                continue
            if not is_pattern(part):
                name = unquoted(part)
                if name in (".", "..") or _there(session, base, name):
                    following.append(joined + name)
                continue
            matcher = path_regex(part, case)
            for name in [*selves, *_names(session, base)]:
                if matcher.fullmatch(name) and (name[0] != "." or part[0] == "." or part[:2] == "\\." or dots):
                    following.append(joined + name)
        found = following
    if pattern.endswith("/"):
        found = [f"{path}/" for path in found if _is_dir(session, path)]
    if ignored:
        unwanted = [path_regex(one) for one in _COLON.split(ignored) if one]
        found = [path for path in found if not any(one.fullmatch(path) for one in unwanted)]
    return sorted(found)


def _parts(pattern: str) -> list[str]:
    """Cut at the slashes that stand outside of ( … )."""
    parts, depth, begun = [], 0, 0
    for at, char in enumerate(pattern):
        if char == "/" and not depth:
            parts.append(pattern[begun:at])
            begun = at + 1
        depth += (char == "(") - (char == ")" and depth > 0)
    return [*parts, pattern[begun:]]


def _names(session: Session, base: str) -> list[str]:
    assert session.files is not None
    try:
        return session.files.listdir(session, base or ".")
    except OSError:
        return []


def _is_dir(session: Session, path: str) -> bool:
    assert session.files is not None
    try:
        session.files.listdir(session, path)
    except OSError:
        return False
    return True


def _there(session: Session, base: str, name: str) -> bool:
    return name in _names(session, base)


def _all_below(session: Session, base: str, joined: str, folders: bool) -> list[str]:
    """`**`: everything below, folders first among them the base itself."""
    found = [base] if folders else []
    for name in _names(session, base):
        session.poll()
        if name[0] == ".":
            continue
        path = joined + name
        inside = _is_dir(session, path)
        if inside or not folders:
            if not folders:
                found.append(path)
            if inside:
                found += _all_below(session, path, path + "/", folders)
    return found
