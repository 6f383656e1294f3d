"""What the kernel says of a process (proc(5)): memory, processor time, how often it woke up; and a
process for which modes count."""

import os
import re
from pathlib import Path

# Runs what follows it so that modes count for it, even for root: as the same user, for another one
# may not get into this checkout.
MODES_COUNT: tuple[str, ...] = ()
if os.geteuid() == 0:
    MODES_COUNT = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all")

_SWITCHES = re.compile(r"^voluntary_ctxt_switches:\s*(\d+)", re.MULTILINE)


def proportional_bytes(pid: int) -> int:
    """Its memory, what it shares with others counted in proportion (PSS)."""
    return _rollup(pid, "Pss")


def resident_bytes(pid: int) -> int:
    """Its memory, what it shares counted whole (RSS)."""
    return _rollup(pid, "Rss")


def _rollup(pid: int, name: str) -> int:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = re.search(rf"^{name}:\s*(\d+) kB", text, re.MULTILINE)
    assert found is not None, text
    return int(found[1]) * 1024


def wake_ups(pid: int) -> int:
    """How often its threads have gone to sleep: once for each time that one woke up."""
    statuses = (path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/status"))
    return sum(int(count) for status in statuses for count in _SWITCHES.findall(status))


def cpu_seconds(pid: int) -> float:
    """Processor time of all its threads so far, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_bytes(pid: int, proc: Path = Path("/proc")) -> int:
    """The most memory that it has had resident since its start, or since `forget_peak`."""
    found = re.search(r"^VmHWM:\s*(\d+) kB", (proc / f"{pid}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


def forget_peak(pid: int, proc: Path = Path("/proc")) -> None:
    """Its memory of now is its peak."""
    (proc / f"{pid}/clear_refs").write_text("5")
