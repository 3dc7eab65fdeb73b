"""What a figure is made of, wherever one is typed or read."""


def is_digits(text: str) -> bool:
    """Whether a text is one or more of 0 to 9, as C's strtoul takes them.

    `str.isdecimal` alone takes the digits of every script, which no program of the box takes, and `str.isdigit` takes
    superscripts, which `int` does not.
    """
    return text.isascii() and text.isdecimal()
