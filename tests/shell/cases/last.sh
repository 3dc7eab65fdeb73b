#### nothing with "$@"
n() { echo -n "$# "; }; n "$xxx""$@"; n "$xxx$@"; n ""$@ ; n "$@"""; n "${x-}$@"; n "$@$xxx"; n "$@""$xxx"; n "$xxx"$@; n $xxx"$@"; n "a$@"; n "$*$@"; n "$*"; n "$@$@"; set -- ''; n "$xxx$@" "$@$xxx"; set -- a b; argv "$xxx$@$xxx"
#### process substitution in functions
f1() { cat $1; date > /dev/null; }; f2() { date > /dev/null; cat $1; }; f3() { true; true; cat "$1" "$2" | cat; }
f1 <(echo bye); f2 <(echo l8r); f3 <(echo a) <(echo b); cat <(echo c) <(f2 <(echo d))
echo 'true | cat; cat "$1"' > s; . ./s <(echo test5); eval 'true; cat' <(echo e); for i in <(echo q); do true; done; while read -r x; do true; echo $x; done < <(echo z; echo y); fn() { true; cat | cat "$1"; }; fn <(:) < /dev/null
#### tabs before a here-document's end
cat <<-'	END'
	hello
	END
cat <<END
hello
END\
END
END
cat <<'  E  '
x
  E  
(cat <<EOF; )
some more
EOF
echo end
#### aliases whose text is an alias
shopt -s expand_aliases
alias foo='echo ' bar=baz baz=quux
foo bar bar
alias a='b ' b='echo 1 ' c=d d='e ' e=f
a c
#### POSIXLY_CORRECT
x=2
POSIXLY_CORRECT=1
x+=5 eval 'echo $x'; echo $x; [[ -o posix ]]; echo $?; POSIXLY_CORRECT=1 bash -c '[[ -o posix ]]; echo $?'; bash -c '[[ -o posix ]]; echo $?'
#### ++ behind a number
a=1; echo $((4+++a)) $a $((4---a)) $a $((4 - -- a)) $((4++a)) $((a++ +1)) $((a---1)) $((a - --a)) $((- --a)) $a $((-- -7)) $((++ + 7)) $((+--7)) $((++-7)) $((a+++a)) b=(1 2); b=(1 2); echo $((b[0]+++b[1])) ${b[@]}
#### sets in regular expressions
[[ "\\" =~ ["."] ]] && echo bad 1
[[ "\\" =~ [\.] ]] && echo bad 4
[[ ']' =~ [']'] ]] && echo ok 11
[[ "\\" =~ [^]"."] ]] && echo ok; [[ a.b =~ a"."b ]] && echo ok 2; [[ axb =~ a"."b ]] || echo ok 3; [[ 'a]b' =~ a"]"b ]] && echo ok 4; [[ "a*" =~ [ab]"*" ]] && echo ok 5; [[ "x-y" =~ [x"-"]+ ]] && echo "${BASH_REMATCH[0]}"; [[ 'a[' =~ a"[" ]] && echo ok 6; [[ 1 =~ [[:digit:]"."] ]] && echo ok 7; [[ . =~ [[:digit:]"."]$ ]] && echo ok 8
#### what !( … ) matches
shopt -s extglob
t() { [[ $1 == $2 ]] && echo "y $1 $2" || echo "n $1 $2"; }
for p in '!(foo)*' '!(foo)' '!(foo)b*' '*(!(f))' '+(!(f))' '*(!(foo))' '@(foo|!(bar))x' '!(!(foo))' '!(*.c)' '?(!(a))b' '!(a|b)!(c)' '*(foo)!(bar)' 'a!(x)b' '!()' '!(f!(o))'; do for s in foo foobar foobb fff f '' x.c foox barx b ab axb ayb ab.c foobarfoo; do t "$s" "$p"; done; done
x=foobarfoo; echo ${x#!(bar)} ${x##!(foo*)} ${x%!(x)} ${x%%!(*b*)} ${x/!(foo)/X} ${x//!(o)/-} ${x/#!(bar)/Y}
mkdir d; cd d; > a.c; > b.c; > a.h; > .hid; echo !(*.c) !(a*) *!(.c) !(*) .!(x) !(a.c|b*)*
case foo.c in !(*.c)) echo no;; *) echo c;; esac
