#### if and its kin
if true; then echo a; fi; if false; then echo b; elif true; then echo c; else echo d; fi; if false; then :; fi; echo $?
#### and, or, not
true && echo a || echo b; false && echo a || echo b; ! true; echo $?; if ! false; then echo c; fi
#### while, until, break, continue
i=0; while [ $i -lt 5 ]; do i=$((i+1)); [ $i = 2 ] && continue; [ $i = 4 ] && break; echo $i; done; until [ $i = 0 ]; do i=$((i-1)); done; echo $i
#### break through several loops
for i in 1 2; do for j in a b; do [ $j = b ] && continue 2; echo $i$j; break 2; done; done; echo end
#### for without words
set -- x 'y z'; for a; do echo "[$a]"; done; for a in; do echo never; done; for a in "$@"; do echo "$a"; done
#### for over lines
for x in a b \
 c
do
  echo $x
done
#### C's for
for ((i=0; i<3; i++)); do echo $i; done; for ((i=9;;)); do ((i-- > 7)) || break; echo $i; done; for ((;;)); do break; done; echo $i
#### C's for with braces
for ((i=0; i<2; i++)) { echo $i; }
#### case
for w in apple '*' b 12 ''; do case $w in a*) echo A;; \*) echo star;; [0-9]*) echo num;; b|c) echo bc;; '') echo empty;; esac; done
#### case without a match
case x in y) echo no;; esac; echo $?
#### case falls through
case a in a) echo 1;& b) echo 2;; c) echo 3;; esac; case ab in a*) echo 1;;& *b) echo 2;;& z) echo 3;; *) echo 4;; esac
#### case with a quoted pattern
x='a*'; case 'a*' in "$x") echo q;; esac; case abc in $x) echo u;; esac; case abc in "$x") echo no;; *) echo other;; esac
#### case with parentheses
case a in (a) echo yes;; (b|c) echo no;; esac
#### case in a substitution
echo $(case a in a) echo b;; esac) "$(case x in (x) echo y; esac)"
#### case over lines
case foo in
  # comment
  bar)
    echo bar
    ;;

  foo | baz )
    echo foo
