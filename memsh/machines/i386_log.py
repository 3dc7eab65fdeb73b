"""What the recorded i386 machine's devices and subsystems say at boot: `<level>µs text` (see bootlog.py)."""

TABLE = """\
<6>   4595 Disabled
<6>   4637 x86/PAT: MTRRs disabled, skipping PAT initialization too.
<6>   4863 x86/PAT: Configuration [0-7]: WB  WT  UC- UC  WB  WT  UC- UC \x20
<6>  16947 found SMP MP-table at [mem {mptable}]
<6>  89898 Using APIC driver default
<6>  90379 ACPI: PM-Timer IO Port: 0x608
<4>  90934 {ignored}
<6>  90935 ACPI: LAPIC_NMI (acpi_id[0xff] dfl dfl lint[0x1])
<6>  91274 IOAPIC[0]: apic_id 0, version 32, address 0xfec00000, GSI 0-23
<6>  91373 ACPI: INT_SRC_OVR (bus 0 bus_irq 0 global_irq 2 dfl dfl)
<6>  91620 ACPI: INT_SRC_OVR (bus 0 bus_irq 5 global_irq 5 high level)
<6>  91664 ACPI: INT_SRC_OVR (bus 0 bus_irq 9 global_irq 9 high level)
<6>  91760 ACPI: INT_SRC_OVR (bus 0 bus_irq 10 global_irq 10 high level)
<6>  91767 ACPI: INT_SRC_OVR (bus 0 bus_irq 11 global_irq 11 high level)
<6>  91925 ACPI: Using ACPI (MADT) for SMP configuration information
<6>  92934 Booting paravirtualized kernel on bare hardware
<6>  93212 clocksource: refined-jiffies: mask: 0xffffffff max_cycles: 0xffffffff, max_idle_ns: 1910969940391419 ns
<6> 152559 Dynamic Preempt: voluntary
<6> 163222 rcu: Preemptible hierarchical RCU implementation.
<6> 163277 {rcu_restricting}
<6> 163444 rcu: RCU calculated value of scheduler-enlistment delay is 100 jiffies.
<6> 163478 {rcu_geometry}
<6> 164117 NR_IRQS: 2304, nr_irqs: {nr_irqs}, preallocated irqs: 16
<6> 168108 rcu: srcu_init: Setting srcu_struct sizes based on contention.
<6> 175576 Console: colour *CGA 80x25
<6> 177755 printk: console [ttyS0] enabled
<6> 178146 ACPI: Core revision 20220331
<6> 194233 APIC: Switch to symmetric I/O mode setup
<6> 194330 Enabling APIC mode:  Flat.  Using 1 I/O APICs
<6> 198013 ..TIMER: vector=0x30 apic1=0 pin1=2 apic2=-1 pin2=-1
<6> 203343 clocksource: tsc-early: mask: 0xffffffffffffffff max_cycles: 0x256bdbc6206, max_idle_ns: 440795269789 ns
<6> 207320 Last level iTLB entries: 4KB 0, 2MB 0, 4MB 0
<6> 207359 Last level dTLB entries: 4KB 0, 2MB 0, 4MB 0, 1GB 0
<6> 207689 Speculative Store Bypass: Vulnerable
<4> 207769 L1TF: Kernel not compiled for PAE. No mitigation for L1TF
<6> 208542 x86/fpu: x87 FPU will use FXSAVE
<6> 427809 smpboot: CPU0: Intel QEMU Virtual CPU version 2.5+ (family: 0x6, model: 0x6, stepping: 0x3)
<6> 433009 Performance Events: PMU not available due to virtualization, using software events only.
<6> 434208 signal: max sigframe size: 1440
<6> 435064 rcu: Hierarchical SRCU implementation.
<6> 435099 rcu: 	Max phase no-delay instances is 400.
<6> 437166 smp: Bringing up secondary CPUs ...
<6> 437200 {smp}
<6> 437243 smp: Brought up {nodes}, {brought}
<6> 437283 smpboot: Max logical packages: {packages}
<6> 437342 smpboot: Total of {activated}
<6> 451187 devtmpfs: initialized
<6> 458400 clocksource: jiffies: mask: 0xffffffff max_cycles: 0xffffffff, max_idle_ns: 1911260446275000 ns
<6> 462758 PM: RTC time: {rtc}
<6> 465385 NET: Registered PF_NETLINK/PF_ROUTE protocol family
<6> 470762 thermal_sys: Registered thermal governor 'step_wise'
<6> 470873 thermal_sys: Registered thermal governor 'user_space'
<6> 472130 cpuidle: using governor menu
<6> 476631 PCI: PCI BIOS revision 2.10 entry at 0xfd1ca, last bus=0
<6> 476724 PCI: Using configuration type 1 for base access
<6> 495891 ACPI: Added _OSI(Module Device)
<6> 495969 ACPI: Added _OSI(Processor Device)
<6> 495978 ACPI: Added _OSI(Processor Aggregator Device)
<6> 510884 ACPI: 1 ACPI AML tables successfully acquired and loaded
<6> 526192 ACPI: Interpreter enabled
<6> 527220 ACPI: PM: (supports S0 S3 S5)
<6> 527277 ACPI: Using IOAPIC for interrupt routing
<6> 527819 PCI: Using host bridge windows from ACPI; if necessary, use "pci=nocrs" and report a bug
<6> 527864 PCI: Using E820 reservations for host bridge windows
<6> 528809 ACPI: Enabled 2 GPEs in block 00 to 0F
<6> 559303 ACPI: PCI Root Bridge [PCI0] (domain 0000 [bus 00-ff])
<6> 560061 acpi PNP0A03:00: _OSC: OS supports [ASPM ClockPM Segments MSI HPX-Type3]
<6> 560285 acpi PNP0A03:00: _OSC: not requesting OS control; OS requires [ExtendedConfig ASPM ClockPM MSI]
<4> 560762 acpi PNP0A03:00: fail to add MMCONFIG information, can't access extended PCI configuration \
space under this bridge.
<4> 561496 acpi resource window ([{above}] ignored, not CPU addressable)
<6> 564591 PCI host bridge to bus 0000:00
<6> 564749 pci_bus 0000:00: root bus resource [io  0x0000-0x0cf7 window]
<6> 564838 pci_bus 0000:00: root bus resource [io  0x0d00-0xffff window]
<6> 564848 pci_bus 0000:00: root bus resource [mem 0x000a0000-0x000bffff window]
<6> 564893 pci_bus 0000:00: root bus resource [mem 0x{pci:08x}-0xfebfffff window]
<6> 565020 pci_bus 0000:00: root bus resource [bus 00-ff]
<6> 566569 pci 0000:00:00.0: [8086:1237] type 00 class 0x060000
<6> 574637 pci 0000:00:01.0: [8086:7000] type 00 class 0x060100
<6> 577931 pci 0000:00:01.1: [8086:7010] type 00 class 0x010180
<6> 580056 pci 0000:00:01.1: BAR 4 [io  {ide}]
<6> 580857 pci 0000:00:01.1: BAR 0 [io  0x01f0-0x01f7]: legacy IDE quirk
<6> 580916 pci 0000:00:01.1: BAR 1 [io  0x03f6]: legacy IDE quirk
<6> 580957 pci 0000:00:01.1: BAR 2 [io  0x0170-0x0177]: legacy IDE quirk
<6> 580979 pci 0000:00:01.1: BAR 3 [io  0x0376]: legacy IDE quirk
<6> 581632 pci 0000:00:01.3: [8086:7113] type 00 class 0x068000
<6> 582185 pci 0000:00:01.3: quirk: [io  0x0600-0x063f] claimed by PIIX4 ACPI
<6> 582226 pci 0000:00:01.3: quirk: [io  0x0700-0x070f] claimed by PIIX4 SMB
<6> 582300 {pci_disks}
<7> 582865 pci_bus 0000:00: on NUMA node 0
<6> 586505 ACPI: PCI: Interrupt link LNKA configured for IRQ 10
<6> 587188 ACPI: PCI: Interrupt link LNKB configured for IRQ 10
<6> 587509 ACPI: PCI: Interrupt link LNKC configured for IRQ 11
<6> 587925 ACPI: PCI: Interrupt link LNKD configured for IRQ 11
<6> 588069 ACPI: PCI: Interrupt link LNKS configured for IRQ 9
<4> 588074 {ignored_late}
<6> 588079 {unmapped}
<6> 592308 iommu: Default domain type: Translated\x20
<6> 592379 iommu: DMA domain TLB invalidation policy: lazy mode\x20
<6> 604011 PCI: Using ACPI for IRQ routing
<7> 604204 PCI: pci_cache_line_size set to 32 bytes
<7> 604617 {ram_buffers}
<6> 608169 vgaarb: loaded
<6> 609809 clocksource: Switched to clocksource tsc-early
<6> 611631 pnp: PnP ACPI init
<7> 614485 pnp 00:02: [dma 2]
<6> 616123 pnp: PnP ACPI: found 5 devices
<6> 663816 clocksource: acpi_pm: mask: 0xffffff max_cycles: 0xffffff, max_idle_ns: 2085701024 ns
<6> 665020 NET: Registered PF_INET protocol family
<6> 687045 NET: Registered PF_UNIX/PF_LOCAL protocol family
<6> 687813 pci_bus 0000:00: resource 4 [io  0x0000-0x0cf7 window]
<6> 687864 pci_bus 0000:00: resource 5 [io  0x0d00-0xffff window]
<6> 687881 pci_bus 0000:00: resource 6 [mem 0x000a0000-0x000bffff window]
<6> 687893 pci_bus 0000:00: resource 7 [mem 0x{pci:08x}-0xfebfffff window]
<6> 688369 pci 0000:00:01.0: PIIX3: Enabling Passive Release
<6> 688473 pci 0000:00:00.0: Limiting direct PCI/PCI transfers
<6> 688607 pci 0000:00:01.0: Activating ISA DMA hang workarounds
<6> 688654 PCI: CLS 0 bytes, default 32
<5> 706016 Initialise system trusted keyrings
<5>1041635 Key type asymmetric registered
<5>1041864 Asymmetric key parser 'x509' registered
<6>1042515 io scheduler mq-deadline registered
<6>1042588 io scheduler kyber registered
<6>1050490 input: Power Button as /devices/LNXSYSTM:00/LNXPWRBN:00/input/input0
<6>1072986 ACPI: button: Power Button [PWRF]
<6>1081000 {disk_irqs}
<6>1082135 Serial: 8250/16550 driver, 4 ports, IRQ sharing enabled
<6>1090686 00:03: ttyS0 at I/O 0x3f8 (irq = 4, base_baud = 115200) is a 16550A
<6>1135217 brd: module loaded
<6>1144596 loop: module loaded
<5>1145000 {disks}
<6>1146177 i8042: PNP: PS/2 Controller [PNP0303:KBD,PNP0f13:MOU] at 0x60,0x64 irq 1,12
<6>1149446 serio: i8042 KBD port at 0x60,0x64 irq 1
<6>1149677 serio: i8042 AUX port at 0x60,0x64 irq 12
<6>1153616 input: AT Translated Set 2 keyboard as /devices/platform/i8042/serio0/input/input1
<6>1155304 rtc_cmos 00:04: RTC can wake from S4
<6>1169046 rtc_cmos 00:04: registered as rtc0
<6>1169827 rtc_cmos 00:04: alarms up to one day, y3k, 242 bytes nvram
<6>1170046 intel_pstate: CPU model not supported
<6>1171204 Initializing XFRM netlink socket
<6>1171427 NET: Registered PF_PACKET protocol family
<6>1172107 9pnet: Installing 9P2000 support
<5>1172466 Key type dns_resolver registered
<6>1172976 IPI shorthand broadcast: enabled
<6>1173463 sched_clock: Marking stable (1148688032, 24055359)->(1222851125, -50107734)
<6>1175083 registered taskstats version 1
<5>1175122 Loading compiled-in X.509 certificates
<6>1181476 PM:   Magic number: 2:320:827
<6>1181770 misc hw_random: hash matches
"""
