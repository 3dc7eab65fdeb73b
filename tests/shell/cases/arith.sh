#### operators
echo $((1+2*3)) $(((1+2)*3)) $((7/2)) $((-7/2)) $((7%3)) $((-7%3)) $((2**10)) $((2**0)) $((1<<4)) $((256>>4))
#### comparisons and logic
echo $((1<2)) $((2<=2)) $((3>4)) $((3>=4)) $((1==1)) $((1!=1)) $((1&&0)) $((1||0)) $((!0)) $((!5))
#### bits
echo $((6&3)) $((6|3)) $((6^3)) $((~0)) $((~5 & 15))
#### bases
echo $((010)) $((0x1F)) $((2#101)) $((16#ff)) $((36#z)) $((64#_)) $((8#17))
#### a bad octal number
(echo $((08))) 2>/dev/null; echo $?
#### variables
x=5; echo $((x+1)) $(($x+1)) $((${x}*2)) $((nope)) $((nope+3)); y=x; echo $((y+1)); z='x+1'; echo $((z*2))
#### assignments
echo $((a=5)) $a $((a+=2)) $((a-=1)) $((a*=3)) $((a/=2)) $((a%=5)) $((a<<=2)) $((a|=1)) $((a^=3)) $a
#### increments
i=5; echo $((i++)) $i $((++i)) $i $((i--)) $((--i)) $i $((-i)) $((- -i)) $((+i))
#### choice and comma
echo $((1?2:3)) $((0?2:3)) $((1?0?4:5:6)) $((1,2,3)); x=0; echo $((x?1/0:7)) $((1||(x=5))) $x $((0&&(x=6))) $x
#### precedence
echo $((2+3<<1)) $((1|2&3)) $((1+2==3)) $((2**3**2)) $((-2**2)) $((!1+1)) $((1<2==1))
#### 64 bits wrap round
echo $((9223372036854775807+1)) $((-9223372036854775808-1)) $((9223372036854775807*2)) $((2**63)) $((2**64)) $((1<<63)) $((1<<64)) $((0xffffffffffffffff))
#### division by zero
(echo $((1/0))) 2>/dev/null; echo $?; (echo $((1%0))) 2>/dev/null; echo $?
#### what is no expression
(echo $((1+))) 2>/dev/null; echo $?; (echo $((1 2))) 2>/dev/null; echo $?; (eval 'echo $((a b))') 2>/dev/null; echo $?
#### empty expression
echo $(( )) $((  )); (( )); echo $?; x=; echo $((x)) $((x+1))
#### parentheses command
((5>3)); echo $?; ((0)); echo $?; ((x=3)); echo $x; (( x++ )); echo $x; ((x > 3 && x < 5)) && echo yes
#### let
let a=1 b=a+1 'c = b * 3'; echo $a $b $c; let "a == 2"; echo $?; let a++; echo $a
#### arrays in expressions
a=(1 2 3); echo $((a[0]+a[2])) $((a[1]++)) ${a[1]} $((a[a[0]])) $((a)); ((a[5]=9)); echo ${#a[@]} ${a[5]}
#### substitutions in expressions
echo $(( $(echo 3) + `echo 4` )) $(( ${#x} + 1 )) $((${u:-5}*2))
#### integer attribute
declare -i n; n=2+3; echo $n; n=n*2; echo $n; n=abc; echo $n; declare -i m=7/2; echo $m
#### nested parentheses and blanks
echo $(( ( (1 + 2) * ( 3 + 4 ) ) )) $((
1 +
2 ))
#### quotes in expressions
x=3; echo $(("x"+1)) $(( "2" * 3 ))
#### tests with numbers
[[ 1+1 -eq 2 ]]; echo $?; x=5; [[ x -gt 4 ]]; echo $?; [ 05 -eq 5 ]; echo $?; [[ 010 -eq 8 ]]; echo $?
#### a subshell that looks like arithmetic
( (echo a); echo b ); ((echo c); echo d)
#### loops
s=0; for ((i=1;i<=10;i++)); do ((s+=i)); done; echo $s; i=3; while ((i--)); do echo $i; done
#### negative numbers and shifts
echo $((-5>>1)) $((-1>>63)) $((5-(-3))) $((5--3)) $((-5/-2)) $((-(5)))
#### unary chains
echo $((!!5)) $((~~7)) $((-+-5)) $((!-1))
#### random is in range
x=$RANDOM; [ $x -ge 0 ] && [ $x -le 32767 ] && echo ok; RANDOM=42; a=$RANDOM; RANDOM=42; b=$RANDOM; [ $a = $b ] && echo same; echo $a
#### assignment to what is no variable
(echo $((5=3))) 2>/dev/null; echo $?; (let 1=2) 2>/dev/null; echo $?
#### recursion of names
(a=b; b=a; echo $((a))) 2>/dev/null; echo $?
#### substring offsets
x=abcdef; n=2; echo ${x:n} ${x:n:n} ${x:n*2} ${x:$n+1} ${x: -n}
