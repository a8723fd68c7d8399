"""How much memory there is, and how much of it is this process' own."""

import math
import os
from pathlib import Path

# Of a container, of the second and of the first version of control groups.
LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def own_bytes() -> int:
    """Return the bytes that only this process holds; 0 where the system has no /proc.

    Files that are mapped, as the rows are, do not count.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return 0
    lines = (line.split() for line in status.splitlines())
    return sum(1024 * int(line[1]) for line in lines if line[0] == "RssAnon:")


def machine_bytes() -> float:
    """Return the memory of this machine, or of the container if that has less."""
    if not hasattr(os, "sysconf"):  # Windows
        return math.inf
    least: float = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in LIMITS:
        try:
            limit = Path(path).read_text(encoding="ascii").strip()
        except OSError:
            continue
        if limit.isdigit():
            least = min(least, int(limit))
    return least
