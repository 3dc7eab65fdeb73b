"""The parameters that each machine's kernel knows: what stands in its tables of __setup(), early_param() and
core_param() (init/main.c, kernel/params.c). Those of its modules have a dot in their names and are not listed.
"""

_BOTH = """
acpi acpi_apic_instance acpi_backlight acpi_enforce_resources acpi_force_32bit_fadt_addr
acpi_force_table_verification acpi_irq_balance acpi_irq_isa acpi_irq_nobalance acpi_irq_pci acpi_mask_gpe
acpi_no_auto_serialize acpi_no_static_ssdt acpi_os_name acpi_osi acpi_pm_good acpi_rev_override acpi_sci
acpi_skip_timer_override acpi_sleep acpi_use_timer_override acpica_no_return_repair alloc_mptable apic apic_extnmi
bgrt_disable bootconfig ca_keys clearcpuid clock clocksource console console_msg_format consoleblank coredump_filter
cpu0_hotplug cpu_init_udelay crash_kexec_post_notifiers crashkernel debug debug-alternative debug_boot_weak_hash
debugfs debugpat deferred_probe_timeout delayacct devtmpfs.mount dhash_entries disable_cpu_apicid disable_mtrr_trim
disable_timer_pin_1 disableapic driver_async_probe early_ioremap_debug earlycon earlyprintk elevator fb_tunnels
fw_devlink fw_devlink.strict gather_data_sampling gbpages gpt highres hostname idle ignore_loglevel
ignore_rlimit_data ihash_entries indirect_target_selection init init_on_alloc init_on_free initcall_blacklist
initcall_debug initramfs_async initramfs_options initrd initrdmem int_pln_enable intel_pstate io_delay iomem iommu
ipcmni_extend irqaffinity irqfixup irqpoll isolcpus keep_bootcon kernelcore l1d_flush l1tf lapic lapic_timer_c2_ok
load_ramdisk log_buf_len loglevel lpj max_loop maxcpus mds mem mem_sleep_default memblock memmap mhash_entries
mitigations mminit_loglevel mmio_stale_data movablecore mphash_entries no-kvmapf no-kvmclock no-kvmclock-vsyscall
no-scroll no-steal-acc no-vmw-sched-clock no_console_suspend no_file_caps no_hash_pointers no_ipi_broadcast
no_timer_check noapic noapictimer nofsgsbase nogbpages nohz nohz_full noinitrd noinvpcid nolapic nolapic_timer
nonmi_ipi nopat nopv norandmaps noreplace-smp nosgx nosmp nosmt nospectre_v1 notsc nr_cpus ntp_tick_adj ohci1394_dma
oops panic panic_on_taint panic_on_warn panic_print pause_on_oops pci pcie_aspm pcie_pme pcie_port_pm pcie_ports
percpu_alloc pm_debug_messages pmtmr pnp_reserve_dma pnp_reserve_io pnp_reserve_irq pnp_reserve_mem pnpacpi
possible_cpus preempt print-fatal-signals printk.devkmsg proc_mem.force_override prompt_ramdisk quiet ramdisk_size
ramdisk_start random.trust_bootloader random.trust_cpu randomize_kstack_offset rdinit rdrand reboot
reg_file_data_sampling relax_domain_level reserve reset_devices retain_initrd retbleed ro rodata root rootdelay
rootflags rootfstype rootwait rw sched_thermal_decay_shift show_lapic skew_tick slab_merge slab_nomerge
spec_rstack_overflow spectre_bhi srbds stack_guard_gap strict_sas_size sysrq_always_enabled tcpmhash_entries
thash_entries threadirqs tsa tsc tsc_early_khz tsx_async_abort uhash_entries unknown_nmi_panic update_mptable
userpte vdso vdso32 vmscape
"""
_I386 = """
cachesize carrier_timeout dhcpclass forcepae highmem iommu.forcedac iommu.passthrough iommu.strict ip
memory_corruption_check memory_corruption_check_period memory_corruption_check_size nfsaddrs noaliencache pirq
reservetop serialnumber slab_max_order vmalloc
"""
_X86_64 = """
acpi_rsdp align_va_addr apicpmtimer apparmor audit audit_backlog_limit cgroup.memory cgroup_debug cgroup_disable
cgroup_no_v1 default_hugepagesz dyndbg early_page_ext elfcorehdr hardened_usercopy hashdist hibernate hpet hugepages
hugepagesz hugetlb_free_vmemmap init_pkru lsm lsm.debug mce memhp_default_state memtest module_blacklist
movable_node nmi_watchdog noautogroup noexec32 nohibernate nohpet nohugeiomap nohugevmalloc nomce nomodule nopcid
nopku nopvspin noresume nosoftlockup nowatchdog nox2apic numa numa_balancing page_poison psi ras rcu_nocb_poll
rcu_nocbs resched_latency_warn_ms resume resume_offset resumedelay resumewait sched_verbose schedstats security
slub_debug slub_max_order slub_merge slub_min_objects slub_min_order slub_nomerge softlockup_panic
stack_depot_disable swapaccount swiotlb transparent_hugepage vsyscall watchdog_thresh x2apic_phys
"""

I386 = frozenset(f"{_BOTH} {_I386}".split())
X86_64 = frozenset(f"{_BOTH} {_X86_64}".split())