esac
#### functions
f() { echo "$# $1 $2"; }; f a 'b c'; f; function g { echo g; }; g; function h() { echo h; }; h
#### functions see and change
x=1; f() { x=2; y=3; }; f; echo $x $y
#### local
x=g; f() { local x=l; echo $x; g; }; g() { echo $x; x=c; }; f; echo $x
#### local without a value
x=g; f() { local x; echo "[${x-unset}]"; x=5; }; f; echo $x
#### return
f() { return 3; echo never; }; f; echo $?; g() { false; return; }; g; echo $?; h() { true; }; h; echo $?
#### return out of a loop
f() { for i in 1 2 3; do [ $i = 2 ] && return $i; done; }; f; echo $?
#### shift
f() { echo $1; shift; echo $1 $#; shift 2; echo $#; shift; echo $?; }; f a b c
#### recursion
fac() { if (($1 <= 1)); then echo 1; else echo $(($1 * $(fac $(($1-1))))); fi; }; fac 6
#### deep recursion
f() { if (($1 > 0)); then f $(($1-1)); else echo done; fi; }; f 150
#### a function with redirections
f() { echo out; echo err >&2; } 2>/dev/null; f
#### a function whose body is no group
f() if true; then echo x; fi; f; g() (echo $1; x=5); g a; echo "[$x]"; h() for i in 1 2; do echo $i; done; h
#### redefining and unsetting
f() { echo 1; }; f() { echo 2; }; f; unset -f f; f 2>/dev/null || echo gone
#### arguments come back
set -- a b; f() { set -- x y z; echo $#; }; f; echo $# $1
#### subshells
x=1; (x=2; echo $x; exit 5); echo $? $x; (cd /; pwd); ( (echo nested) )
#### groups
{ echo a; echo b; } | while read l; do echo "<$l>"; done; { false; }; echo $?
#### pipes
echo abc | cat | { read x; echo $x; }; true | false; echo $?; false | true; echo $?
#### variables in a pipe are lost
x=1; echo 2 | read x; echo $x; echo a | { x=3; }; echo $x
#### PIPESTATUS
true | false | (exit 3); echo ${PIPESTATUS[@]}; echo $?
#### pipefail
set -o pipefail; false | true; echo $?; true | true; echo $?; (exit 2) | (exit 3) | true; echo $?
#### negated pipe
if ! true | false; then echo yes; fi; ! false | true; echo $?
#### eval
x='echo hi'; eval $x; eval 'y=5; echo $y'; eval "echo \$y"; eval; echo $?; eval false; echo $?
#### source
echo 'echo sourced $1; x=7; return 4; echo never' > s; . ./s; echo $? $x; . ./s arg; set -- q; . ./s
#### exit in a subshell
(exit 3); echo $?; (false); echo $?; (exit); echo $?
#### errexit
(set -e; echo a; false; echo never); echo $?
#### errexit where it is asked
(set -e; if false; then :; fi; false || true; false && true; ! true; while false; do :; done; echo on); echo $?
#### errexit in a function that is asked
(set -e; f() { false; echo on; }; f && echo yes; f || :; if f; then echo y; fi; f; echo never); echo $?
#### errexit and pipes
(set -e; false | true; echo on; true | false; echo never); echo $?
#### errexit and substitution
(set -e; x=$(false); echo never); echo $?; (set -e; echo $(false; echo on); echo on)
#### errexit and subshells
(set -e; (exit 3); echo never); echo $?; (set -e; (false) || echo caught)
#### errexit and arithmetic
(set -e; ((1)); echo a; ((0)); echo never); echo $?
#### errexit with and-or
(set -e; true && false; echo never); echo $?; (set -e; false && true; echo on); echo $?
#### nounset
(set -u; echo $x; echo never); echo $?; (set -u; echo ${x-ok} ${x:-ok2} "$@" $#); (set -u; x=; echo "[$x]")
#### nounset and arrays
(set -u; a=(); echo "${a[@]}"; echo ${#a[@]}; echo ${a[0]}; echo never) 2>/dev/null; echo $?
#### xtrace
(set -x; echo a 'b c'; x=1; y="a b"; f() { :; }; f) 2>&1
#### xtrace of a substitution
(PS4='> '; set -x; echo $(echo in)) 2>&1 | head -3 | tail -1
#### trap EXIT
(trap 'echo bye $?' EXIT; echo hi; exit 3); echo $?
#### trap EXIT at the end of a subshell
(trap 'echo bye' EXIT; echo hi); (trap 'echo never' EXIT; trap - EXIT; echo x)
#### trap EXIT is not inherited
trap 'echo outer' EXIT; (echo in); echo x
#### trap EXIT can change the status
(trap 'exit 7' EXIT; exit 3); echo $?
#### trap ERR
trap 'echo err $?' ERR; false; true; false || true; if false; then :; fi; (exit 4); echo on
#### trap ERR and functions
trap 'echo err' ERR; f() { false; true; }; f; g() { false; }; g; echo end
#### trap lists
trap 'echo x' EXIT; trap "it's" ERR; trap; trap -p ERR; trap - EXIT ERR; trap
#### command and type
f() { echo fn; }; type -t f echo if nosuch; echo $?; command -v f if echo; command -v nosuch; echo $?
#### command skips functions
echo() { printf 'mine\n'; }; echo; command echo real; builtin echo real2; unset -f echo; echo back
#### alias
shopt -s expand_aliases
alias hi='echo hello'
hi you
unalias hi
hi 2>/dev/null; echo $?
#### getopts
f() { local OPTIND=1 o; while getopts ab:c o "$@"; do echo "$o ${OPTARG-}"; done; shift $((OPTIND-1)); echo "rest $*"; }; f -a -b x -c y z; f -bval -ac; f -- -a
#### getopts with mistakes
f() { local OPTIND=1; while getopts :ab: o "$@"; do echo "$o [$OPTARG]"; done; }; f -x -b; g() { local OPTIND=1; while getopts a o "$@"; do echo "$o"; done; }; g -z 2>/dev/null
#### set --
set -- a b; echo $*; set -- ; echo $#; set x -y; echo $1 $2; set - p q; echo $*
#### set -o
set -o noglob; set -o | grep noglob; set +o noglob; [[ -o noglob ]]; echo $?; shopt -s nullglob; shopt nullglob; shopt -q nullglob; echo $?
#### dollar minus
set -u; case $- in *u*) echo u;; esac; set +u; case $- in *u*) echo u;; *) echo no;; esac
#### command not found
nosuchcommand 2>/dev/null; echo $?; nosuch 2>/dev/null || echo or
#### break outside of a loop
break 2>/dev/null; echo $?; f() { break; }; for i in 1 2; do f 2>/dev/null; echo $i; done
#### true, false, colon
:; echo $?; true x y; echo $?; false; echo $?; : $(echo side >&2) 2>/dev/null
#### let and double parentheses
let x=3+4 y=x*2; echo $x $y; let 0; echo $?; ((x>5)); echo $?; ((x=0)); echo $?; (( x += 5, y = x )); echo $x $y
#### a group over lines
{
  echo a
  echo b
}
#### a pipe over lines
echo abc |
  cat |
  tr a b &&
  echo yes
#### semicolons and ampersands
echo a; echo b
echo c &
wait
echo d
#### here in a loop's condition
while read x && [ "$x" != stop ]; do echo $x; done <<EOF
a
b
stop
c
EOF
#### status of an empty loop
false; for x in; do :; done; echo $?; false; while false; do :; done; echo $?; if false; then :; fi; echo $?
#### functions and nested quotes
f() { echo "$1" | sed 's/a/b/'; }; f "a$(f a)"
#### exec in a subshell
(exec echo replaced; echo never); echo $?
#### local of a function that was called twice
f() { local n=$1; if ((n)); then f $((n-1)); fi; echo $n; }; f 2
#### FUNCNAME and dynamic scope
f() { echo ${FUNCNAME[0]}; g; }; g() { echo ${FUNCNAME[0]} ${FUNCNAME[1]}; }; f
#### BASH_SUBSHELL
echo $BASH_SUBSHELL; (echo $BASH_SUBSHELL; (echo $BASH_SUBSHELL))
#### until with break status
until false; do break; done; echo $?
#### and-or over lines
true &&
echo a ||
echo b
#### a comment at the end of a block
if true; then
  echo x # y
  # z
fi # w
#### unset in a function
f() { unset x; echo "[${x-}]"; }; x=1; f; echo "[${x-gone}]"
#### semicolon after then
if true; then echo a; echo b; fi; while false; do :; done
#### return in a sourced script inside a function
echo 'return 5' > s; f() { . ./s; echo "after $?"; }; f
#### set -e inside a function
(f() { set -e; false; echo never; }; f; echo never2); echo $?
#### jobs and their statuses
(exit 3) & wait $!; echo $?; true & p=$!; wait $p; echo $?; { echo in; } & wait; echo $?
#### a job has variables of its own
x=1; { x=2; echo in $x; } & wait; echo $x
#### a line that begins with a negation
! true
echo $?
! false | true; echo $?
! echo a
#### a negated command is expanded once
i=0; ! : $((i++)); echo $i; ! echo $(echo said >> log; echo x); cat log
#### a negated command that there is not
! nosuch 2> /dev/null; echo $?
