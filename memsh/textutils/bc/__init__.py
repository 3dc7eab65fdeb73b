"""bc: the language in parser.py, its numbers in number.py, what it does in machine.py (GNU bc 1.07.1)."""
