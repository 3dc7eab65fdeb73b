#### single quotes inside a ${} in double quotes
key=value; x=
echo "${IFS+'}'z}" "${IFS+'$key'}" "${IFS+'"$key"'}" "${x:-'a b'}" "${x:-'a}b'}"
argv "${x:-"'a  b'"}" "${x:-"a  b"}" ${x:-'a  b'} ${x:-"a  $key"} "${x:-\'a\'}" "${x:-a\}b}" "${x:-\$key}"
argv "${x:-'\$key'}" "${x:='q'}" "${key:+'w'}"
y="a'b"; argv "${y#"a'"}" "${y%\'b}" "${y/\'/X}" "${y//"'"/Y}"
#### in a here-document
y="a'b}c"
cat <<E
${y#'a'} ${y%'}c'} ${y%\}c} ${y/"'"/X}
E
#### double quotes inside it
x=; argv "${x:-a "b c" d}" "a${x:-"b"  c}d" ${x:-a "b c" d} "${x:-"}"}" ${x:-"}"}
#### "$@" in a default
n() { echo $#; }
set --
n "${foo-$@}"; n "${foo:-$@}"; n "${foo-$*}"; n "${foo-"$@"}"; n ${foo-"$@"} ${foo-$@}; n "${1-$@}" "a${foo-$@}"
a=(); n "${foo-${a[@]}}"; n "${@-x}" "${@:-x}" "${@+x}"; n "${a[@]-x}"; n "${a[@]+x}" "${a[@]:+x}"
set -- ''
n "${foo-$@}"; n "${@-x}"; n "${@:-x}"; argv "${@:-x}" "${*:-y}" "${@+x}" "${@:+z}"
set -- a 'b c' ''
argv "${foo-$@}" "${foo-x$@y}" ${foo-$@} ${foo-"$@"} ${foo-x"$@"y} "${foo:-$*}"
argv "${foo-$@}z" "q${@:+$@}r" "${foo=$@}"; argv "$foo"
IFS=:; unset foo; argv "${foo-$*}" ${foo-$*} "${foo-"$*"}" "${foo=$@}"; unset foo; argv "${foo=$*}"
#### $* with every IFS
f() { argv "<$*>" X${*:+ }X "${*:+ok}" "${@:+ok}" ${*+o}; }
for IFS in ' ' : ''; do f a b; f "" c; f ""; f "" ""; f; done
#### $* in a pattern and as a value
IFS=; x=abcd; set -- a b; argv ${x#$*} "${x#$*}" ${x#$@} "${x/$*/X}"
IFS=:; x=a:bcd; argv ${x#$*} "${x#"$*"}" ${x#$@}
case ab in $*) echo m;; *) echo n;; esac
IFS=; case ab in $*) echo m;; *) echo n;; esac; case "a b" in "$@") echo m;; *) echo n;; esac
[[ ab == $* ]]; echo $?
y=$*; argv "$y"; y=$@; argv "$y"; y="$@"; argv "$y"
IFS=:; y=$*; argv "$y"; y=$@; argv "$y"; y="$@"; argv "$y"; y="$*"; argv "$y"
a=(1 2); y=${a[*]}; argv "$y"; y=${a[@]}; argv "$y"
#### what an unset name does not need is not looked at
unset v; i=1; : ${v#${q[i=7]}}; echo $i; : ${v%$((i=8))} ${v/$((i=9))/}; echo $i; : ${v:i=3}; echo $i; : ${v^$((i=4))}; echo $i
#### an empty offset
echo ${x:}; echo no
#### empty patterns
echo ${x%%}; x=abc; echo ${x#} ${x/} ${x//b} ${x/b/} ${x:1:}; echo $?
#### an unknown letter
x=abc; echo ${x@Z}; echo $?
#### ${!…} of signs
echo "[${!}]" "[${!-foo}]" "${#!}" ${#?} ${#-} ${##}
set -- a b; echo ${!#} ${#} ${#@} ${#*} ${@: -1} ${*: -1:1} ${!1}
a=x; x=5; set -- a; echo ${!1} ${!#}
#### indirection to nothing
unset z; echo ${!z}; echo $?
#### indirection to elements
arz=foo; echo a ${!arz} ${!arz[0]}; echo b ${!arz[@]}; foo=7; echo ${!arz}; r='foo[0]'; echo ${!r}; r='b[1]'; b=(1 2); echo ${!r} "${!r-x}" ${!r+y}; r='b[@]'; argv "${!r}"; echo ${!r:1}
