#### assign quoting
x="a  b"; y=$x; argv "$y"; z=$(echo "$x"); argv "$z"; w=*; argv "$w"
#### env binding visible in function only
f() { printenv FOO; echo "${FOO-unset}"; }; FOO=bar f; echo "[$FOO]"
#### export to sh
export A=1; B=2; sh -c 'echo $A [$B]'; C=3 sh -c 'echo $C'
#### dynamic scope unset local
f() { local x=1; g; echo "f ${x-unset}"; }; g() { unset x; echo "g ${x-unset}"; }; x=global; f; echo $x
#### local splitting
f() { local x=$1 y; x="a b"; local z=$x; argv "$z"; }; f q
#### declare in function is local
f() { declare x=1; declare -g y=2; }; f; echo "${x-unset} $y"
#### while with multiple commands in the condition
i=0; while i=$((i+1)); [ $i -lt 3 ]; do echo $i; done
#### nested functions
outer() { inner() { echo in; }; inner; }; outer; inner
#### function redefines itself
f() { echo 1; f() { echo 2; }; }; f; f
#### command sub strips nul and newline
x=$(printf 'a\n\n\n'); echo "[$x]"
#### here doc in function with tabs
f() {
	cat <<-EOF
	one
		two
	EOF
}
f
#### multiple here docs same command
while read a <&3 && read b <&4; do echo $a$b; done 3<<A 4<<B
1
2
A
x
y
B
#### arithmetic for with no spaces
for((i=0;i<2;i++));do echo $i;done
#### case nested in for
for x in a b; do case $x in a) echo A;; b) echo B; esac; done
#### echo -e variants
echo -e "\e[0m" | wc -c; echo -e '\0' | wc -c; echo -e 'a\\b'; echo "a\tb"
#### prefix env with builtin
IFS=: read a b <<< 'x:y'; echo "$a $b"; printf '%s\n' "[$IFS]" | wc -l
#### IFS join then split
IFS=:; a=(1 2 3); s="${a[*]}"; set -- $s; echo $#; echo "$1"
#### word split with empty at
set -- "" x ""; argv $@; argv "$@"; argv "a$@b"
#### $* in assignment and here-doc
set -- a b; IFS=,; x=$*; y="$*"; z=$@; echo "$x" "$y" "$z"
#### unquoted array with glob chars
a=('*' 'b c'); set -f; argv ${a[@]}; set +f
#### default with at
set -- a b; argv "${@:-x}"; set --; argv "${@:-x y}"; argv ${*:-p q}
#### pattern sub with special chars
x='a.b.c'; echo ${x//./-}; y='a/b'; echo ${y////x} 2>/dev/null; z='[a]'; echo ${z/[a]/b}; echo ${z/\[a\]/b}; echo "${z/"[a]"/b}"
#### anchors in replacement
x=aXa; echo ${x/#a/b} ${x/%a/b} ${x//#a/c}
#### case conversion of arrays
a=(ab cd); echo ${a[@]^} ${a[@]^^[c]}
#### length with unicode
x=日本; echo ${#x} ${x:1}
#### test with parentheses and precedence
[ ! -z a -a ! -z b ]; echo $?; [ \( a \) -a \( b \) ]; echo $?; test ! a -o b; echo $?
#### dbracket precedence
[[ a && '' || c ]]; echo $?; [[ ! ( a && '' ) ]]; echo $?; [[ -n a && ( '' || b ) ]]; echo $?
#### regex special
[[ "a+b" =~ a\+b ]]; echo $?; re='a|b'; [[ xbx =~ $re ]]; echo $? ${BASH_REMATCH[0]}; [[ abc =~ . ]]; echo ${BASH_REMATCH[0]}; [[ 'foo bar' =~ 'o b' ]]; echo $?
#### errexit in command sub assignments
set +e; x=$(false; echo hi); echo $x; set -e; y=$(echo a; false; echo b) || true; echo $y
#### errexit subshell
set -e; (false; echo no) || echo caught; if (false; true); then echo t; fi; echo end
#### errexit pipeline in if
set -e; if echo x | grep -q y; then :; else echo else; fi; while echo x | grep -q y; do :; done; echo done
#### errexit local masking
set -e; f() { local x=$(false); echo masked; }; f
#### nounset with defaults
set -u; echo ${x:-d} ${x-d} ${#}; a=(1); echo ${a[@]} ; f() { echo ${1-none}; }; f
#### trap ERR exit code
trap 'echo "err $?"' ERR; (exit 7); false || true; ! true; echo end
#### trap EXIT with exit code in function
trap 'echo "exit $?"' EXIT; f() { exit 5; }; f
#### subshell exit trap
( trap 'echo sub' EXIT; exit 3 ); echo $?
#### alias with args and trailing space
shopt -s expand_aliases
alias e='echo '
alias w=world
e hi w
alias ll='echo a; echo b'
ll c
#### alias in a function
shopt -s expand_aliases
alias x1='echo aliased'
f() { x1 $1; }
f q
#### getopts reset
OPTIND=1; set -- -a -b val rest; while getopts 'ab:' f; do echo $f $OPTARG; done; shift $((OPTIND-1)); echo $1
#### read several variables with -r
printf 'a\\b c\n' | while read -r x y; do echo "$x,$y"; done
#### mapfile from process sub
mapfile -t a < <(printf '%s\n' x y z); echo ${#a[@]} ${a[2]}
#### printf repeat and missing args
printf '%s=%d\n' a 1 b; printf '%5.2f|%-10s|%x\n' 3.14159 hi 255; printf '%s' a b c; echo; printf '%%|%c|%5c\n' x y
#### printf octal and hex escapes
printf '\101\x42\u0043\n'; printf '%b' '\0101\n'; printf '%q\n' "a'b c"
#### brace with strings and nested sequences
echo a{1..3}b{x,y} {{1..2},z} {a,b}{1..2} x{,y,}z {3..1} {a..c}{1,2}
#### brace edge
echo {a,b,} {,} a{b}c {1..a} {1,2}{ {x,y}} \{x,y\} "{x,y}"
#### tilde edge
HOME=/h; echo ~/a "~/a" a~/b ~:x x=~/y; x=~/y:~/z; echo $x; echo ${u:-~}
#### special vars
set -- a b; echo $# $* $@ "$#"; (exit 4); echo $?; echo ${#}; f() { echo $0 | wc -w; echo $#; }; f 1 2 3
#### declare -p output
declare -i i=5; declare -r r=x; declare -x e=y; declare -a a=(1 2); declare -A h=([k]=v); declare -l l=ABC; declare -p i r e a h l
#### nameref loop and arrays
f() { local -n arr=$1; arr+=(new); echo ${#arr[@]}; }; data=(a b); f data; echo ${data[2]}
#### array slices and negative
a=(0 1 2 3 4); echo ${a[@]:1:3} ${a[@]: -2:1} ${a[@]:4:9} "${a[@]:5}" x; a[-1]=z; echo ${a[4]}
#### array in arithmetic
a=(5 6); ((a[1]+=4)); echo $((a[0]*a[1])) ${a[1]}; i=0; echo $((a[i++])) $i
#### assoc iteration and delete
declare -A m; m[x]=1; m[y]=2; unset m[x]; echo ${!m[@]} ${m[@]}; m=(); echo ${#m[@]}; m+=([a]=b); echo ${m[a]}
#### quoting in case
x='$y'; case '$y' in "$x") echo lit;; esac; case a\*b in a'*'b) echo star;; esac; case ab in a*'b') echo mix;; esac
#### redirect ordering and here-string
cat <<< "a
b" | wc -l; tr a-z A-Z <<< hello; read x <<< "  spaced  "; echo "[$x]"
#### exec redirect in subshell
( exec 5>&1; echo a >&5; exec >/dev/null; echo b; echo c >&5 )
#### fd closing
exec 7>tmpf; echo x >&7; exec 7>&-; cat tmpf; { echo y >&7; } 2>/dev/null || echo closed
#### pipe with while and break
printf '%s\n' 1 2 3 4 | while read n; do [ $n = 3 ] && break; echo $n; done
#### background and wait
{ echo bg; exit 2; } & wait $!; echo $?
#### nested quotes in backquotes
echo `echo "a  b"` "`echo 'c  d'`" `echo \$HOME | wc -c`
#### eval with multiple lines
eval 'x=1
y=2
echo $((x+y))'
#### set options in $-
set -e; case $- in *e*) echo has e;; esac; set +e; set -o pipefail; shopt -o pipefail; [[ -o pipefail ]] && echo on
#### LINENO
echo $LINENO
echo $LINENO
#### printf %s with array
a=('x y' z); printf '<%s>\n' "${a[@]}"; printf '%s-' ${a[@]}; echo
#### cd in subshell and dirs
mkdir -p a/b; (cd a/b; basename $PWD); basename $PWD | wc -l; cd a; cd ..; ls -d a
#### glob classes
touch f1 f2 fa fB; echo f[0-9] f[[:upper:]] f[!0-9] f[^a]; echo f?; echo *a
#### comment and semicolons
echo a;# comment
echo b # c
: # nothing
#### arithmetic command status
((0)) || echo zero; ((5)) && echo five; x=0; ((x++)) || echo was0; echo $x; ((x--)); echo $?
#### let
let a=5 b=a*2; echo $a $b; let 'c=b>5'; echo $c
#### integer overflow literal
echo $((9223372036854775807)) $((0x7fffffffffffffff)) $((-9223372036854775807-1))
#### unset var in arithmetic
unset z; echo $((z+1)) $((z)); z=; echo $((z+2))
#### exit codes of signals in pipes
yes | head -1; echo ${PIPESTATUS[1]}
#### quoted here-doc delimiters with spaces after
cat <<'E1'   
$x
E1
#### type of things
f() { :; }; alias q=echo; type -t f cd if [[ ; type f | head -1
#### command with redirect only and status
false; > /dev/null; echo $?
#### double negation
! ! true; echo $?
#### until with complex condition
n=0; until ((n>=2)) || false; do ((n++)); done; echo $n
#### return value propagates
f() { return 2; }; f || echo "rc $?"; f && echo no; g() { f; }; g; echo $?
