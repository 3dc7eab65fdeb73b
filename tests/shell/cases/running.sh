#### exit and return in traps
(trap 'echo hi; exit' EXIT; exit 9); echo $?
(trap 'false; exit' EXIT; exit 9); echo $?
(trap 'false; exit 3' EXIT; exit 9); echo $?
(trap 'f() { false; return; }; f; echo $?' EXIT; exit 9); echo $?
(trap 'false; exit' USR1; kill -USR1 $BASHPID; echo no); echo $?
f() { trap 'return' USR1; (exit 5); kill -USR1 $$; echo no; }; f; echo $?
f() { trap 'return 4' USR1; (exit 5); kill -USR1 $$; echo no; }; f; echo $?
#### a break by no number
for i in 1 2; do echo $i; break abc; echo no; done
echo end
#### loops that ( … ) does not know
for i in 1 2; do (echo a; break; echo b); echo c; done; x=$(break; echo d); echo $x
for i in 1 2; do echo $i | { read x; break; echo $x; }; echo q; done
for i in 1 2; do (for j in 1 2; do echo $i$j; break 3; done; echo r); done
for i in 1; do for j in 1 2; do continue 2; done; echo no; done; echo $?
break; echo $?
#### $? inside a command, behind break and continue
false; while echo $?; [ -z "$e" ]; do e=1; false; continue; done
for i in 1; do false; break; done; echo $?
true; echo `false` $?; echo $(exit 3)$? "$(exit 4)$?" $?
false; echo $(echo $?) $?
x=$(exit 3)$?; echo $? $x
#### assignments before redirections
t=a; t=b >/nonexistent/x; echo $? $t
t=$(echo err >&2; exit 3) 2>/dev/null; echo $?
t=1 u=2 > /dev/null; echo $t$u
#### sourced files
echo 'echo in $1; x=5; return 3; echo no' > s; . ./s a; echo $? $x; false; . /dev/null; echo $?; . ./nonexist; echo $?
. <(echo 'echo proc'); . /dev/stdin <<< 'echo std'
#### a shell of its own
bash -c 'echo ${x?}'; echo $?
bash -c 'set -u; echo $x'; echo $?
bash -c 'echo $((1/0)); echo a'; echo $?
bash -c 'readonly a=1; a=2; echo b'; echo $?
bash -c 'f() { echo ${x:?no}; }; f; echo a' ; echo $?
bash -c '(echo ${x?}); echo $?'; bash -c 'echo $(echo ${x?}; echo k) ; echo $?'
echo 'echo ${x?}' > s; bash s; echo $?; echo 'set -u; echo $x' > s; bash s; echo $?
bash -c 'echo ${x@Z}; echo a'; echo $?; bash -c 'echo $-'; bash -c 'set -n; echo no'; echo $?
bash -ec 'echo $-'; bash -c 'break; echo $?'; bash -c 'exit abc'; echo $?
#### readonly in builtins
readonly a=1; read a <<< x; echo $? $a; printf -v a x; echo $?; mapfile a <<< x; echo $?; for a in 1 2; do echo in; done; echo $?; let a=2; echo $?; echo $((a=3)); echo after
#### readonly elsewhere
readonly a=1
(( a=2 )); echo $?
declare a=2; echo $?; export a=3; echo $?; unset a; echo $?; local a; echo $?
a=4; echo same line
echo next
a=5 true; echo $?
a=5 echo x; echo $?
f() { local a=2; echo $? $a; }; f
echo end
#### declared arrays
typeset -i xxx[4]; typeset -i | grep xxx; xxx[1]=2+5; typeset -p xxx
declare -a b[3]=x; declare -p b; declare c[2]; declare -p c; declare d[1]=5; declare -p d; f() { local e[2]=1; declare -p e; }; f
#### declared without a value
declare -a a; declare -p a; a=(); declare -p a; declare -A m; declare -p m; m=(); declare -p m; m[x]=1; declare -p m; unset 'm[x]'; declare -p m
f() { local -a q; declare -p q; local z; declare -p z; }; f; declare -i n; declare -p n; export e; declare -p e
a+=(1); declare -p a; unset a; declare -a a; a+=(); declare -p a; declare -a b=(); declare -p b; declare -a b; declare -p b
typeset -i w[3]; declare -p w; echo ${#a[@]} ${a-unset} ${a[@]+set}
#### which file is newer
> a; sleep 0.05; > b; [ b -nt a ]; echo $?; [ a -ot b ]; echo $?; [[ a -nt b ]]; echo $?; [ a -nt nonexist ]; echo $?; [ nonexist -ot a ]; echo $?
#### LINENO
LINENO=20; echo $LINENO
echo $LINENO
unset LINENO; echo "[$LINENO]"; LINENO=7; echo $LINENO
echo $LINENO
#### LINENO in eval, traps and scripts
eval 'echo $LINENO
echo $LINENO'
echo $LINENO
f() {
  eval 'echo $LINENO
  echo $LINENO'
  echo $LINENO
}
f
eval "echo \$LINENO" ; trap 'echo $LINENO' EXIT
echo 'echo $LINENO
f() {
echo $LINENO
}
f' > s; . ./s; f
echo $(echo $LINENO) `echo $LINENO`
#### options of bash
bash -O nullglob -c 'echo foo *.nonexistent bar'; bash +O nullglob -c 'echo foo *.nonexistent bar'
bash +c 'echo hi'; echo 'echo foo $1' > foo.sh; bash -x -- foo.sh a; bash - foo.sh b; bash +x foo.sh; bash -e +e -c 'false; echo on'
bash -o pipefail +o pipefail -c 'false | true; echo $?'; bash -O bad -c 'echo no' ; echo $?
echo 'alias ll="echo aliased"; R=1' > rc
bash --rcfile rc -i -c 'echo $R; case $- in *i*) echo i;; esac' 2>/dev/null; bash --rcfile rc -c 'echo [$R]'
bash --norc -i -c 'set -u; echo before; echo $x; echo after
echo line2' 2>/dev/null
printf 'll x\necho $((1/0))\necho on\n' | bash --rcfile rc -i 2>/dev/null
bash -ec 'false; echo no'; echo $?; bash -c 'echo $- $0 $1' a b; bash -s x y <<< 'echo $2'; bash -c -e 'false; echo no'; echo $?
