#### here-document
x=1; cat <<EOF
a $x ${x}b $(echo c) `echo d` $((x+1)) "q" 'r' \$x \\ \`
EOF
#### here-document with quotes at its end
x=1; cat <<'EOF'
a $x $(echo c) \$ \\
EOF
cat <<"E F"
$x
E F
cat <<\EOF
$x
EOF
#### here-document without tabs
cat <<-EOF
	a
		b
	  c
	EOF
echo end
#### two here-documents
cat <<A; cat <<B
a
A
b
B
#### here-document and a pipe
cat <<EOF | tr a-z A-Z
hello
EOF
echo after
#### here-document in a loop and a function
f() { cat <<EOF
in $1
EOF
}
f x; for i in 1 2; do cat <<EOF
$i
EOF
done
#### here-document in a substitution
x=$(cat <<EOF
a  b
EOF
); echo "$x"
#### here-document with an empty body and a long end
cat <<E
E
cat <<__END_OF_IT__
x
__END_OF_IT__
#### here-document with a continued line
cat <<EOF
a\
b
c \\
d
EOF
#### here-document with quotes in an expansion
cat <<EOF
${u:-"a b"} ${u:-'a b'} ${u:-x y}
EOF
#### here-document on another stream
cat 3<<EOF <&3
three
EOF
#### here-document after a compound command
while read x; do echo "<$x>"; done <<EOF
a
b c
EOF
if true; then cat; fi <<EOF
i
EOF
#### here-document before other words
cat <<EOF - && echo yes
z
EOF
#### here-string
cat <<< hello; cat <<< "a  b"; x='q r'; cat <<< $x; read a b <<< "1 2"; echo $b $a
#### output to a file
echo a > f; echo b >> f; cat f; echo c > f; cat < f; > f; cat f; echo $?
#### errors to a file
{ echo out; echo err >&2; } 2> e; cat e; nosuch 2> /dev/null; echo $?
#### both streams
{ echo out; echo err >&2; } > b 2>&1; cat b; { echo o; echo e >&2; } &> c; cat c; { echo o2; echo e2 >&2; } &>> c; cat c; { echo x; echo y >&2; } >& d; cat d
#### the order of redirections counts
{ { echo out; echo err >&2; } 2>&1 > f; } | sed 's/^/p:/'; cat f
#### streams of other numbers
exec 3> f; echo a >&3; echo b >&3; exec 3>&-; cat f; echo x 2>/dev/null >&3; echo $?
#### reading from another stream
printf 'a\nb\nc\n' > f; exec 4< f; read x <&4; read y <&4; echo $x $y; exec 4<&-; read z <&4 2>/dev/null; echo $?
#### read -u
printf 'a\nb\n' > f; exec 5< f; read -u 5 x; read -u 5 y; echo $x$y; exec 5<&-
#### swapping streams
{ echo out; echo err >&2; } 3>&1 1>&2 2>&3 3>&- 2>/dev/null | cat
#### redirections anywhere
> f echo a; cat f; < f cat; echo b > f c; cat f
#### redirection of a loop
for i in 1 2 3; do echo $i; done > f; while read x; do echo "<$x>"; done < f
#### a file that cannot be opened
cat < nosuchfile 2>/dev/null; echo $?; echo x > nosuch/dir/f 2>/dev/null; echo $?
#### a failed redirection runs nothing
echo never > /nosuch/f 2>/dev/null; echo "s $?"; { echo never2; } < nosuch 2>/dev/null || echo or
#### noclobber
set -C; echo a > f; (echo b > f) 2>/dev/null; echo $?; echo c >| f; cat f; echo d >> f; cat f
#### exec for all that follows
(exec > f; echo a; echo b); cat f; (exec 2>&1; echo e >&2) | cat
#### closing and standard output
(exec >&-; echo a) 2>/dev/null; echo $?
#### a stream with a name
exec {fd}> f; echo named >&$fd; exec {fd}>&-; cat f; [ $fd -ge 10 ] && echo big
#### moving a stream
exec 3> f; echo x >&3-; exec 3>&-; cat f
#### pipes of both streams
{ echo out; echo err >&2; } |& sort
#### process substitution
cat <(echo a) <(echo b); while read x; do echo "<$x>"; done < <(printf '1\n2\n')
#### process substitution that is written to
echo hello > >(cat > f); sleep 0.1; cat f; echo a | tee >(tr a b > g) > /dev/null; sleep 0.1; cat g
#### the whole file in a substitution
printf 'a\nb\n' > f; x=$(< f); echo "$x"
#### names of streams
echo hi > /dev/stdout; echo a | cat /dev/stdin
#### an ambiguous target
x='a b'; echo x > $x 2>/dev/null; echo $?; echo x > "$x"; cat 'a b'
#### target from an expansion
f=out; echo x > $f; cat $f; echo y > "$f.2"; cat out.2; echo z > ${f}3; cat out*3
#### function's redirections come back
f() { echo $1; }; f a > o; f b; cat o
#### redirected groups nest
{ { echo a; echo b >&2; } 2> e; echo c; } > o; cat o e
#### reading in a function
f() { read x; echo "[$x]"; }; printf 'a\nb\n' | { f; f; f; echo $?; }
#### nothing but a redirection
> new; [ -e new ] && echo there; < new; echo $?
#### appending to a file while reading another
printf '1\n2\n' > a; while read n; do echo $((n*2)) >> b; done < a; cat b
#### error text goes where it was sent
{ cat nosuchfile; } 2>&1 | sed 's/.*://'
#### exec in a sourced script, a function and a group with redirections
echo 'exec 3> one; echo a >&3' > script
. ./script
echo b >&3; exec 3>&-; cat one
. ./script > out
echo c >&3; cat one out
f() { exec 4> two; echo d; }
f > out; echo e >&4; cat two out
{ exec 5> three > four; echo f; } > out
echo g >&5; cat three four out
echo h | { exec 6< one; read -r x <&6; echo $x; }
read -r x <&6 || echo "none"
#### exec in another shell stays there
exec 3> one
( exec 3>&-; echo lost >&3 )
( exec 3> two; echo inner >&3 )
echo outer >&3
x=$(exec 3>&-; echo y); echo $x >&3
exec 3>&-
sh -c 'exec 4> four; echo in >&4'
echo z >&4
cat one two four
#### command exec with a redirection
command exec 3> one; echo a >&3; cat one
#### a stream that was read in part
seq 10 > ten
exec 4< ten; read -r x <&4; read -r -n 1 y <&4; echo $x $y; cat <&4
#### what is said of a command that is not found goes where its redirections lead
nosuch > f 2>&1; grep -c 'not found' f
nosuch &> g; grep -c 'not found' g; rm f g
nosuch 2>&1 | grep -c 'not found'
nosuch |& grep -c 'not found'
nosuch > h; ls h; cat h; rm h
nosuch > /nonexistent/dir; echo $?
echo hi | nosuch 2>&1 > /dev/null | wc -l
#### an unknown option is told where the redirections lead
grep --nosuchoption > f 2>&1; grep -c nosuchoption f; rm f
#### words that cannot be expanded make no redirections
echo kept > f; (echo ${x:?wanted} > f) 2> g; cat f; grep -c wanted g; rm f g
#### what is moved is gone, unless the same command had opened it
exec 3>a 9>&1; { :; } 3>b 4>&3-; echo x >&3; cat a; echo hi 3>&1 1>&3-; exec 4>&1; echo moved 5>&4-; echo four >&4; echo $?
exec 3<<<in; read x 4<&3-; read x <&3; echo "$? [$x]"; exec 6>&1; f() { echo in >&8; } 8>&6-; f; echo c >&6; echo $?; f
( { echo x >&3; } 3>&1-; echo no; echo $? >&9 ); n=7; exec 7>&9; echo d 8>&$n-; echo e >&7; echo $?
exec 5>&9; cat /dev/null 6>&5-; echo still >&5; { cat /dev/null; } 6>&5-; echo gone >&5; exec 5>&9; (:) 6>&5-; echo sub >&5
exec 5>&9; echo hi 5>&5-; echo same >&5; exec 6>&5-; echo six >&6; echo five >&5; { exec 7>&6-; } ; echo seven >&7; echo six >&6; exec 3>&1- ; echo three >&3; echo one; exec 1>&3-; echo back
