#### without extglob ?( … ) is a text
x='@(*)'; > abc; echo $x
y=abcdef; echo ${y#*(a|b)cd} "${y#@(a)}" ${y/@(b)/X}
[[ abc == @(abc|d) ]]; echo $?
case 'a' in "@"[a]) echo no;; a) echo y;; esac
#### and no word
echo 1
echo @(a)
#### with extglob
shopt -s extglob
> abc; x='@(*)'; echo $x @(a*) !(a*)
y=abcdef; echo ${y#*(a|b)cd} "${y#@(a)}" ${y/@(b)/X}
case abc in @(a|b)*) echo y;; esac
shopt -u extglob; echo $x ${y#@(a)}
shopt extglob
#### extglob counts from the next line on
shopt -s extglob; echo @(a)
#### a function keeps what it was read with
shopt -s extglob
f() { case $1 in +([0-9])) echo num;; !(*.c)) echo notc;; *) echo c;; esac; }
f 12; f a.c; f b
shopt -u extglob
f 12; f a.c; f b
#### aliases wait for expand_aliases in a script
alias e='echo x'
e a
echo $?
shopt expand_aliases
#### aliases are put in where a line is read
shopt -s expand_aliases
alias e='echo x'; e 1
e 2
f() { e 3; }
alias e='echo y'
f; e 4
eval 'e 5'
eval 'alias z="echo z"; z 1'
eval 'z 2'
(alias q='echo q'
q 1)
q 2
x=`e 6`; echo $x
bash -c 'alias e="echo bad"
e'
unalias e; e 7
#### aliases for reserved words, for lines, for nothing
shopt -s expand_aliases
alias I=if T=then F=fi D='do ' W=while DN=done
I true; T echo 1; F
W false; D :; DN
alias N='
echo 2

echo 3
' E=
N
E echo 4
E
E E echo 5
true && E echo 6
alias foo='echo '
foo() { :; }
