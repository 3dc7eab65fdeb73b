"""sed: the language whole, POSIX's and GNU's."""
