"""Virtual environments of peers, with pinned packages, made once."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).parent / "peers" / "requirements"


def cache():
    """Return the folder of the environments."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "skautonas-benchmarks"


def python_of(name):
    """Return the interpreter of an environment; of None, the one that runs this."""
    if name is None:
        return sys.executable
    requirements = REQUIREMENTS / f"{name}.txt"
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    folder = cache() / f"{name}-{digest}"
    python = folder / "bin" / "python"
    ready = folder / "ready"
    if ready.exists():
        return str(python)
    print(f"making the environment of {name} in {folder}", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    install = [python, "-m", "pip", "install", "--quiet", "-r", requirements]
    subprocess.run(install, check=True)
    ready.touch()
    return str(python)
