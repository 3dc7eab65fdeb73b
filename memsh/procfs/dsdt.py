"""The program in the firmware's DSDT: what the machine has, in ACPI's machine language (AML).

It is the recorded machines', with one CPU; each further one adds an object with methods to \\_SB.CPUS and a branch to
the method CTFY that tells of it, and a package's head is as long as what is in it wants. The bus has two windows for
devices: behind RAM below 4 GiB, and behind all RAM. No known deviations.
"""

from __future__ import annotations

import struct
from base64 import b85decode
from functools import cache
from typing import TYPE_CHECKING
from zlib import decompress

from memsh.linux.arch.x86.e820 import low_ram
from memsh.linux.config import GIB

if TYPE_CHECKING:
    from memsh.linux.config import Config

OUTER, CPUS, CTFY, CTFY_END = 0x5DD, 0x68F, 0x6B5, 0x6C6  # where lengths of packages lie, and behind the last
COUNT, AROUND_COUNT = 0x7D2, (0x78E, 0x7BB, 0x7CA)  # how many CPUs there are, and the packages that this makes longer
CPU_0, CPUS_END = 0x992, 0x9CC
WINDOW, HIGH_WINDOW = 0xA5B, 0xA79  # the first address of each
BUS_END, HIGH_SIZE = 0xFEC00000, 2 * GIB
HEAD = struct.Struct("<4sI")
_RECORDED = (
    "c-p0y-*4O2701sNDVw^IY|3V0C(aMSO|c&>8rhER1Ov86q--m(WJZ+J4l+PWaxpn8P$I1#5+j)60I8d&WtxXQ^g#{W*W^Fg2JC5X>3`5Y^rdg>P$W;"
    ")&LL@0QN)eG2$<%%=iJZv-pk9wOKFBy`PVc6`yscXt{Lgv2fCWZg8=|t(|@@jZb7xB<yK7=kBF>#Kki)PDJLoKYPro-_UEScC(HWuGmF)1s6UYp>ox"
    "nqfmH_z+O6B1(}g^18acDNKclOKjAX7Av_$qf7bG*Ql|eE$3mV9!6Yo(FMO0h5YE)Ppo^q*rUnWDv_RTb&v~;y)<gcM3=_wac5*cbPlfQ<JT&Y-Qao"
    "O!ghMFsF7Snn``ygFqxpnnAC~xa({#vB^7Fpe{-J}Tn4%-1@RDVLvN1(iu#XiHLh-K5s@?tGT<GN-PlO1iOeGBZAz`(Mh);ax$b~81}<>$-)_|{mwT"
    "YNnAUGdc4)#8!W89m(Lkt55dBo7Wg0>Bf4I(E6&u0y+?=;8tQYOHpzc8Bp%sM)mx3jn(=w{P*$!H)JsBw}Ij$9`|SP95wd99Rtd$!nKrcIE4wCKx4~"
    "dbtAFuSHs)<YI?4-m>r3cm!#Cw`+Ca0yH{uyMaM55n#P^U4!k;g?58=QtcWSd(8%Hf0^uASqw_G8$8l$$$2e8uSJDz``(>8mm!YBJlIB^do|2=u+6~"
    "UKCo)ATf=#sEZo3V(24EwRuhhR?1;yerNRxh9Fz2NIg=XW@y|yfMoSg$z$0qoQ9Ktq@xvyLrb*XF)Lh+PA0=(aOD{3*E;<Qk!APCtlb?@4Oo$?f<6q"
    "q2DdVP5$-)td(91V6O3Ks<2Hc}--f~*TO|@)Lgj#m&Dbpw$>`~KIVbh7)z3jPx?CcG)&-G=WbF$A3WS<MjK3Cl@Qg(G9JCD3U`uV=}^G^Etf%NkM>F"
    "2%l+F*L&4bm_4rC)H;FASt#2uQzB-QN&tjSi+4-So#xDCVY(xoL5ojW`LFxSNGyv57LsMaivYd1+10SB|+%a932dwWe2!kN|l8V;rzP$z)I7%$KyZU"
    "e?UCvgG8jsl~FXsdm@mveijEZd=f{@QFBr&e-F24gOe5z(0S89-$yqjY3i>KK78LA{<0gEGy=!o_9nfv#MUmWHL)2Z~W4gxW>0G3dcoNFXwx+z(*Xl"
    "NmbuWuYLTf{n74k(zieS<m27jjSoM8DpU3K>)@tLa=yyo89ZZ&J2*O=2rA6ac%pj$r(|Ryt?Ky_Qwt@7spaBLhUGOwrxgZ*sune@#S;`Ms78K0jp16"
    "hl2#ICp;VA;phjFH3tLY0M?psaXy!5`!_^#BQfg)8*O3lyH{qd*L)}r<M)2K`jaA>;x+wM!lm<X$d$1Xk*?^U@{aQQ@!RF&w)Q6C;78Rp3tT#)<1{;"
    "wul&`FuR1LKx1<)n6lz)FB(zT&sv+XC^M0=arSVEaoy4MrGZ(HoJflZd(7&_p=M!YGVsl&lmye*BdIx(#6T}<<pJ<N~wf3TVEyWKb-ja0W$)tAei#n"
    "-}|m4Ua9-UDoi6Z`EpXbX`S-8}>W>(FreV1nx0@WHVmdUor>r@0tYH;hW+|GSAedG^kbxv_a<Sm>=Gp+nVGA6%w24bFj&2d-=Bh*mc~0mW=373UI2x"
    "M3sjn2F<v(_o;vb4!`QhX>1mna|9F_r%kKL~BY`m95^s%6+1*a{k3Z5+VsFQ<qL`mAy>7OfU)CSwf(u7wCSO=-J6G1^)Z9DFD|`<+|IAyO$6F$HP4H"
    "YPb8>AKlBp{pHa+ejoRsFx;a2j=?KO%YBho_f-)`<L(oadP&b@v8cHPi`x4tl|-||<9(Itn`hrVV<JJWiTave9tOdw7*h3KXTei=%BHc%{%ni93+BX"
    "#$WSw0Uos~okw<X1MAjmCNWA<Df3mCl@2$MAuDAkj<cphlbLWR-k)v{yYO7rOddu0Ot$gj=s~oOA9L7Z>lQF%Ga@N=^fpXTw-Dbj`;1LR;HtUEsptu"
    "r#YvJTg8JWv&j|5G%(~JF&UM>AnMvZWbi}JgUit7Cf7X{KmFmf{5$w;)Jpwm2^7NqL_rRzD(JbtYRf;&9#Z8gnLtTGEMV7R`vVH^L?Mw}abp}4Wx>o"
    "q?4N-v2=XF;Z@lDML&z0ZYF?}aqOr&rnc!uJA*tL%mFLI5^<6@D%vSTa|%d}@j-FmT{)Lf*W(QJg!*McMHttS`6BllUYEF9nchWk>1T<%-%<8i&3x8"
    "*E_GEHDb&5RJJ^Z_*>~r1QvspLI;_1WlOq#-z^@3Zh0A=-)-b0}5e)LJ)A?S15WwF$_=)1o{f29xxgP7!3k0_zFin;7AzYNFdNxIO+jM!vIHvfR}uQ"
    "k_VK+0Hr{nuQ28TV_|@?AmE~}kb6KL2FL?}zQVW%jE4cngMdrE!h{D*gaIZ3fxg0|2TX<mCWC;>zQQpNI2Hyt76|kej(foIFu?I3;ALN->;dI4KsgZ"
    "TD@=L7R2X0?2zbR;IN<>&!T=`%fxf~?4>%bHI2i=Y`U({fsDuG3fk0p32@iN84Ddt{Fy|{g=>boM0iFy5`U<B!;8YmkR1i@06;6A==`g_QK%lSilm|"
    "Q&26!q6sQC&{d%)9SfTsh2zQP#~I1>gq69mlr3eR}JGhu*d0)f85vmWql7~t6;;EJ#CoCiD?26!$I=qo($0ndj4o*x2K@@KT0rAnle*lThT9@0*1$1"
    "x-_E_;TI#{97-O~$e3DjEyNo)#J8N$xe{xP5*|uYAvnkk#{1s>Pm<axM0Jlx(Tzqijn(AEjIF`6%Bq`NsE}&VC*3%bA`Xacti&l6}SZOOEaPWwNurK"
    "keAQ|0>xz-`{d<-|viA_5IG6)jmIsTI=)ExV1h%jXdAyr?Kbz{51NNK0l2gSHq5SURO&M+*8vp?Q}os2Y=>WXk3tgMW49J75vDZ1NwsR{jlZ!MBo2Q"
    "7lP;$`<00Q02=Z@TL"
)


