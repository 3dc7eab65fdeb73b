#### a backslash at a line's end inside tokens
set -- 1 22
abc=12; a=5
echo $\
{1\
} $\
2 ${ab\
c} $a\
bc $\
(echo x) $(\
echo y\
) $\
((1+2)) $((1\
+2)\
)
i\
f true; th\
en echo yes &\
& echo and; f\
i
echo no |\
| echo never
x\
=7; echo $x
case b in
a) echo a;\
; (\
b|\
c) echo b ;\
; esac
f\
() { echo f >\
> /dev/null; echo $?; }
f
echo a # comment \
echo b
echo "a\
b" 'a\
b' a\
"b"\
'c'
#### lines are counted on behind them
echo a\
b $LINENO
echo $LINENO
x\
=1
echo $LINENO
#### a backslash that nothing follows stands for itself
eval 'echo ok\'
echo `echo a\\`b
echo end\
#### no ; is needed behind a compound command
if (( 1 )) then echo a; fi
if [[ x ]] then echo b; fi
if { true; } then { echo c; } fi
until (exit 0) do :; done
{ { echo d; } }
{(echo e)}
for i in 1; do { echo f; } done
while if true; then true; fi do echo g; break; done
case a in a) (echo h) esac
{ true | { echo i; } }
#### an empty substitution
x=$(); echo "$? [$x]"
false; $(); echo $?
false; $(  ); echo $?
#### lines are those where the second word ends
echo "a
b" $LINENO
echo a "b
c" $LINENO
echo \
 $LINENO
x="
" echo $LINENO
#### aliases inside a substitution, and what surrounds it
shopt -s expand_aliases
alias OPEN='{ ' CLOSE='}' e='echo '
x=$(OPEN echo a
CLOSE) && echo "[$x]"
echo $(e e) $(e e a) "$(e OPEN)" b
#### a dollar alone
echo $ "$" $ a$; [[ $ == "$" ]]; echo $?; echo `echo $` "`echo $`"
