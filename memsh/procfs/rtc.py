"""/proc/driver/rtc: the clock that runs while the machine is off (drivers/rtc/proc.c, rtc-cmos.c)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from memsh.linux.kernel.timer import BTIME

if TYPE_CHECKING:
    from memsh.linux.box import Box

TAB, WIDTH = "\t", 8


def show(box: Box) -> str:
    """The box's wall clock; no alarm is set."""
    now = datetime.fromtimestamp(BTIME + box.timer.usec // 1_000_000, UTC)
    tomorrow = now + timedelta(days=1)
    rows = (
        ("rtc_time", f"{now:%H:%M:%S}"), ("rtc_date", f"{now:%Y-%m-%d}"), ("alrm_time", "00:00:00"),
        ("alrm_date", f"{tomorrow:%Y-%m-%d}"), ("alarm_IRQ", "no"), ("alrm_pending", "no"),
        ("update IRQ enabled", "no"), ("periodic IRQ enabled", "no"), ("periodic IRQ frequency", "1024"),
        ("max user IRQ frequency", "64"), ("24hr", "yes"), ("periodic_IRQ", "no"), ("update_IRQ", "no"),
        ("HPET_emulated", "yes" if "HPET" in box.model.options else "no"), ("BCD", "yes"), ("DST_enable", "no"),
        ("periodic_freq", "1024"), ("batt_status", "okay"),
    )  # fmt: skip
    return "".join(f"{name}{TAB if len(name) >= WIDTH else TAB * 2}: {value}\n" for name, value in rows)
