"""How names are spelled in files of /proc whose columns blanks part (fs/seq_file.c)."""


def mangle_path(name: str, esc: str) -> str:
    """A name with the characters of `esc` as \\NNN."""
    return "".join(f"\\{ord(char):03o}" if char in esc else char for char in name)