@cache
def _recorded() -> bytes:
    return decompress(b85decode(_RECORDED))


def _package(content: bytes) -> bytes:
    """With its length in front, itself included: one byte up to 63, two up to 4095, else three."""
    size = len(content) + 1
    if size <= 63:
        return bytes([size]) + content
    more = 1 if size + 1 <= 4095 else 2
    size += more
    return bytes([more << 6 | size & 15, *(size >> 4 + 8 * at & 255 for at in range(more))]) + content


def _number(value: int) -> bytes:
    return bytes([value]) if value < 2 else bytes([0x0A, value])


def _name(cpu: int) -> bytes:
    return b"C%03X" % cpu


def _method(name: bytes, flags: int, body: bytes) -> bytes:
    return b"\x14" + _package(name + bytes([flags]) + body)


def _branch(cpu: int) -> bytes:
    """Of CTFY: if its first argument is this CPU, tell the second to its object."""
    return b"\xa0" + _package(b"\x93\x68" + _number(cpu) + b"\x86" + _name(cpu) + b"\x69")


def _processor(cpu: int, node: int | None) -> bytes:
    """The object of a CPU: whether it is there, its entry of the APIC table, its end (not the first's), its node."""
    body = _name(cpu) + bytes([cpu, 0, 0, 0, 0, 0]) + _method(b"_STA", 8, b"\xa4CSTA" + _number(cpu))
    body += b"\x08_MAT\x11\x0b\x0a\x08" + bytes([0, 8, cpu, cpu, 1, 0, 0, 0])
    if cpu:
        body += _method(b"_EJ0", 1, b"CEJ0" + _number(cpu))
    body += _method(b"_OST", 11, b"COST" + _number(cpu) + b"hij")
    if node is not None:
        body += b"\x08_PXM" + _number(node)
    return b"\x5b\x83" + _package(body)


