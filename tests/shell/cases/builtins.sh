#### echo
echo; echo -n a; echo b; echo -e 'a\tb\nc'; echo -E 'a\tb'; echo 'a\tb'; echo -- x; echo -ne 'q\n'; echo -x; echo - y; echo -e '\x41\0101\u0042\\'; echo -e 'a\cb'; echo
#### printf
printf '%s\n' a b; printf '%d %i\n' 3 -4; printf '%5d|%-5d|%05d|%+d\n' 3 3 3 3; printf '%x %X %o %#x %#o\n' 255 255 8 255 8; printf '%u\n' -1
#### printf strings
printf '%5s|%-5s|%.2s|%5.1s|\n' abc abc abc abc; printf '%c%c\n' abc d; printf '%s' ''; printf '%s %s\n' a; printf '[%s]\n' "a b" ''
#### printf numbers
printf '%d %d %d\n' 017 0x1f "'A"; printf '%d\n' abc; echo $?; printf '%d\n' 3x; echo $?; printf '%d\n' ''; printf '%d\n'
#### printf floats
printf '%f %.2f %e %g %G\n' 3.14159 3.14159 31415.9 0.00001 1e20; printf '%5.1f|%-8.3f|%+.0f\n' 2.25 2.5 2.5
#### printf escapes
printf 'a\tb\n\x41\101\\\n'; printf '%b\n' 'a\tb\0101'; printf '%s\n' 'a\tb'; printf 'a%%b\n'
#### printf widths from arguments
printf '%*d|%-*d|%.*f\n' 5 42 5 42 2 3.14159; printf '%*s|\n' -5 a
#### printf repeats
printf '%s-%s\n' 1 2 3; printf '%d,' 1 2 3; echo; printf 'x\n' a b; printf '%s %d\n' a 1 b 2
#### printf -v
printf -v x '%03d' 7; echo $x; printf -v a[2] hi; echo ${a[2]}
#### printf %q
printf '%q ' 'a b' "it's" plain '' '$x' 'a*b' '~' 'x~'; echo; printf '%q\n' $'a\nb'
#### printf with bad format
printf '%z\n' 2>/dev/null; echo $?; printf 2>/dev/null; echo $?; printf '%' 2>/dev/null; echo $?
#### printf dashes
printf -- '-%s\n' a; printf '%s\n' -n
#### printf %(T
printf '%(%Y)T\n' 0; TZ=UTC printf '%(%H:%M)T\n' 3600
#### read words
echo 'a b c' | { read x y; echo "$x|$y"; }; echo ' a  b ' | { read x; echo "[$x]"; }; echo 'a' | { read x y; echo "$x|$y"; }; echo ' q r ' | { read; echo "[$REPLY]"; }
#### read and IFS
echo 'a:b:c' | { IFS=: read x y; echo "$x|$y"; }; echo 'a:b:' | { IFS=: read x y z; echo "$x|$y|$z"; }; echo '::c' | { IFS=: read x y z; echo "$x|$y|$z"; }; echo ' a : b ' | { IFS=: read x y; echo "[$x][$y]"; }
#### read's last name
echo 'a:b:c:' | { IFS=: read x y; echo "$x|$y"; }; echo 'a:b:' | { IFS=: read x y; echo "$x|$y"; }; echo 'a,b,,' | { IFS=, read x y z; echo "$x|$y|$z"; }
#### read and backslashes
printf 'a\\b c\\\nd e\n' | { read x y; echo "$x|$y"; }; printf 'a\\tb\n' | { read -r x; echo "$x"; }; printf 'a\\ b c\n' | { read x y; echo "$x|$y"; }
#### read's status
printf 'a' | { read x; echo $? $x; }; printf '' | { read x; echo "$?[$x]"; }; printf '\n' | { read x; echo $?; }
#### read -n, -N, -d
echo abcdef | { read -n 3 x; echo $x; read y; echo $y; }; echo abc | { read -N 2 x; echo $x; }; printf 'a;b;c' | { read -d ';' x; read -d ';' y; echo $x$y; read -d ';' z; echo $? $z; }; printf 'a\0b\0' | { read -d '' x; echo $x; }
#### read several lines
printf '1 2\n3 4\n' | while read a b; do echo $((a+b)); done; printf 'x\ny' | while read l; do echo $l; done; printf 'x\ny' | while read l || [ -n "$l" ]; do echo $l; done
#### read bad names
read 1a <<< x 2>/dev/null; echo $?
#### test strings
[ a = a ]; echo $?; [ a = b ]; echo $?; [ a != b ]; echo $?; [ -z '' ]; echo $?; [ -n a ]; echo $?; [ '' ]; echo $?; [ x ]; echo $?; [ a \< b ]; echo $?; [ b \> a ]; echo $?; [ ]; echo $?
#### test numbers
[ 1 -eq 1 ]; echo $?; [ 1 -ne 1 ]; echo $?; [ 1 -lt 2 ]; echo $?; [ 2 -le 2 ]; echo $?; [ 3 -gt 4 ]; echo $?; [ -1 -ge -2 ]; echo $?; [ ' 5 ' -eq 5 ]; echo $?; [ a -eq 1 ] 2>/dev/null; echo $?
#### test logic
[ a -a b ]; echo $?; [ a -a '' ]; echo $?; [ '' -o b ]; echo $?; [ ! a ]; echo $?; [ ! '' ]; echo $?; [ ! a = b ]; echo $?; [ '(' a ')' ]; echo $?; [ '(' a = b ')' -o c ]; echo $?; [ a = a -a b = b ]; echo $?
#### test with odd words
[ -n ]; echo $?; [ ! ]; echo $?; [ = ]; echo $?; [ -e ]; echo $?; [ '(' ]; echo $?; [ -z = -z ]; echo $?; [ ! = ! ]; echo $?; test -a; echo $?; x='='; [ $x = = ]; echo $?
#### test errors
[ a b ] 2>/dev/null; echo $?; [ a = 2>/dev/null; echo $?; [ a = b c ] 2>/dev/null; echo $?; test 1 -eq 2>/dev/null; echo $?
#### test files
> f; mkdir d; echo x > g; [ -e f ]; echo $?; [ -f f ]; echo $?; [ -d d ]; echo $?; [ -d f ]; echo $?; [ -s f ]; echo $?; [ -s g ]; echo $?; [ -e nosuch ]; echo $?; [ -r f ]; echo $?; [ -f d ]; echo $?; [ f -ef f ]; echo $?; [ ./f -ef f ]; echo $?
#### test -v and -o
x=1; [ -v x ]; echo $?; [ -v nosuch ]; echo $?; [[ -v x ]]; echo $?; set -f; [ -o noglob ]; echo $?
#### double brackets
[[ a == a ]]; echo $?; [[ a = b ]]; echo $?; [[ abc == a* ]]; echo $?; [[ abc == "a*" ]]; echo $?; [[ abc != x* ]]; echo $?; [[ a < b && b > a ]]; echo $?; [[ -z '' || x ]]; echo $?; [[ ! a ]]; echo $?; [[ ( a || b ) && c ]]; echo $?
#### double brackets split nothing
x='a b'; [[ $x == 'a b' ]]; echo $?; [[ -n $x ]]; echo $?; y=; [[ $y ]]; echo $?; [[ $y == '' ]]; echo $?; [[ -z $nosuch ]]; echo $?
#### double brackets with patterns in variables
p='a*'; [[ abc == $p ]]; echo $?; [[ abc == "$p" ]]; echo $?; [[ 'a*' == "$p" ]]; echo $?; [[ abc == a?c ]]; echo $?; [[ abc == [a-c]* ]]; echo $?; [[ a.c == a\.c ]]; echo $?
#### extended patterns in double brackets
[[ foo == @(foo|bar) ]]; echo $?; [[ aaa == +(a) ]]; echo $?; [[ '' == ?(x) ]]; echo $?; [[ foo == !(bar) ]]; echo $?; [[ foobar == foo*(bar) ]]; echo $?
#### regular expressions
[[ foo123 =~ ([a-z]+)([0-9]+) ]]; echo $? ${BASH_REMATCH[0]} ${BASH_REMATCH[1]} ${BASH_REMATCH[2]}; [[ abc =~ ^b ]]; echo $? ${#BASH_REMATCH[@]}; [[ 'a b' =~ a\ b ]]; echo $?; [[ a.b =~ a"."b ]]; echo $?; [[ axb =~ a"."b ]]; echo $?
#### regular expressions in variables
r='^[0-9]+$'; [[ 123 =~ $r ]]; echo $?; [[ 12a =~ $r ]]; echo $?; [[ '^[0-9]+$' =~ "$r" ]]; echo $?; r='(a|b)c'; [[ xbcx =~ $r ]]; echo ${BASH_REMATCH[1]}
#### regular expressions with alternatives and classes
[[ foo =~ ^(foo|bar)$ ]]; echo $?; [[ ab12 =~ [[:alpha:]]+[[:digit:]]{2}$ ]]; echo $?; [[ '$x' =~ ^\$x ]]; echo $?
#### numbers in double brackets
[[ 3 -gt 2 ]]; echo $?; [[ 2 -eq 1+1 ]]; echo $?; x=7; [[ x -eq 7 ]]; echo $?; [[ '' -eq 0 ]]; echo $?
#### double brackets over lines
[[ a == a &&
   b == b ]] && echo yes
[[
 a ]] && echo x
#### nocasematch
shopt -s nocasematch; [[ ABC == abc ]]; echo $?; case ABC in a*) echo m;; esac; [[ ABC =~ b ]]; echo $?
#### declare and its output
declare x=5; declare -p x; declare -x y=6; declare -p y; declare -l l=ABC; echo $l; declare -u u=abc; echo $u; declare -i i=1+1; i+=5; echo $i; declare -r r=1; (r=2) 2>/dev/null; echo $?; declare z; echo "[${z-unset}]"; declare +x y; declare -p y
#### declare -f
f() { echo hi; }; declare -F f; declare -F nosuch; echo $?; declare -F
#### local is a function's
local x=1 2>/dev/null; echo $?; f() { local -i n=2+2; local -r c=3; echo $n $c; }; f
#### export
export A=1; export A; B=2; export B; export -p | grep -E ' (A|B)='; export -n A; export -p | grep -c ' A='; export 1x=2 2>/dev/null; echo $?
#### readonly
readonly R=1; readonly -p | grep ' R='; (unset R) 2>/dev/null; echo $?; (R=2; echo never) 2>/dev/null; echo $?
#### unset
x=1; a=(1 2); unset x 'a[0]'; echo "[$x]" ${a[@]}; unset nosuch; echo $?; f() { :; }; unset f; type f 2>/dev/null; echo $?
#### shift
set -- a b c; shift; echo $@; shift 2; echo $#; shift; echo $?; set -- a; shift 5; echo $? $#
#### cd and pwd
mkdir -p p/q; d=$PWD; cd p; echo ${PWD#$d/}; cd q; echo ${PWD#$d/}; cd ..; echo ${PWD#$d/}; cd - > /dev/null; echo ${PWD#$d/}; cd $d; cd nosuch 2>/dev/null; echo $?; (cd p); [ $PWD = $d ] && echo same; cd p/q && pwd | sed "s,$d,D,"
#### OLDPWD
mkdir p; d=$PWD; cd p; [ $OLDPWD = $d ] && echo yes; cd - > /dev/null; [ $PWD = $d ] && echo back
#### type
type -t cd type if nosuch; echo $?; f() { :; }; type -t f; type cd
#### command -v
command -v cd; command -v nosuch; echo $?; command echo x; command -V cd
#### eval and quotes
x="a b"; eval "y='$x'"; echo "$y"; eval echo '$x'; eval 'echo "$x"'; n=v; eval "$n=5"; echo $v
#### times of words: seq in a substitution
for i in $(seq 3); do printf '%s ' $i; done; echo
#### exit statuses
(exit 256); echo $?; (exit -1); echo $?; (exit 300); echo $?; f() { return 256; }; f; echo $?
#### true and false as conditions
while true; do break; done; until false; do break; done; if :; then echo y; fi
#### getopts' variables
set -- -a -b; getopts ab o; echo $o $OPTIND; getopts ab o; echo $o $OPTIND; getopts ab o; echo $? $o $OPTIND
#### trap in a function
f() { trap 'echo t' EXIT; }; (f; echo a)
#### set prints variables
zz='a b'; set | grep '^zz='; yy=plain; set | grep '^yy='
#### shopt
shopt -s dotglob; shopt -p dotglob; shopt -u dotglob; shopt -p dotglob; shopt -s nosuch 2>/dev/null; echo $?
#### LINENO and SECONDS
echo $LINENO; [ $SECONDS -lt 5 ] && echo small
#### dollar underscore
echo a b; echo $_
#### colon with redirection
: > f; [ -f f ]; echo $?
#### umask-free umlauts
x=äöü; echo ${#x} ${x:1:1} ${x^^} ${x/ö/o}; case ä in ?) echo one;; esac
#### dirs tells where the shell is, whatever PWD says
cd /usr; PWD=/x; dirs; echo ${DIRSTACK[0]}
#### a comparison of numbers with a word
x=abc; { [ 1 -eq $x ]; echo $?; } 2>&1 | sed 's/.*\[/[/'; { test $x -lt 2; echo $?; } 2>&1 | sed 's/.*test/test/'
