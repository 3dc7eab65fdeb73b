"""awk: the language whole, POSIX's and what gawk adds."""
