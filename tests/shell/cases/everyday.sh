#### paths in the targets of redirections
touch one-bar; echo hi > one-*; cat one-bar; echo escaped > one-\*; cat one-\*; echo hi > zz-*-xx; echo $?; echo zz*; f='foo bar'; echo hi > $f; echo $?; ls; echo hi > a-{one,two}; echo $?; ls; touch foo-a foo-b; echo hi > foo-*; echo $?; star='*'; touch two-bar; echo hi > two-$star; cat two-bar
#### extended patterns in the targets of redirections
shopt -s extglob
touch foo-bar; echo hi > @(*-bar|other); cat foo-bar; echo foo > bad_@(*.cc|*.h); echo $?; echo bad_*; shopt -s failglob; echo foo > bad_@(*.cc|*.h); echo $?; echo hi > zz-*; echo $?
#### empty targets, and several
empty=; fun() { echo hi; } > $empty
fun; echo $?; echo hi > ''; echo $?; cat < ''; echo $?; echo > "$empty"; echo $?; cat <<< $empty; set --; echo hi > $1; echo $?; echo hi > "$@"; echo $?; set a b; echo hi > "$@"; echo $?; echo hi > "$*"; ls; a=(x y); echo hi > ${a[@]}; echo $?; echo hi > ${a[*]:0:1}; ls
#### arrays with holes: what is set
sp1=(); [[ -v sp1[0] ]]; echo $?; [[ -v sp1[-1] ]]; echo $?; sp2=({1..9}); [[ -v sp2[-10] ]]; echo $?; [[ -v sp2[-9] ]]; echo $?; [[ -v sp2 ]]; echo $?; unset 'sp2[0]'; [[ -v sp2 ]]; echo $?; [[ -v sp2[@] ]]; echo $?; declare -A m; [[ -v m ]]; echo $?; [[ -v m[@] ]]; echo $?; m[k]=; [[ -v m[k] && -v m[@] && ! -v m ]]; echo $?; k=k; [[ -v m[$k] ]]; echo $?; [[ -v 'm[$k]' ]]; echo $?
#### arrays with holes: sums and slices
a=(1 2 3 4 5 6 7 8 9); unset 'a[2]' 'a[3]'; echo $((a[2]++)) $((++a[3])) $((a[2]=5,a[2])) $((a[-10])) $((a[9])); echo "${a[@]:2:3}" "${a[@]: -3}" "${a[@]: -30}" "[${a[@]:20}]"
b=(v{0..9}); unset 'b[2]' 'b[3]' 'b[4]' 'b[7]'; argv "abc${b[@]}xyz" "${b[@]#v}" "abc${b[@]%[0-5]}xyz" "${b[@]/?}" "${b[@]//[!0-5]/_}" "${b[@]: -5}" "${b[@]:3:4}" "${b[@]:5:0}"; set -- v{1..9}; argv "${@: -3:2}" "${@: -11:4}" "${*:5:10}" "${@:9}" "${@:10}"
#### @ on texts and arrays
x=; declare -r r=1; echo "${x@Q} ${un@Q}| ${r@Q} ${x@K}| ${un@K}| ${x@A} ${un@A}| ${r@A} ${r@a} ${un@a}|"; array=(x 'y\nz'); echo ${array[@]@Q} ${array@Q} ${array@A}; echo "${array[@]@A}" "${array[@]@K}" "${array[@]@a}" "${array[*]@a}"; argv "${array[@]@K}" "${array[@]@k}"; declare -A A=([x]=y); argv "${A[@]@K}" "${A[@]@k}" "${A@a}" "${A[x]@a}" "${A[@]@A}" "${A@A}|"; echo [${?@a}] [${@@a}] [${#@a}] "${@@A}"; set -- a 'b c'; echo "${@@Q}" "${*@Q}" "${@@A}" "${1@A}" "${@@a}|"
#### @ on arguments and what is not set
echo [${?@a}]; echo [${@@a}];echo [${#@a}];echo "${@@A}"; set -- a 'b c'; echo "${@@Q}"; echo "${*@Q}"; argv "${@@A}"; echo "${1@A}"; echo "${@@a}|"; echo "${#@Q}" ; echo "${$@Q}" | wc -w; echo "${!@Q}" "${-@Q}" "${_@Q}" "${0@Q}" | wc -w; argv "${*@A}" ${@@A}; argv "${@@K}" "${@@U}"
#### @A and @K of arrays
declare -A A=([x]=y); argv "${A[@]@K}" "${A[@]@k}" "${A[@]@A}" "${A@A}" ${A[@]@A}; A[z w]=q; argv "${A[*]@K}"; a=(1 '2 3'); argv "${a[@]@A}" "${a@A}" "${a[*]@A}" "${a[0]@A}" "${a[1]@A}"; unset 'a[0]'; argv "${a@A}" "${a[@]@A}"; declare -a e; argv "${e@A}" "${e[@]@A}"; e=(); argv "${e@A}" "${e[@]@A}"; declare -A ZA; declare -i I; declare ZB; echo ${!Z*} ${!I*}
#### indirection by way of the arguments
a=7; set -- a; echo "${!@}" "${!*}"; set --; echo "[${!@}]"
#### names that a prefix has
ZOO=zoo; ZIP=zip; ZOOM='one two'; argv ${!ZO*} "${!Z*}" "${!Z@}"; hello1=1 hello2=2; hello=(); echo ${!hello@}; IFS=,; argv "${!Z*}" ${!Z*}; f() { local ZLOC=1; echo ${!ZL*}; }; f; echo "[${!nosuch*}]"; declare -A ZA; echo ${!ZA*}; unset ZA; argv "x${!ZO@}y"
#### NUL bytes in scripts and values
printf 'echo one \0 echo two\n' > t.sh; bash t.sh; echo $?; printf 'echo a\nx\0y=1\necho b\n' > t2.sh; bash t2.sh 2>/dev/null; echo $?; printf 'echo "a\0b"\n' | bash 2>/dev/null; x=$(printf 'a\0b'); echo "$x" ${#x}; printf 'a\0b' > f; read x < f; echo "$x"; mapfile y < f; echo "${#y[0]}"; printf 'a\0b\0' | { read -d '' p; read -d '' q; echo $p $q; }; echo $'a\0b' | od -c | head -1; printf '%s\n' $'x\x00y'; echo -e 'q\0w' | wc -c
#### declare and set tell of functions
set -- a b c; f() { :; }; x=1; declare | tail -4; set | tail -4; set -o posix; set | grep -c '^f'
#### set -x: negated tests, traps at the end, readonly and export
exec 2>&1; set -x; [[ ! -e /x || a < b ]]; [[ ! a == b && ! x ]]; trap 'echo t; false' EXIT; readonly R="a b" Q= Z; export E='x y'; (trap 'echo sub' EXIT; :); exit 3
#### GLOBIGNORE lets names with a dot in
touch a.x b.x c.y .h; GLOBIGNORE='*.x'; echo *; GLOBIGNORE='a*:c*'; echo * .*; GLOBIGNORE=; echo *; unset GLOBIGNORE; echo * ; GLOBIGNORE='[ab].x'; echo *.x *; mkdir d; touch d/a.x; GLOBIGNORE='d/*'; echo d/* *; GLOBIGNORE=.; echo .*; GLOBIGNORE='*'; echo *; case a.x in *.x) echo m;; esac; [[ a.x == *.x ]] && echo m2; for i in *; do echo "$i"; done; GLOBIGNORE='\*'; echo *; shopt -s dotglob; GLOBIGNORE=.h; echo *; unset GLOBIGNORE; echo *
#### break and continue by the number
for i; do echo n$i; done; set -- a "b c"; for i; do echo n$i; done; for i in; do echo x; done; for i in 1 2 3; do [ $i = 2 ] && continue; echo $i; done; for i in 1 2; do for j in a b; do [ $j = b ] && continue 2; echo $i$j; done; done; for i in 1 2; do for j in a b; do break 2; done; done; echo $i$j; while true; do break; done; echo $?; for i in 1; do false; done; echo $?; while false; do :; done; echo $?; until true; do :; done; echo $?; i=0; while [ $i -lt 3 ]; do i=$((i+1)); [ $i = 2 ] && continue; echo w$i; done; for i in a b; do echo $i; done | while read x; do echo "r$x"; done; break; echo on; f() { break; }; for i in 1 2; do f; echo in$i; done; for i in 1 2; do (break); echo s$i; done; for i in 1 2; do continue 99; done; echo $i; for i in 1 2; do eval break; echo no; done; for i in 1 2; do break 0; done; echo $? $i
#### parentheses of every kind
(( 1 )); echo $?; ((echo x); echo y); ( (echo z) ); echo $((1+(2))); echo $( (echo q) ); echo $((echo r); echo s); (( (1) + 2 )) && echo t; for (( n=0; n<(2-(1)); n++ )); do echo $n; done; ((a=(1+2)*3)); echo $a; echo "$((1+1))" "$( (echo k); )"; x=$(( (1) )); echo $x; ( ( ( echo deep ) ) ); ((1)) || echo no; (( 0 )) || echo zero; ! (( 1 )); echo $?; echo $(( $( (echo 3) ) )); case x in (x) echo paren;; esac; $( (echo echo hi) ); (( x = 5 , y = x * 2 )); echo $y; [[ ( a == a ) && ( ( b == b ) ) ]]; echo $?
#### a here-document in every place
(cat <<E
in ( )
E
); { cat <<E
in { }
E
}; case x in x) cat <<E
in case
E
;; esac; for i in 1 2; do cat <<E
i$i
E
done; cat <<E | cat <<F
first
E
second
F
cat <<E > out
to file
E
cat out; ! cat <<E
neg
E
echo $?; cat <<E && cat <<F
1
E
2
F
wc -l <<E
a

b
E
cat <<E
a	b  c
  lead
E
eval 'cat <<E
ev
E'; cat << 'E'"'" 
x
E'
read a b <<E
1 2 3
E
echo $b
#### blanks, IFS and what is split
IFS='-'; x=a-b; argv $x-c "$x"-c ${x}d $(echo a-b) `echo c-d` $((1-2)) ~ ; for i in $x; do echo $i; done; case $x in a-b) echo yes;; esac; y=$x; echo "$y"; [[ $x == a-b ]] && echo eq; a=($x z-w); argv "${a[@]}"; read m n <<< "p-q-r"; echo "$m|$n"; IFS=$'\n'; argv $(printf 'a b\nc\n\nd'); IFS=' '; argv $(printf ' a  b '); argv ${un:-a b} "${un:-a b}" ${un:-"a b" c} ${un:-'x y'}; w='a b'; argv ${w:+$w} ${w:+"$w"} "${w:+'q'}" ${w/ /-x y}; echo $w'' "$w"$w; local_=$w; export E=$w; echo "$E"; declare D=$w; echo "$D"
#### command substitutions in words
echo `echo \`echo in\`` "`echo "q q"`" $(echo ')') $(echo "\$x") $(case a in a) echo c;; esac) $(case a in (a) echo d;; esac) $(# comment )
echo e) "$(echo "$(echo "n n")")" $(echo 'it'\''s') $(cat <<E
hd )
E
); x=$(printf 'a\n\n\n'); echo "[$x]"; y=$(false); echo $?; z=$(exit 3)x; echo $? $z; echo $(exit 4) $?; echo "$(echo a; exit 5)" $?; a=$(true) b=$(exit 6); echo $?; local_() { local v=$(false); echo $?; local w; w=$(false); echo $?; }; local_; export e=$(false); echo $?; $(echo echo) hi; $(true) ; echo $?; $(exit 7); echo $?; $(exit 8) >/dev/null; echo $?; echo $( ) "$()" `` | cat -A; echo $(echo a
echo b) "$(echo c
echo d)"; echo $(( $(echo 1) + `echo 2` )); echo $(echo $(echo $(echo deep))); f() { echo "$(echo "$@")"; }; f a 'b  c'; echo "${x:-$(echo no)}" "${un:-$(echo "y  z")}"; set -- $(echo 1 2 3); echo $#; echo `echo '\\'` `echo "\\\\"` $(echo '\\'); echo "`echo '$HOME'`" '`x`'; v=`echo "a\"b"`; echo "$v"; echo $(<nofile) $?; echo x > f; echo $(<f) "$(< f)" `<f` $(<f; echo y); eval "$(printf 'echo %s\n' a b)"; echo $(return 3) $?; echo $(trap 'echo t' EXIT; echo b)
#### functions in every form
f() { echo f; }; function g { echo g; }; function h() { echo h; }; function i
{ echo i; }; j ()
{
echo j; }; k() ( echo k; exit 3 ); l() [[ a == a ]]; m() (( 1 )); n() if true; then echo n; fi; o() for x in 1; do echo o; done; p() case a in a) echo p;; esac; q() { echo q; } 2>&1; r() { return 4; }; f; g; h; i; j; k; echo $?; l; echo $?; m; echo $?; n; o; p; q; r; echo $?; s() { t() { echo t; }; }; s; t; u() { echo "$# $1 $FUNCNAME"; }; u a b; unset -f u; u 2>/dev/null; echo $?; f() { echo redefined; }; f; function _-x.y { echo odd; }; _-x.y; function if2 { :; }; v() { local a=1; w; echo $a; }; w() { a=2; }; v; echo [$a]; x() { echo "$@"; shift; echo $1; }; x 1 2; y() { return; }; false; y; echo $?; z() { false; }; z; echo $?; rec() { [ $1 = 0 ] && return; echo $1; rec $(($1-1)); }; rec 3; aa() { set -- new; }; set -- old; aa; echo $1; declare -f f; type -t f; bb() { :; }; bb >/dev/null; echo $?; cc() { echo ${FUNCNAME[@]}; }; dd() { cc; }; dd; function ee { for i; do echo $i; done; }; ee p q
#### regular expressions and their groups
[[ 'a]b' =~ [\]] ]]; echo $?; [[ a-b =~ a[-]b ]]; echo $?; r='(a|b)'; [[ xb =~ x$r ]]; echo $? ${BASH_REMATCH[1]}; [[ $'a\nb' =~ a.b ]]; echo $?; [[ AB =~ ab ]]; echo $?; shopt -s nocasematch; [[ AB =~ ab ]]; echo $?; shopt -u nocasematch; [[ 'a{2}' =~ a\{2\} ]]; echo $?; [[ aa =~ ^a{2}$ ]]; echo $?; [[ foo123 =~ ([a-z]+)([0-9]+) ]] && echo "${BASH_REMATCH[2]} ${BASH_REMATCH[1]}"; [[ a =~ $'a' ]]; echo $?; s='[a'; [[ '[a' =~ $s ]] 2>/dev/null; echo $?; [[ '$x' =~ \$x ]]; echo $?; [[ 'a"b' =~ a\"b ]]; echo $?; [[ ab =~ a(b) && ${BASH_REMATCH[1]} == b ]]; echo $?; [[ abc =~ a(.*) ]]; [[ q =~ z ]]; echo "${#BASH_REMATCH[@]}"; v='^(.)(.)'; [[ xyz =~ $v ]]; declare -p BASH_REMATCH; [[ "a b" =~ "a b" ]]; echo $?; [[ 'ab' =~ a'b' ]]; echo $?; [[ a.c =~ a\.c ]]; echo $?; [[ éa =~ ^.a$ ]]; echo $?; [[ a =~ b|a ]]; echo $?; [[ "x)" =~ x\) ]]; echo $?; [[ a =~ (a|) ]]; echo $?; [[ ! a =~ b ]]; echo $?
#### names of an array's element by way of another
x=xx; xx=aaabcc; a=(asdf x); b=(aoeu a); echo ${!a[1]} ${!b[1]}; y=yy; yy=; echo "${!y:-foo} ${!x:-foo} ${!x:?oops} ${!y:+foo}| ${!x:+foo} ${!x:2} ${!x:2:2} ${!x#*a} ${!x%%c*} ${!x/a*b/d} ${!x^a} ${!x^^} ${#x}"; declare -a c=(ale bean); echo "[${!c}]"; ale=zzz; echo ${!c}; ref='c[0]'; echo ${!ref}; r='c[@]'; argv "${!r}" ${!r}; r='c[*]'; argv "${!r}"; r='c[1+0]'; echo ${!r}; f() { argv "${!1}"; }; f 'nonexistent[0]'; f 'c[@]'; declare -A as=([ale]=bean); r='as["ale"]'; echo ${!r}; r='as["al"e]'; echo ${!r}; r='as[ale]'; echo ${!r}; r='as[bad]'; echo "[${!r}]"; k=ale; r='as[$k]'; echo ${!r}
#### builtins that are taken away
enable -n echo cd; type -t echo; type -t cd; cd /; echo $?; echo hi; enable -n; builtin cd /; echo $?; enable cd; type -t cd; enable -n nosuch; echo $?; (enable echo; type -t echo); type -t echo; command -v echo; enable -n break; for i in 1 2; do break; done; echo $?
f() { enable echo; }; f; type -t echo; enable -n test [; test 1 = 1; echo $?; enable -n exit; exit 3; echo still; enable -d foo; echo $?; enable -f x y; echo $?; enable -n enable; enable test; echo $?
#### set -k
f() { echo "$# [$*] [$a]"; }
set -k
f x a=1 y; a=5; f a=2; echo $a; echo a=3 b; env q=7 | grep -c '^q='; sh -c 'echo $z' z=9; f "a=1" a=$(echo 4) a+=x 1=2; echo $-
f 'a'=1 a=2=3 -a=1; for i in a=1; do echo $i; done; eval echo a=3; set +k
echo a=1; set -o keyword
cd=3 echo hi cd=4; set +o keyword
#### a loop over a reference
declare -n r3=r4; r4=(a b); for r3 in 1; do echo in; done; echo $?; declare -p r3; for r3 in x 2y z; do echo "[$r3]"; done; declare -p r3; for r3 in 'a b'; do echo in; done; echo on
#### printf counts bytes, and keeps how many
printf 'abc%n\n' v; echo $v; printf '%s%n%s%n\n' ab x cde y; echo $x $y; printf '%n' 1x; echo $?; printf '%.1s|%3s|%-4s|%.3q|%5q|%.1b|%4b|\n' é é é 'a b' 'a b' é é | od -c; printf '%c%c' '' é | od -c; printf '%5c|\n' a; printf '%.0c|\n' a
#### read and the blanks at the end
echo 'a b \ ' | { read x y; echo "[$y]"; }; echo 'a \ ' | { read x; echo "[$x]"; }; echo '\ a \ \ ' | { read x; echo "[$x]"; };  echo 'a\ ' | { read x; echo "[$x]"; }; echo 'a b\ ' | { read x y; echo "[$y]"; }; echo 'a:b:\: ' | { IFS=': ' read x y; echo "[$y]"; }; echo 'a b\' | { read x y; echo "[$y]"; }; echo 'a \  b' | { read x y z; echo "[$x][$y][$z]"; }; echo 'a \  ' | { read x y z; echo "[$x][$y][$z]"; }; echo 'a,b\,' | { IFS=, read x y; echo "[$y]"; }
#### prompts in scripts
declare -n r3=r4; for r3 in 1; do echo in; done
echo "[$PS1]"; bash -c 'echo "[$PS1]"'; PS1=x; bash -c 'echo "[$PS1]"'; export PS1; bash -c 'echo "[$PS1]"'; unset PS1; echo "[$PS1]"; PS2=; echo "[$PS2]"
#### read in every way
echo 'a b c' | { read x y; echo "$x|$y"; }; echo ' a  b ' | { read x; echo "[$x]"; }; echo 'a\ b c' | { read x y; echo "$x|$y"; }; echo 'a\ b' | { read -r x y; echo "$x|$y"; }; echo 'a:b:c' | { IFS=: read x y; echo "$x|$y"; }; echo 'a::b' | { IFS=: read x y z; echo "$x|$y|$z"; }; echo 'a:b:' | { IFS=: read x y; echo "$x|$y"; }; printf 'no newline' | { read x; echo "$? $x"; }; read x < /dev/null; echo "$? [$x]"; echo abc | { read -n 2 x; echo $x; }; echo abcdef | { read -N 4 x; echo $x; }; printf 'a;b' | { read -d ';' x; echo $x; }; echo '1 2 3' | { read -a arr; echo ${arr[2]} ${#arr[@]}; }; printf 'l1\\\nl2\n' | { read x; echo $x; }; printf 'l1\\\nl2\n' | { read -r x; echo $x; }; echo x | { read; echo "[$REPLY]"; }; echo ' sp ' | { read; echo "[$REPLY]"; }; echo a b | { read -r x y z; echo "[$z]"; }; read -u 9 x 2>/dev/null; echo $?; read -t 0 < /dev/null; echo $?; read 1x 2>/dev/null <<< a; echo $?; read x y <<< 'one two three'; echo $y; IFS= read x <<< '  keep  '; echo "[$x]"; IFS=$'\t' read x y <<< $'a\t\tb'; echo "$x|$y"; IFS=, read x y <<< 'a,b,c,'; echo "$y"; while IFS= read -r l || [ -n "$l" ]; do echo "<$l>"; done <<< $'x\ny'; read -p prompt x <<< p; echo $x; read -s x <<< s; echo $x; read -n 0 x <<< abc; echo "$?[$x]"; read -d '' x <<< $'m\nn'; echo "$? $x"; read x[2] <<< e; echo ${x[2]}; readonly ro; read ro <<< z 2>/dev/null; echo $?; echo 'a b  c  ' | { read x y; echo "[$y]"; }; echo 'a b \ ' | { read x y; echo "[$y]"; }
#### getopts
f() { OPTIND=1; while getopts 'ab:c' o; do echo "$o=$OPTARG $OPTIND"; done; shift $((OPTIND-1)); echo "rest $*"; }; f -a -b val -c x y; f -ab val; f -bval z; f -ac -- -b q; f; f x -a; f -b 2>/dev/null; f -z 2>/dev/null; g() { OPTIND=1; while getopts ':ab:' o; do case $o in :) echo "need $OPTARG";; \?) echo "bad $OPTARG";; *) echo "$o $OPTARG";; esac; done; }; g -b; g -z; g -a -x -b 1; OPTERR=0; f -q; set -- -a -b 1; OPTIND=1; getopts ab: o; echo $o $OPTIND; getopts ab: o; echo $o $OPTARG $OPTIND; getopts ab: o; echo $? $o; h() { local OPTIND; getopts x o -x; echo $o; }; h; getopts a 2>/dev/null; echo $?; getopts a o -a; echo $?$o; unset OPTIND; getopts ab o -a -b; echo $o
#### traps one after the other
trap 'echo exit $?' EXIT; trap 'echo err $? $LINENO' ERR; false; true; (exit 3); f() { false; echo in; }; f; ! false; false || true; if false; then :; fi; trap; trap - ERR; false; trap -p EXIT; (trap; echo sub); trap 'echo usr' USR1; kill -USR1 $$; trap '' USR1; kill -USR1 $$; trap - USR1; trap nosuch 2>/dev/null; echo $?; trap 'x' NOSUCH 2>/dev/null; echo $?; trap -l | head -1 | cut -c1-10; trap 'echo ret' RETURN; g() { :; }; g; set -T; g; set +T; trap - RETURN; trap 'echo dbg $BASH_COMMAND' DEBUG; x=1; echo hi; trap - DEBUG; exit 5
