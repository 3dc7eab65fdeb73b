#### assignment and expansion
x=1; y=$x$x; echo $y "$y" '$y' ${y}z
#### unset is empty
echo "[$nope]" [${nope}]
#### splitting at blanks
x='a  b	c'; argv $x; argv "$x"
#### splitting joins its neighbours
x='a b'; argv 1$x"2"; argv "1"$x; argv $x$x
#### IFS of a sign
IFS=:; x='a:b::c:'; argv $x; argv "$x"
#### IFS of a sign and a blank
IFS=': '; x=' a : b :: c'; argv $x
#### IFS empty
IFS=; x='a b'; argv $x
#### IFS unset
unset IFS; x='a b'; argv $x
#### leading separator makes an empty field
IFS=,; x=',a,,b'; argv $x
#### at and star
set -- 'a b' c ''; argv "$@"; argv $@; argv "$*"; argv $*; argv "x$@y"; argv "$#"
#### star joined with IFS
set -- a b c; IFS=-; argv "$*"; argv $*; x="$*"; echo $x
#### star with empty IFS
set -- a b c; IFS=; argv "$*"
#### at with nothing
set --; argv "$@"; argv x"$@"y; argv "$*"; argv $@
#### quotes of all kinds
argv a'b c'"d e"f\ g; argv '' ""; argv "a'b" 'a"b'; argv \"x\" \'y\'
#### backslash in double quotes
argv "a\$b" "a\`b" "a\\b" "a\"b" "a\nb" "a\
b"
#### dollar single quotes
argv $'a\tb' $'a\nb' $'\x41\102' $'it\'s' $'\u00e9' $'a\\b'
#### dollar at the end
argv "$" a$ "a$ b"
#### command substitution
argv $(echo a b) "$(echo a  b)" x$(echo y)z; x=$(printf 'a\n\n'); argv "$x"
#### backquotes
argv `echo a b` "`echo a`"; argv `echo \`echo in\``; argv "`echo "q r"`"
#### nested substitution with quotes
echo "$(echo "a $(echo "b c")")"
#### status of a substitution
x=$(exit 3); echo $?; x=$(true); echo $?
#### an assignment keeps what was printed before a failure
x=$(echo hi; exit 4); echo "$x" $?
#### local variables in a substitution are lost
x=1; y=$(x=2; echo $x); echo $x $y
#### tilde
HOME=/home/me; argv ~ ~/x a~ "~" ~nosuchuser x=~; y=~/b:~; echo $y
#### brace alternatives
argv a{b,c}d {x,y}{1,2} {a,{b,c}} a{,b} {a,b
#### brace sequences
argv {1..5} {5..1} {1..10..3} {a..e} {01..10..4} {-2..2} {c..a}
#### braces that are none
argv {} {a} {1..} "{a,b}" '{1..3}' \{a,b} {a, b}
#### braces with quotes and variables
x=q; argv {$x,"b c"}1 {1..$x}
#### braces before all else
a=1; b=2; argv {$a,$b}; argv ${a}{x,y}
#### no braces in an assignment
x={a,b}; echo $x
#### default values
unset u; e=; argv ${u-d} ${u:-d} ${e-d} "${e:-d}" ${u:-a b} "${u:-a b}" "${u-}"
#### assigning defaults
unset u; echo ${u=x} $u; e=; echo ${e:=y} $e; echo ${e:=z}
#### alternative values
unset u; x=1; e=; argv ${u+s} ${x+s} ${x:+s t} "${x:+s t}" ${e:+s} ${e+s}
#### quotes inside a default
argv ${u:-"a b"} ${u:-'a b'} "${u:-"a b"}" "${u:-'a b'}" ${u:-a" "b c}
#### nested defaults
argv ${u:-${v:-w}} ${u:-$(echo z)} ${u:-`echo y`}
#### length
x=hello; echo ${#x} ${#u}; set -- a b; echo ${#@} ${#*} ${##} ${#}
#### strip prefixes
p=/usr/local/lib.so.6; echo ${p#*/} ${p##*/} ${p#/usr} ${p#x} ${p#"*"}
#### strip suffixes
p=/usr/local/lib.so.6; echo ${p%.*} ${p%%.*} ${p%/*} ${p%%/*}x
#### strip with a quoted pattern
x='a*b*c'; echo "${x#a*}" "${x#'a*'}" "${x#"a*"}" "${x%%\*c}"
#### strip with a variable as a pattern
x=foobar; p='fo*'; echo "${x#$p}" "${x##$p}" "${x#"$p"}"
#### strip with a class
x=abc123; echo ${x%%[0-9]*} ${x##*[a-z]} ${x##[[:alpha:]]*[^0-9]}
#### replace
x=banana; echo ${x/a/o} ${x//a/o} ${x/#b/B} ${x/%a/A} ${x//an} ${x/z/q} ${x//[an]/.}
#### replace with slashes and quotes
x=a/b/c; echo ${x//\//_} "${x//\//-}" ${x/b/"q r"} "${x/\/b/}"
#### replace with a pattern of stars
x='foo bar baz'; echo "${x/b*/X}" "${x//b?r/Y}" "${x/* /}" "${x/#* /}"
#### ampersand stands for the match
x=abc; echo ${x/b/[&]} ${x/b/[\&]} "${x/b/'&'}"
#### case
x=hELLO; echo ${x^} ${x^^} ${x,} ${x,,} ${x^^[l]} ${x,,[EL]}
#### slices
x=0123456789; echo ${x:3} ${x:3:2} ${x: -3} ${x: -3:2} ${x:0:-2} ${x:(-2)} "[${x:20}]" ${x:1+1:2*2}
#### slices of arguments
set -- a b c d; echo ${@:2} - ${@:2:2} - ${@: -1} - ${@:1:1} - ${*:3}
#### indirection
a=b; b=c; echo ${!a}; arr=(1 2); r='arr[1]'; echo ${!r}
#### names by prefix
pre_a=1; pre_b=2; echo ${!pre_*} "${!pre_@}"
#### quoting transformation
x="it's"; echo ${x@Q} "${x@U}" ${x@L} ${x@u}; y=$'a\nb'; echo "${y@Q}"
#### an error for an unset name
( echo ${u:?no u}; echo never ); echo $?
#### a colon and nothing
: ${x:=5}; echo $x; : "${x?}" ; echo ok
#### special parameters
true; echo $?; false; echo $?; echo $#; set a b; echo $#
#### arithmetic inside words
x=3; argv $((x+1)) "$((x * 2))" a$((1+1))b ${x:$((1-1)):1}
#### word splitting of arithmetic with IFS
IFS=1; x=$((10+2)); argv $x $((3*7))
#### an empty expansion is no word
x=; argv $x; argv "$x"; argv $x$x ""$x
#### comments
echo a # b
echo a#b '#c' "#d" \#e
#### continuation lines
echo a \
 b\
c
#### globs that match nothing stay
argv zz*nothing [q]zz ?nothing
#### globs
mkdir d; cd d; > a.c; > b.c; > .hid; > ab; argv *; argv *.c; argv [ab]*; argv ?; argv .h*; argv "*"; argv '*'.c; argv [!a]*; argv *.{c,d}
#### globs in a folder
mkdir d d/e; > d/e/x; > d/y; argv d/*; argv d/*/x; argv */; argv d//y; argv ./d/y*
#### a glob in a variable
mkdir d; cd d; > a1; > a2; x='a*'; argv $x; argv "$x"; y=*; echo $y; argv ${x}
#### noglob
mkdir d; cd d; > a; set -f; argv *; set +f; argv *
#### nullglob and failglob
shopt -s nullglob; argv zz*; shopt -u nullglob; argv zz*
#### dotglob
mkdir d; cd d; > .a; > b; shopt -s dotglob; argv *
#### extended globs
mkdir d; cd d; shopt -s extglob; > aa; > ab; > bb; > abab
argv @(aa|bb); argv a+(b); argv !(aa); argv *(ab); argv ?(a)b
#### read-only
readonly r=1; (r=2; echo never); echo $? $r
#### assignments in a row
a=1 b=$a c=$b; echo $a $b $c
#### prefix assignments do not stay
x=1; x=2 true; echo $x; f() { echo $x; }; x=3 f; echo $x
#### append
x=a; x+=b; x+=c; echo $x; declare -i n=5; n+=3; echo $n
#### unset
x=1; unset x; echo "[${x-gone}]"; f() { :; }; unset -f f; f 2>/dev/null; echo $?
#### empty command from an expansion
x=; $x; echo $?; $x echo hi; $(true); echo $?; $(false); echo $?
