"""What the recorded x86_64 machine's devices and subsystems say at boot: `<level>µs text` (see bootlog.py)."""

TABLE = """\
<6>  18667 found SMP MP-table at [mem {mptable}]
<6>  50056 ACPI: PM-Timer IO Port: 0x608
<4>  50087 {ignored}
<6>  50088 ACPI: LAPIC_NMI (acpi_id[0xff] dfl dfl lint[0x1])
<6>  50111 IOAPIC[0]: apic_id 0, version 32, address 0xfec00000, GSI 0-23
<6>  50141 ACPI: INT_SRC_OVR (bus 0 bus_irq 0 global_irq 2 dfl dfl)
<6>  50162 ACPI: INT_SRC_OVR (bus 0 bus_irq 5 global_irq 5 high level)
<6>  50183 ACPI: INT_SRC_OVR (bus 0 bus_irq 9 global_irq 9 high level)
<6>  50204 ACPI: INT_SRC_OVR (bus 0 bus_irq 10 global_irq 10 high level)
<6>  50225 ACPI: INT_SRC_OVR (bus 0 bus_irq 11 global_irq 11 high level)
<6>  50270 ACPI: Using ACPI (MADT) for SMP configuration information
<6>  50280 ACPI: HPET id: 0x8086a201 base: 0xfed00000
<6>  50406 {nosave}
<6>  50468 Booting paravirtualized kernel on bare hardware
<6>  50479 clocksource: refined-jiffies: mask: 0xffffffff max_cycles: 0xffffffff, max_idle_ns: 7645519600211568 ns
<5> 112644 random: crng init done
<6> 149312 Dynamic Preempt: voluntary
<6> 149498 rcu: Preemptible hierarchical RCU implementation.
<6> 149506 rcu: 	RCU event tracing is enabled.
<6> 149513 {rcu_restricting}
<6> 149528 	Trampoline variant of Tasks RCU enabled.
<6> 149535 	Tracing variant of Tasks RCU enabled.
<6> 149543 rcu: RCU calculated value of scheduler-enlistment delay is 25 jiffies.
<6> 149555 {rcu_geometry}
<6> 149598 NR_IRQS: 524544, nr_irqs: {nr_irqs}, preallocated irqs: 16
<6> 150176 rcu: srcu_init: Setting srcu_struct sizes based on contention.
<6> 150490 Console: colour *CGA 80x25
<6> 150702 printk: console [ttyS0] enabled
<6> 150750 {numa_balancing}
<6> 150806 ACPI: Core revision 20220331
<6> 151099 clocksource: hpet: mask: 0xffffffff max_cycles: 0xffffffff, max_idle_ns: 19112604467 ns
<6> 151133 APIC: Switch to symmetric I/O mode setup
<6> 151534 ..TIMER: vector=0x30 apic1=0 pin1=2 apic2=-1 pin2=-1
<6> 163147 {tsc_early}
<6> 163228 x86/cpu: User Mode Instruction Prevention (UMIP) activated
<6> 163266 process: using AMD E400 aware idle routine
<6> 163279 Last level iTLB entries: 4KB 512, 2MB 255, 4MB 127
<6> 163300 Last level dTLB entries: 4KB 512, 2MB 255, 4MB 127, 1GB 0
<6> 163332 Spectre V1 : Mitigation: usercopy/swapgs barriers and __user pointer sanitization
<6> 163354 Spectre V2 : Mitigation: Retpolines
<6> 163367 Spectre V2 : Spectre v2 / SpectreRSB: Filling RSB on context switch and VMEXIT
<6> 163387 x86/fpu: Supporting XSAVE feature 0x001: 'x87 floating point registers'
<6> 163405 x86/fpu: Supporting XSAVE feature 0x002: 'SSE registers'
<6> 163422 x86/fpu: Supporting XSAVE feature 0x004: 'AVX registers'
<6> 163440 x86/fpu: Supporting XSAVE feature 0x008: 'MPX bounds registers'
<6> 163457 x86/fpu: Supporting XSAVE feature 0x010: 'MPX CSR'
<6> 163475 x86/fpu: Supporting XSAVE feature 0x200: 'Protection Keys User registers'
<6> 163494 x86/fpu: xstate_offset[2]:  576, xstate_sizes[2]:  256
<6> 163518 x86/fpu: xstate_offset[3]:  960, xstate_sizes[3]:   64
<6> 163542 x86/fpu: xstate_offset[4]: 1024, xstate_sizes[4]:   64
<6> 163565 x86/fpu: xstate_offset[9]: 2688, xstate_sizes[9]:    8
<6> 163588 x86/fpu: Enabled xstate features 0x21f, context size is 2696 bytes, using 'standard' format.
<6> 348953 LSM: Security Framework initializing
<6> 349015 landlock: Up and running.
<6> 349025 Yama: disabled by default; enable with sysctl kernel.yama.*
<6> 349185 AppArmor: AppArmor initialized
<6> 571550 smpboot: CPU0: AMD QEMU TCG CPU version 2.5+ (family: 0xf, model: 0x6b, stepping: 0x1)
<6> 573388 cblist_init_generic: Setting adjustable number of callback queues.
<6> 573403 cblist_init_generic: Setting shift to {shift} and lim to 1 rcu_task_cpu_ids={cpus}.
<6> 573641 cblist_init_generic: Setting adjustable number of callback queues.
<6> 573656 cblist_init_generic: Setting shift to {shift} and lim to 1 rcu_task_cpu_ids={cpus}.
<6> 573886 Performance Events: PMU not available due to virtualization, using software events only.
<6> 574054 signal: max sigframe size: 3632
<6> 574331 rcu: Hierarchical SRCU implementation.
<6> 574342 rcu: 	Max phase no-delay instances is 1000.
<6> 575177 NMI watchdog: Perf NMI watchdog permanently disabled
<6> 575598 smp: Bringing up secondary CPUs ...
<6> 575600 {smp}
<6> 575609 smp: Brought up {nodes}, {brought}
<6> 575628 smpboot: Max logical packages: {packages}
<6> 575641 smpboot: Total of {activated}
<6> 704506 devtmpfs: initialized
<6> 709554 clocksource: jiffies: mask: 0xffffffff max_cycles: 0xffffffff, max_idle_ns: 7645041785100000 ns
<6> 709982 PM: RTC time: {rtc}
<6> 710496 NET: Registered PF_NETLINK/PF_ROUTE protocol family
<6> 711545 audit: initializing netlink subsys (disabled)
<6> 712358 thermal_sys: Registered thermal governor 'step_wise'
<6> 712371 thermal_sys: Registered thermal governor 'user_space'
<6> 712449 cpuidle: using governor ladder
<6> 712490 cpuidle: using governor menu
<6> 713081 PCI: Using configuration type 1 for base access
<5> 719209 audit: type=2000 audit({audit}:1): state=initialized audit_enabled=0 res=1
<4> 722500 {mtrr_warnings}
<6> 722600 {mtrr}
<6> 734464 ACPI: Added _OSI(Module Device)
<6> 734479 ACPI: Added _OSI(Processor Device)
<6> 734495 ACPI: Added _OSI(Processor Aggregator Device)
<6> 744468 ACPI: 1 ACPI AML tables successfully acquired and loaded
<6> 748429 ACPI: Interpreter enabled
<6> 748548 ACPI: PM: (supports S0 S3 S4 S5)
<6> 748561 ACPI: Using IOAPIC for interrupt routing
<6> 748662 PCI: Using host bridge windows from ACPI; if necessary, use "pci=nocrs" and report a bug
<6> 748681 PCI: Using E820 reservations for host bridge windows
<6> 749611 ACPI: Enabled 2 GPEs in block 00 to 0F
<6> 777218 ACPI: PCI Root Bridge [PCI0] (domain 0000 [bus 00-ff])
<6> 777262 acpi PNP0A03:00: _OSC: OS supports [ASPM ClockPM Segments MSI HPX-Type3]
<6> 777296 acpi PNP0A03:00: _OSC: not requesting OS control; OS requires [ExtendedConfig ASPM ClockPM MSI]
<4> 777397 acpi PNP0A03:00: fail to add MMCONFIG information, can't access extended PCI configuration \
space under this bridge.
<6> 778504 PCI host bridge to bus 0000:00
<4> 778510 {pci_node}
<6> 778521 pci_bus 0000:00: root bus resource [io  0x0000-0x0cf7 window]
<6> 778563 pci_bus 0000:00: root bus resource [io  0x0d00-0xffff window]
<6> 778595 pci_bus 0000:00: root bus resource [mem 0x000a0000-0x000bffff window]
<6> 778627 pci_bus 0000:00: root bus resource [mem 0x{pci:08x}-0xfebfffff window]
<6> 778660 pci_bus 0000:00: root bus resource [mem {above} window]
<6> 778694 pci_bus 0000:00: root bus resource [bus 00-ff]
<6> 778828 pci 0000:00:00.0: [8086:1237] type 00 class 0x060000
<6> 783226 pci 0000:00:01.0: [8086:7000] type 00 class 0x060100
<6> 787618 pci 0000:00:01.1: [8086:7010] type 00 class 0x010180
<6> 787673 pci 0000:00:01.1: BAR 4 [io  {ide}]
<6> 787710 pci 0000:00:01.1: BAR 0 [io  0x01f0-0x01f7]: legacy IDE quirk
<6> 787738 pci 0000:00:01.1: BAR 1 [io  0x03f6]: legacy IDE quirk
<6> 787764 pci 0000:00:01.1: BAR 2 [io  0x0170-0x0177]: legacy IDE quirk
<6> 787792 pci 0000:00:01.1: BAR 3 [io  0x0376]: legacy IDE quirk
<6> 788185 pci 0000:00:01.3: [8086:7113] type 00 class 0x068000
<6> 788273 pci 0000:00:01.3: quirk: [io  0x0600-0x063f] claimed by PIIX4 ACPI
<6> 788304 pci 0000:00:01.3: quirk: [io  0x0700-0x070f] claimed by PIIX4 SMB
<6> 788400 {pci_disks}
<6> 790874 ACPI: PCI: Interrupt link LNKA configured for IRQ 10
<6> 791438 ACPI: PCI: Interrupt link LNKB configured for IRQ 10
<6> 792002 ACPI: PCI: Interrupt link LNKC configured for IRQ 11
<6> 792559 ACPI: PCI: Interrupt link LNKD configured for IRQ 11
<6> 792834 ACPI: PCI: Interrupt link LNKS configured for IRQ 9
<4> 792839 {ignored_late}
<6> 792844 {unmapped}
<6> 796286 PCI: Using ACPI for IRQ routing
<7> 796298 PCI: pci_cache_line_size set to 64 bytes
<7> 796326 {ram_buffers}
<6> 796545 vgaarb: loaded
<6> 796891 hpet0: at MMIO 0xfed00000, IRQs 2, 8, 0
<6> 796947 hpet0: 3 comparators, 64-bit 100.000000 MHz counter
<6> 799065 clocksource: Switched to clocksource {clocksource}
<5> 799065 VFS: Disk quotas dquot_6.6.0
<6> 799065 VFS: Dquot-cache hash table entries: 512 (order 0, 4096 bytes)
<6> 799065 AppArmor: AppArmor Filesystem Enabled
<6> 799065 pnp: PnP ACPI init
<7> 799065 pnp 00:02: [dma 2]
<6> 799997 pnp: PnP ACPI: found 5 devices
<6> 817900 clocksource: acpi_pm: mask: 0xffffff max_cycles: 0xffffff, max_idle_ns: 2085701024 ns
<6> 818145 NET: Registered PF_INET protocol family
<6> 834943 NET: Registered PF_UNIX/PF_LOCAL protocol family
<6> 835014 pci_bus 0000:00: resource 4 [io  0x0000-0x0cf7 window]
<6> 835044 pci_bus 0000:00: resource 5 [io  0x0d00-0xffff window]
<6> 835075 pci_bus 0000:00: resource 6 [mem 0x000a0000-0x000bffff window]
<6> 835107 pci_bus 0000:00: resource 7 [mem 0x{pci:08x}-0xfebfffff window]
<6> 835140 pci_bus 0000:00: resource 8 [mem {above} window]
<6> 835660 pci 0000:00:01.0: PIIX3: Enabling Passive Release
<6> 835684 pci 0000:00:00.0: Limiting direct PCI/PCI transfers
<6> 835805 PCI: CLS 0 bytes, default 64
<6> 838000 {swiotlb}
<5> 838568 Initialise system trusted keyrings
<6> 881906 zbud: loaded
<6> 986225 {jitterentropy}
<5>1075336 Key type asymmetric registered
<5>1075350 Asymmetric key parser 'x509' registered
<6>1075393 io scheduler mq-deadline registered
<6>1075414 io scheduler kyber registered
<6>1076266 input: Power Button as /devices/LNXSYSTM:00/LNXPWRBN:00/input/input0
<6>1083426 ACPI: button: Power Button [PWRF]
<6>1084800 {disk_irqs}
<6>1084976 Serial: 8250/16550 driver, 4 ports, IRQ sharing disabled
<6>1085289 00:03: ttyS0 at I/O 0x3f8 (irq = 4, base_baud = 115200) is a 16550A
<6>1163363 brd: module loaded
<6>1185445 loop: module loaded
<5>1185500 {disks}
<6>1185926 i8042: PNP: PS/2 Controller [PNP0303:KBD,PNP0f13:MOU] at 0x60,0x64 irq 1,12
<6>1186367 serio: i8042 KBD port at 0x60,0x64 irq 1
<6>1186401 serio: i8042 AUX port at 0x60,0x64 irq 12
<6>1187619 input: AT Translated Set 2 keyboard as /devices/platform/i8042/serio0/input/input1
<6>1187898 rtc_cmos 00:04: RTC can wake from S4
<6>1188784 rtc_cmos 00:04: registered as rtc0
<6>1188947 rtc_cmos 00:04: alarms up to one day, y3k, 242 bytes nvram, hpet irqs
<6>1189691 NET: Registered PF_PACKET protocol family
<6>1196269 IPI shorthand broadcast: enabled
<6>1196455 sched_clock: Marking stable (1206323569, -11012150)->(1007532496, 187778923)
<6>1197060 registered taskstats version 1
<5>1197115 Loading compiled-in X.509 certificates
<6>1197591 zswap: loaded using pool lzo/zbud
<5>1201545 Key type .fscrypt registered
<5>1201557 Key type fscrypt-provisioning registered
<6>1202122 AppArmor: AppArmor sha1 policy hashing enabled
<6>1270811 PM:   Magic number: 2:320:827
<6>1271100 misc hw_random: hash matches
<6>1522475 Write protecting the kernel read-only data: 16384k
<6>1994459 x86/mm: Checked W+X mappings: passed, no W+X pages found.
<6>1994494 {tsc_refined}
"""