def dsdt(config: Config) -> bytes:
    """The whole table, its length and its sum (0) in its head."""
    base, cpus = _recorded(), range(config.firmware_cpus)
    node_of = {cpu: nid for nid, (_, its) in enumerate(config.firmware_nodes) for cpu in its}
    told = _package(base[CTFY + 1 : CTFY_END] + b"".join(map(_branch, cpus[1:])))
    scan = bytearray(base[CTFY_END:CPU_0])
    if len(cpus) > 1:
        for at in AROUND_COUNT:
            scan[at - CTFY_END] += 1
        scan[COUNT - CTFY_END : COUNT + 1 - CTFY_END] = _number(len(cpus))
    objects = b"".join(_processor(cpu, node_of.get(cpu)) for cpu in cpus)
    inner = _package(base[CPUS + 2 : CTFY] + told + bytes(scan) + objects)
    whole = bytearray(base[:OUTER] + _package(base[OUTER + 2 : CPUS] + inner) + base[CPUS_END:])
    longer, low = len(whole) - len(base), low_ram(config.ram)
    high = 4 * GIB + -(-max(0, config.ram - low) // GIB) * GIB
    struct.pack_into("<I", whole, WINDOW + longer, low)
    struct.pack_into("<I", whole, WINDOW + longer + 12, BUS_END - low)
    struct.pack_into("<QQ", whole, HIGH_WINDOW + longer, high, high + HIGH_SIZE - 1)
    HEAD.pack_into(whole, 0, b"DSDT", len(whole))
    whole[9] = 0
    whole[9] = -sum(whole) & 0xFF
    return bytes(whole)
