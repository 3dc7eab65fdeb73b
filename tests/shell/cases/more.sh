#### escapes in nested quotes
selvecs='&m68kcoff_vec'; null=
argv "T ${selvecs:+-D='$selvecs'}" "T ${selvecs:+-D=\'$selvecs\'}" "T ${selvecs:+-D="$selvecs"}" "T ${selvecs:+-D=\"$selvecs\"}" "T ${selvecs:+-D=\\$selvecs\\}"
argv "T ${selvecs:+-D=\$selvecs}" "T ${selvecs:+-D="\$selvecs"}" "T ${selvecs:+-D='$selvecs'"$null"}" "T ${selvecs:+-D="\\$selvecs"}" "T ${selvecs:+-D="\'$selvecs\'"}" "${x:-\'}" "${x:-"\'"}" "${x:-"\p"}" "${x:-\p}"
argv ${selvecs:+-D=\'$selvecs\'} ${x:-\p} ${x:-"\p"} "${x:-"a\"b"}" "${x:-"}"}"
#### classes and sets
case $'\003' in [[:cntrl:]]) echo ok 10;; esac
case A in [[:cntrl:]]) echo oops;; *) echo 11;; esac
case $'\033' in [[:graph:]]) echo oops -- graph;; *) echo ok 14;; esac
case ' ' in [[:print:]]) echo 18;; esac; case a in [[:alpha:][:digit:]]) echo ok 20;; esac
case a in [:al:]) echo 21;; esac; case a in [[:al:]) echo 21;; *) echo 22;; esac; case aa in [[.a.]][[=a=]]) echo 23;; esac
case b in [a-[.c.]]) echo 24;; esac; case - in [a\-c]) echo 25;; esac; case b in [a\-c]) echo no;; esac; case ] in []]) echo 26;; esac; case a in [!]]) echo 27;; esac; case '\' in [\\]) echo 28;; esac
case a in [c-a]) echo no;; *) echo 29;; esac; case '[' in [) echo 30;; esac; case '[a' in [a) echo 31;; esac; case 'x]' in [x]]) echo 32;; esac; case a] in [[:alpha:]]]) echo 33;; esac
case é in ?) echo 36;; esac; case b in [[:foo:]b]) echo 38;; *) echo 39;; esac
case $'\n' in [[:space:]]) echo 40;; esac; case $'\u00a0' in [[:space:]]) echo no;; *) echo 41;; esac; case ５ in [[:digit:]]) echo no;; *) echo 42;; esac; case _ in [[:word:]]) echo 43;; esac; case / in *) echo 44;; esac; case "a/b" in a?b) echo 45;; esac
case a in [^b]) echo 46;; esac; case ^ in [a^]) echo 47;; esac; case ! in [a!]) echo 48;; esac; case "*" in "*") echo 49;; esac; case ab in "a"*) echo 50;; esac; x='a*'; case abc in $x) echo 51;; esac; case abc in "$x") echo no;; esac
case a-b in a["-"]b) echo 52;; esac; case 5 in [0"-"9]) echo no;; *) echo 53;; esac; case - in [0"-"9]) echo 54;; esac; case 'a\b' in a\\b) echo 55;; esac; x='\*'; case '*' in $x) echo 56;; esac; case '\*' in $x) echo no;; esac; x='[a-c]'; case b in $x) echo 57;; esac
case ab in [a]"b") echo 58;; esac; case "[a]" in "["a]) echo 59;; esac; case a in ["a]"]) echo 60;; esac; case '' in '') echo 61;; esac; case '' in *) echo 62;; esac; case '' in ?) echo no;; esac
#### symbols and ranges
case c in [a-b-c]) echo 1;; *) echo 2;; esac; case - in [a-]) echo 3;; esac; case - in [-a]) echo 4;; esac; case b in [a--]) echo 5;; *) echo 6;; esac; case , in [+--]) echo 7;; esac
case b in [[.a.]-c]) echo 8;; esac; case b in [a-[.c.]d]) echo 9;; esac; case - in [[.hyphen.]]) echo 10;; *) echo 11;; esac; case - in [[.-.]]) echo 12;; esac; case a in [[=a=]b]) echo 13;; esac; case "[" in [[.[.]]) echo 14;; esac; case "]" in [[.].]]) echo 15;; esac
case a in [[:alpha:]) echo 16;; *) echo 17;; esac; case : in [[:alpha:]) echo 18;; *) echo 19;; esac
#### ! and time alone
!
echo $?
! !
echo $?
! ! true; echo $?
time ! true 2>/dev/null; echo $?
tfunc() { time; }; type tfunc
! | cat; echo $?
#### set -e
bash -ce '! { false; echo A $?; } | cat; echo B $?'; echo C $?
bash -ce '{ false; echo A $?; } | cat ; echo B $?'; echo C $?
bash -ce 'f() { false; echo f; }; ! f; echo B $?; f || true; if f; then echo y; fi; while f; do break; done; f && echo z; f; echo no'; echo $?
bash -ec '( false; echo no ); echo no'; echo $?; bash -ec 'x=$(false; echo y); echo "[$x]"'; echo $?; bash -ec 'echo $(false; echo y)'; bash -ec 'local_() { local x=$(false); echo ok; }; local_; y=$(false); echo no'; echo $?
bash -ec 'true | false; echo no'; echo $?; bash -ec 'false | true; echo ok'; bash -o pipefail -ec 'false | true; echo no'; echo $?; bash -ec 'false & wait $!; echo no'; echo $?; bash -ec 'eval false; echo no'; echo $?; bash -ec 'trap "echo T" EXIT; false'; echo $?; bash -ec 'trap "echo E" ERR; f() { false; }; f'; echo $?; bash -ec 'case x in x) false;; esac; echo no'; bash -ec '[[ a == b ]]; echo no'; bash -ec '((0)); echo no'; bash -ec 'for i in 1; do false; done; echo no'; bash -ec 'let 0; echo no'; bash -ec '! true; echo ok'; bash -ec 'true && false; echo no'; bash -ec 'false && true; echo ok'; bash -ec '{ false && true; }; echo ok'; bash -ec '(false && true); echo no'
#### what set quotes
a=ab#cd b=\' c='#x' d='a b' e='~' f='a~' g=$'a\nb' h='*' i='a=b' j='' k='x"y' l='$x' m='a;b' n=% o='{a}' p='!' q='a,b' r=é; set | grep '^[a-r]='
#### escapes of echo and printf
echo -e "\'ab\'" '\"x\"' '\?' '\q' '\\' '\0101' '\x41' 'a\cb' ; echo; echo $'\'a\"\?'; printf "\'a\"\?\n"; printf '%b\n' "\'a\"\?"
#### tildes
echo foo=bar:~ foo=~:x ~:~ a:~ foo=bar:~/x --p=~ x=~/a:~/b
HOME=/h; v=~:~/x; echo $v; export w=a:~; echo $w; x=(~ a=~); echo "${x[@]}"; echo ${z:-~} ${z:-a:~} "${z:-~}"; case ~ in /h) echo ok;; esac; [[ ~ == /h ]]; echo $?; for i in ~ a=~; do echo $i; done; cat <<< ~; set -- ~ "~" \~ '~'; echo "$@"; echo ~nosuch ~root; declare t=~ u=a:~; echo $t $u
#### aliases behind redirections and assignments
shopt -s expand_aliases; alias foo=echo
< /dev/null foo bar
x=newvalue foo bar
> f foo x; cat f
x=1 y=2 < /dev/null foo z
2>&1 foo w
{ foo q; } | cat; ! foo n
foo=3 foo $foo
#### elements added to
x=( 1 2 [2]+=7 4 5 ); echo ${x[@]}; x+=( [3]+=9 [5]=9 ); echo ${x[@]}; declare -A m=([a]=x [a]+=y); echo ${m[a]}; declare -i n=2; n+=5; echo $n; declare -ai z=(1 [0]+=4); echo ${z[@]}; z+=(3); z[0]+=2; echo ${z[@]}
declare -i x; typeset -i q=20; q+=5; echo $q $((q)); export q+=3; echo $q; readonly q+=1; echo $q; typeset w+=a; echo $w; a=3; a+=4 env | grep ^a=; echo $a; a+=4 b=$a; echo $a $b
#### exported functions
foo() { echo exported $1; }; export -f foo; bash -c 'foo 1'; export -n foo 2>/dev/null; unset -f foo; bash -c 'foo 2' 2>/dev/null; echo $?; foo() { :; }; declare -xf foo; export -f; export -f nope; echo $?; declare -F; export -nf foo; export -f; bash -c 'type -t foo'; echo $?
#### lines in backquotes
echo `echo 'foo \
bar'` `echo "a\
b"`
echo `echo 'x\\
y'`
