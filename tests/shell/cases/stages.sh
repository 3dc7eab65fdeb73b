#### what a stage's words change is lost
i=0; echo $((i++)) | cat; echo $i; echo ${x:=5} | cat; echo "[$x]"; ${c=echo} hi | cat; echo "[$c]"
#### a stage that cannot be called fails alone
ls --nosuch 2>/dev/null | echo yes; echo "${PIPESTATUS[@]}"; nosuchcmd 2>/dev/null | cat; echo "${PIPESTATUS[*]}"; true | cut -Q 2>/dev/null | wc -l; echo ${PIPESTATUS[@]}; echo x | nosuch 2>/dev/null; echo $?
#### a stage whose words fail
echo ${x?no} 2>/dev/null | cat; echo "$? ${PIPESTATUS[@]}"; echo $((1/0)) | cat; echo "$? ${PIPESTATUS[@]}"
#### signs of [[ that need no blanks
[[ b>a ]] && echo 1; [[ b<a ]] || echo 2; [[ a<b&&b>a ]] && echo 3; [[ a==b ]] && echo 4; [[ -f -f ]]; echo $?; [[ -f == ]]; echo $?; [[ x>y || (a<b) ]]; echo $?; [[ "a"<"b" ]]; echo $?; [[ -n = ]]; echo $?; [[ -z != && a ]]; echo $?
#### expressions that regcomp refuses
for r in '*' '+' '?' '{' '{1' 'a|*b' '(*a)' '^*' '(^*a)' 'a{' 'a{,2}' 'a{2' '()' '(|a)' 'a**' '|a' 'a{1}{2}' '^+a' '\{' '[*]' '[(*]' '\(*' '[[:alpha:]*]' '[]*]' 'a[^]*]'; do [[ aab =~ $r ]]; echo "$r $?"; done
#### quoted signs of an expression
[[ '*' =~ "*" ]]; echo $?; [[ '(*' =~ "(*" ]]; echo $?; x='a{'; [[ a{ =~ "$x" ]]; echo $?; [[ a =~ ^(a|b)*$ ]]; echo $?
#### GLOBIGNORE and globskipdots
touch .x a.txt b.md; mkdir d; touch d/c.txt; GLOBIGNORE='*.txt'; echo *; echo d/*; GLOBIGNORE='[[:alpha:]].txt:*.md'; echo *; unset GLOBIGNORE; shopt -u globskipdots; echo .*; shopt -s globstar; echo **/**/*.txt
#### shopt lists what bash has
shopt; echo $BASHOPTS
#### options for typing, cdable_vars, folders that are not there
shopt -s autocd; shopt autocd; shopt -s cdable_vars; mkdir zz; v=$PWD/zz; cd v > told; echo "$?" ${PWD##*/} $(sed 's,.*/work,,' ../told); cd nosuch/..; echo $?; cd /; cd usr/../tmp; pwd
#### empty arguments where IFS is a sign
set -- one "" two; IFS=x; argv $@; argv $*; argv "$@"; argv a$@b; IFS=; argv $@; IFS=' '; argv $@; a=(p "" q); IFS=:; argv ${a[@]}; argv "${a[@]}"; argv ${a[*]}; set -- "" ""; argv $@; argv; argv =$*=
#### names and keys where IFS is empty
a=(1 2 3); IFS=; argv ${!a[*]}; pq1=1 pq2=2; argv ${!pq*}; argv ${!pq@}
#### $_ after assignments
x=1; echo "[$_]"; declare -a z=(1 2); echo "[$_]"; : a b; echo $_; true; echo "[$_]"
#### break and continue in a sourced file
mkdir -p s; echo continue > s/c; echo break > s/b; for i in 1 2 3 4; do [ $i = 2 ] && . s/c; [ $i = 4 ] && . s/b; echo $i; done; echo end
#### arrays from mixed words
declare -A m; m=([j]=1 2 3); echo $?; declare -p m; a=(p q r); p=11 q=12; n1=21; a+=([0]=n1 [a[0]]=z); declare -p a
#### printf with blanks behind a number, and a cut time
printf '[%d]' ' -42 '; echo $?; printf '[%10.4(%Y-%m)T]\n' 0
#### statuses of stages
q=(1); echo "${q[@]:0:1}" | { read x; echo $x; }; ( exit 3 ) | cat; echo $?
#### read -t waits by the clock of what it reads
{ sleep 0.3; echo late; } | { read -t 0.1 x; echo "$? [$x]"; read -t 2 x; echo "$? [$x]"; read x; echo $?; }
{ printf ab; sleep 0.3; echo cd; } | { read -t 0.1 x; echo "$? [$x]"; read x; echo "$? [$x]"; }
sleep 0.3 | cat | { read -t 0.1 x; echo "$? [$x]"; }; echo a | { sleep 0.2; read -t 0.1 x; echo "$? $x"; }
#### read -t from <( ) and without waiting
while read -t 0.1 l; do echo "l $l"; done < <(echo 1; echo 2; sleep 0.3; echo 3); echo $?
{ sleep 0.2; echo x; } | { read -t 0; echo $?; sleep 0.4; read -t 0; echo $?; read a; echo $a; }
read -t -1 x; echo $?; read -t 0.5 x < /dev/null; echo $?; read -t 0 < /dev/null; echo $?
#### read -t of a long stream
seq 20000 | { sleep 0.1; read -t 1 a; echo $a; wc -l; }
{ sleep 0.2; yes | head -n 40000; } | { read -t 0.1 a; echo $? $a; read -t 1 a; echo $? $a; wc -l; }
#### mapfile -d '' keeps no NUL
printf 'a\0b c\0' | { mapfile -d '' x; printf '<%s>' "${x[@]}"; echo ${#x[1]}; }
#### process substitutions of a stage have its streams
echo a | tee >(sed 's/^/V:/') | sort
echo b | tee >(sed 's/^/W:/') >(sed 's/^/X:/') > /dev/null | sort
echo y | tee >(cat) > /dev/null | cat
paste <(echo 1) <(echo 2) | cat - <(echo 3)
for i in 1 2; do echo $i | tee >(cat >&2) > /dev/null; done 2>&1 | sort
f() { cat "$1" <(echo in); }; f <(echo arg) | f <(echo two)
echo q | cat - <(echo r) | while read l; do echo "$l" > >(tr a-z A-Z); done | sort
