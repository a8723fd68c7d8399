"""Files that appear under their name only when they are complete; locks."""

import os
import platform
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


# Names of files that a killed process left unfinished.
UNFINISHED = f".{'[0-9a-f]' * 32}.*"
# In the folder for temporary files; where that is shared by machines, a lock may be of
# one of them alone.
PREFIX, ALIVE = f"skautonas-{platform.node()}-", ".alive"
# The locks of this process. A forked child that kept them open would hold them too, for
# as long as it lives.
_held: set[IO] = set()


@contextmanager
def written_atomically(path: Path) -> Iterator[Path]:
    """Yield a temporary path; what was written there is moved to ``path`` at the end.

    Where the body raises, ``path`` is left as it was.
    """
    path = path.resolve()
    temporary = path.with_name(f".{uuid.uuid4().hex}{path.suffix}")
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def locked(path: Path, in_use: Exception) -> Iterator[None]:
    """Hold a lock that ends with this process, however it ends.

    Parameters
    ----------
    path : Path
        File of the lock; it stays.
    in_use : Exception
        Raised where another one holds it.
    """
    if fcntl is None:
        raise OSError(
            "Expected a system with flock for directory=, such as Linux or macOS. "
            "Leave directory out."
        )
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise in_use from None
        _held.add(file)
        try:
            yield
        finally:
            _held.discard(file)
            if not file.closed:
                fcntl.flock(file, fcntl.LOCK_UN)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yield a folder that is deleted at the end.

    Where this process is killed before, the next one that needs such a folder does it.
    """
    remove_orphans()
    with tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        unnamed = folder / f"{ALIVE}-soon"
        with unnamed.open("w") as file:
            if _lock(file):
                unnamed.rename(folder / ALIVE)
            _held.add(file)
            try:
                yield folder
            finally:
                _held.discard(file)


def _lock(file: IO) -> bool:
    """Lock a file; return whether this file system has locks."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
    except OSError:
        return False
    return True


def remove_orphans() -> None:
    """Delete temporary folders whose process is gone: nobody holds their lock."""
    if fcntl is None:
        return
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/{ALIVE}"):
        try:
            if path.parent.lstat().st_uid != os.getuid():
                continue
            with locked(path, BlockingIOError()):
                shutil.rmtree(path.parent, ignore_errors=True)
        except OSError:
            continue  # in use, or deleted meanwhile


def _leave_locks_to_parent() -> None:
    for file in _held:
        file.close()
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_locks_to_parent)
