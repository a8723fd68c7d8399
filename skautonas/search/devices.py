"""The GPUs of this machine, as processes are told of them."""

import os
import shutil
import subprocess
from functools import lru_cache

Device = str | None


def visible_devices() -> tuple[str, ...]:
    """Return the GPUs that processes started here would see, by number or name."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is None:
        return _installed_devices()
    devices = []
    for device in named.split(","):
        # CUDA takes no device from an invalid one on.
        if device.strip() in ("", "-1", "NoDevFiles"):
            break
        devices.append(device.strip())
    return tuple(devices)


@lru_cache(maxsize=1)
def _installed_devices() -> tuple[str, ...]:
    """Ask the driver, as TensorFlow would claim memory of each device it looks at."""
    if shutil.which("nvidia-smi") is None:
        return ()
    query = ["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"]
    try:
        answer = subprocess.run(
            query, capture_output=True, text=True, check=False, timeout=10
        )
    except subprocess.TimeoutExpired:  # the driver does not work
        return ()
    lines = answer.stdout.splitlines() if answer.returncode == 0 else []
    return tuple(line.strip() for line in lines if line.strip())
