"""What `set` and `shopt` switch on and off (bash: builtins/set.def, builtins/shopt.def).

Known deviations: options that nothing here heeds are refused by name, but for those of line editing in a script;
`set -k` holds for what is read after it, from the next line on, as aliases do: bash asks for it when a command runs.
"""

from __future__ import annotations

from memsh.shell.errors import ShellError, UsageError

OPTIONS = {
    "allexport": "a", "braceexpand": "B", "errexit": "e", "noexec": "n", "noglob": "f", "noclobber": "C",
    "nounset": "u", "verbose": "v", "xtrace": "x", "pipefail": "", "errtrace": "E", "functrace": "T", "posix": "",
    "physical": "P", "hashall": "h", "monitor": "m", "notify": "b", "keyword": "k", "onecmd": "t", "privileged": "p",
    "interactive-comments": "", "emacs": "", "vi": "", "history": "", "histexpand": "H", "ignoreeof": "", "nolog": "",
}  # fmt: skip
IDLE = frozenset(["emacs", "vi", "notify", "histexpand", "history", "ignoreeof", "nolog", "noexec"])
# in a script, where there is no line editing, no history and no terminal that they could change
BEGUN_WITH = frozenset(["braceexpand", "hashall", "interactive-comments"])
STANDING = ("HOME", "OLDPWD", "PATH", "PWD", "SHLVL")  # variables that a shell exports by itself
OFF = "!"  # before an option of `bash` that is switched off
EDITORS = frozenset(["emacs", "vi"])  # of which one is on, at most
DONE = frozenset(["allexport", "braceexpand", "errexit", "noglob", "noclobber", "nounset", "xtrace", "pipefail",
                  "errtrace", "functrace", "verbose", "hashall", "interactive-comments", "posix",
                  "keyword"])  # fmt: skip
TRACED = {"DEBUG": "functrace", "ERR": "errtrace", "RETURN": "functrace"}  # traps that an option hands down
SHOPTS = {
    "nullglob": False, "failglob": False, "dotglob": False, "nocaseglob": False, "nocasematch": False,
    "extglob": True, "expand_aliases": True, "globstar": False, "lastpipe": False, "inherit_errexit": False,
    "sourcepath": True, "patsub_replacement": True, "cmdhist": True, "globasciiranges": True, "xpg_echo": False,
    "shift_verbose": False, "globskipdots": True, "autocd": False, "assoc_expand_once": False, "cdable_vars": False,
    "cdspell": False, "checkhash": False, "checkjobs": False, "checkwinsize": True, "compat31": False,
    "compat32": False, "compat40": False, "compat41": False, "compat42": False, "compat43": False, "compat44": False,
    "complete_fullquote": True,
    "direxpand": False, "dirspell": False, "execfail": False, "extdebug": False, "extquote": True,
    "force_fignore": True, "gnu_errfmt": False, "histappend": False, "histreedit": False, "histverify": False,
    "hostcomplete": True, "huponexit": False, "interactive_comments": True, "lithist": False,
    "localvar_inherit": False, "localvar_unset": False, "login_shell": False, "mailwarn": False,
    "no_empty_cmd_completion": False, "noexpand_translation": False, "progcomp": True, "progcomp_alias": False,
    "promptvars": True, "restricted_shell": False, "varredir_close": False,
}  # fmt: skip
IDLE_SHOPTS = frozenset([
    "autocd", "cdspell", "checkhash", "checkjobs", "checkwinsize", "complete_fullquote", "direxpand", "dirspell",
    "force_fignore", "histappend", "histreedit", "histverify", "hostcomplete", "huponexit", "lithist", "mailwarn",
    "no_empty_cmd_completion", "noexpand_translation", "progcomp", "progcomp_alias", "promptvars",
])  # of people's typing: nothing that a script would see; they are listed there
DONE_SHOPTS = frozenset([
    "nullglob", "failglob", "dotglob", "nocaseglob", "nocasematch", "extglob", "expand_aliases", "globstar", "lastpipe",
    "inherit_errexit", "patsub_replacement", "xpg_echo", "shift_verbose", "globskipdots", "cdable_vars",
])  # fmt: skip
TYPED = ("extglob", "expand_aliases")  # on where a person types, off in scripts, as with Debian's bash


class Switches:
    """The part of Language that keeps them."""

    def __init__(self) -> None:
        self.options = set(BEGUN_WITH)
        self.shopts = dict(SHOPTS)
        self.strict = True  # an unset $name is an error: at the prompt and in lessons
        self.commanded = ""  # the text of `sh -c`
        self.interactive = False  # `sh -i`: what ends a script ends a line
        self.changes = 0  # moves when something else than a plain variable changes

    def option(self, name: str, on: bool) -> None:
        """`set -o name`. UsageError for one that there is not."""
        if name not in OPTIONS:
            raise UsageError(f"{name}: invalid option name")
        if name not in DONE and on and (self.strict or name not in IDLE):
            raise ShellError(f"{name}: there is no such option in this shell", 2)
        self.changes += 1
        if on and name in EDITORS:
            self.options -= EDITORS
        (self.options.add if on else self.options.discard)(name)

    def begin_with(self, name: str) -> None:
        """An option of `bash`: one of `set -o` or of `shopt`, off with a sign before it."""
        on, name = not name.startswith(OFF), name.removeprefix(OFF)
        if name in OPTIONS:
            self.option(name, on)
        elif name not in DONE_SHOPTS and on is not SHOPTS[name] and name not in IDLE_SHOPTS:
            raise ShellError(f"{name}: always {'on' if SHOPTS[name] else 'off'} in this shell")
        else:
            self.shopts[name] = on

    def flags(self) -> str:
        """`$-`."""
        letters = [OPTIONS[name] for name in self.options if OPTIONS[name]] + ["i"] * self.interactive
        return "".join(sorted(letters, key=lambda letter: (letter.isupper(), letter))) + "c" * bool(self.commanded)

    def inherits(self, condition: str) -> bool:
        """Whether a function and a ( … ) hear of that trap too."""
        return TRACED.get(condition, "") in self.options
