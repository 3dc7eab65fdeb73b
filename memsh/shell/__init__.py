"""The language: grammar, parsing, variables, pipes, exit status, and the declaration of commands. Knows no kernel."""

from memsh.shell.errors import ShellError, UsageError
from memsh.shell.io import IO
from memsh.shell.registry import REGISTRY, Args, arg, command, opt, rest

__all__ = ["IO", "REGISTRY", "Args", "ShellError", "UsageError", "arg", "command", "opt", "rest"]
