#### blanks and signs of IFS
for x in ':' ' :' ': ' ' : ' '::' ' ::' ' : :' ' : : ' 'a:' 'a: ' ' a :b' ' a : : b ' ': a' 'a :' 'a : '; do for IFS in ': ' ':' ' ' ': 	' 'x:'; do set -- $x; printf '%s' "[$#]"; argv "$@"; set -- y$x"z"; argv "$@"; set -- $x$x; argv "$@"; set -- "$x"$x; argv "$@"; set -- $x""; argv "$@"; set -- ""$x; argv "$@"; done; done
#### read and IFS
while IFS= read -r l; do for IFS in ': ' ':' ' '; do read a b c <<< "$l"; argv "$a" "$b" "$c"; read a b <<< "$l"; argv "$a" "$b"; read a <<< "$l"; argv "$a"; read -a q <<< "$l"; argv "${q[@]}"; done; done <<'E'
:
 :
 : 
::
 a : b : c : d 
a:b:
a:b::
 a  b  
a: :b
E
#### braces in a ${}
echo ${v-a{b}c} ${v:-{a,b}} "${v:-{a,b}}" x${v:-{1..3}} ${v+{}} ${v-{x}} ${v-}} "${v-{}"
x=abc; echo ${x#{a}} ${x/b/{}} ${x/{/}} ${x%c}}
#### noclobber
set -C; echo a > f; echo b > f; echo b &> f; echo b &>> f; echo c >| f; cat f; echo d >& f; cat f; echo e >> f; cat f; echo x > /dev/null; echo $?; echo g 2> f; echo $?
#### quotes in backquotes
cat <<E
`echo "a\"b" '\"' \\\$x`
E
echo "`echo \"a b\" '\"'`" `echo \"a b\"`
echo test `echo 'aa`
echo after `if`; echo $?
#### EXIT in its own trap
(trap 'trap; trap "echo no" EXIT' EXIT; exit 4); echo $?
trap 'trap' EXIT; trap -p
#### unset with set -u
set -u; (echo $!) 2>/dev/null; echo $?; (echo $1) 2>/dev/null; echo $?; (echo $* $@ "$@" ${1-a} ${#} ${@:1} $-) 2>&1; (a=(); echo "${a[@]}") ; (echo ${a[0]}) 2>/dev/null; echo $?; (echo ${#b}) 2>/dev/null; echo $?; (echo ${b:-x} ${b+y} $((b))) 2>/dev/null; echo $?; (unset IFS; echo $IFS) 2>/dev/null; echo $?
#### a PATH for one command
mkdir Y; printf '#!/bin/sh\necho hi $1\n' > Y/xs; chmod +x Y/xs; PATH=$PWD/Y:$PATH xs a; PATH=$PWD/Y:$PATH; xs b;PATH=$PWD/Y:$PATH xs c | cat
#### cd -P -e
mkdir -p a/b; cd a/b; cd -P ..; echo $? ${PWD##*/}; cd -Pe b; echo $? ${PWD##*/}; cd -LP - > /dev/null; cd -P -- ..; echo ${PWD##*/}; cd -x; echo $?
#### ++ and --
x=4
echo 7 $(( x++ ))
echo $x $(( --x )) $x $((x-- - --x)) $((x+++x)) $((- -x)) $((!x)) $x
x=7
echo $((--x)) $((--x + x--)) $((++x)) $x
