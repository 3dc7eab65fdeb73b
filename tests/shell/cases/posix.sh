#### set -o posix
set -o posix; echo $?; [[ -o posix ]]; echo $?; set -o | grep posix; echo $SHELLOPTS | grep -c posix; set +o posix; [[ -o posix ]]; echo $?
#### what it changes
set -o posix
x=1 :; echo "[$x]"
echo f=~
echo "${IFS+'}'}z"
alias a='echo b'; alias
a
set -e; x=$(false; echo no) || echo $? $x
#### an assignment that fails before a special builtin
set -o posix
readonly r=1; r=2 :; echo no
#### a special builtin that fails
set -o posix; . ./nonexistent; echo no
#### an assignment that fails
set -o posix
readonly r=1
(r=2; echo no
echo no); echo $?
r=2
echo no
#### bash --posix
bash --posix -c 'echo $-; [[ -o posix ]]; echo $?; x=1 :; echo $x'; bash -o posix -c 'x=1 export y; echo $x'
bash -o nosuch -c 'echo no' 2>/dev/null; echo $?
echo 'echo $LINENO' > s; bash -eu s; bash -c 'echo $-' -x; bash -xc 'echo $-' 2>/dev/null
#### $[ … ]
echo $[1+2] "$[ 3*4 ]x" $[ $[1]+1 ] $[ $(echo 2) * 3 ]; a=(4 5); echo $[a[1]] $[ 1 ? 2 : 3 ]
#### what can be assigned to in ?:
x=1; echo $((1 ? 20 : (x+=2))) $x; echo $((1 ? 20 : x+=2)); echo no
#### a number that is none
typeset -i i; i=3#4; echo no
echo $?
a[-9]=1; echo no
echo $?; [[ 1+ -eq 1 ]]; echo $?
