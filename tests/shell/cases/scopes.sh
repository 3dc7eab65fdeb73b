#### unset uncovers one layer after the other
v=outer; bare() { unset -v "$1"; }; f() { v=b eval 'bare v; echo "$v"; bare v; echo "$v"; bare v; echo "${v-none}"'; }; v=a f; echo "${v-none}"
#### a local hides what stood before the call, and both go
drop() { unset -v "$1"; }; f() { local v=mine; drop v; echo "${v-none}"; }; v=far; v=near f; echo $v
#### a local of a called function begins with the caller's given value
inner() { local v; echo "[$v]"; }; outer() { inner; }; v=far; outer; v=given outer; inner
#### temporary values and unset
x=1; x=2 unset x; echo "${x-none}"; f() { x=3; x=4 eval 'unset x'; echo "${x-none}"; }; f
#### subscripts that stand in texts
declare -A m=([k]=v ['two words']=w); k='two words'; unset 'm["k"]'; echo ${#m[@]}; printf -v 'm[$k]' '%s' new; echo "${m[$k]}"; r='m["two words"]'; echo "${!r}"; test -v 'm[$k]'; echo $?; unset 'm[$k]'; echo ${#m[@]}
#### references to elements
declare -A m=([k]=v); key=k; declare -n r='m[$key]'; echo $r; r=w; declare -p m
#### keys in expressions
declare -A m=([x]=3); (( y = m['x'] * 2 )); echo $y; (( m[ z ] = 4, m["x"]++ )); echo "${!m[@]}|${m[@]}"; echo $(( m[x] + m['x'] ))
#### an index before the first is 0 in an expression
a=(5); echo $((a[-3])) $?; (( x = a[-2] + 1 )); echo $x
#### loops without a condition
for (( ; ; )); do echo once; break; done; for (( i=0 ;  ; i++ )); do (( i == 2 )) && break; echo $i; done
#### elements cannot be exported
export a[1]=2; echo $? "${a[1]-none}"; readonly b[2]=3; echo $? "${b[2]-none}"
#### the line of what is no simple command
echo one
(( n = LINENO )); echo $n
[[ $LINENO == 4 ]] || echo "cond $LINENO"
for i in $LINENO; do echo $i; done
for (( i = LINENO; i < LINENO + 2; i++ )); do
  echo $i
done
case $LINENO in
  *) echo $LINENO
esac
#### DEBUG hears of the line of each command
f() {
  :
}
trap 'echo "$LINENO"' DEBUG
f
x=1
for i in a b; do
  echo $i
done
echo a |
  cat
(( x ))
#### ERR hears of the line
f() {
  false
}
trap 'echo "at $LINENO"' ERR
f

false | false
(( 0 ))
#### set and a lonely sign
set -x; set -; case $- in *x*) echo on;; esac; set + a b; echo "$@"; set -- ; set -o vi; set -o emacs; shopt -o -p vi; shopt -o -p emacs
#### continue with too many words ends its line
for i in 1 2; do for j in 1 2; do echo $i$j; continue 1 2; done; done; echo no
echo $?
#### a command line that fails in its words goes on with the next
bash -c '
echo hi > f$((1/0))
echo $?
case $((1/0)) in *) ;; esac
echo $?'
#### trap shows lines as they are
trap 'echo a
echo b' USR1
trap -p USR1
#### eval has no options
eval -x; echo $?; eval -- echo yes
