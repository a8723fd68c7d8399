"""Temporary folders do not outlive their process for long, however it ends."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from skautonas._files import ALIVE, PREFIX, temporary_folder

HOLD = """
import time
from skautonas._files import temporary_folder
with temporary_folder() as folder:
    (folder / "rows").write_text("secret")
    print(folder, flush=True)
    time.sleep(600)
"""


@contextmanager
def holding():
    """Yield a folder whose process is killed at the end."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True
    ) as process:
        yield Path(process.stdout.readline().strip())
        process.kill()


def test_a_folder_is_deleted_at_the_end():
    with temporary_folder() as folder:
        (folder / "file").touch()
        with temporary_folder() as other:
            assert other != folder
        assert (folder / "file").exists()
        assert not other.exists()
    assert not folder.exists()


def test_a_folder_of_a_killed_process_is_deleted_by_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    unknown = tmp_path / f"{PREFIX}study"
    unknown.mkdir()
    with holding() as orphan:
        assert (orphan / "rows").exists()
    with holding() as held:
        with temporary_folder():
            pass
        assert (held / "rows").exists()
    assert not orphan.exists()
    assert unknown.exists()


FORK = """
import os, signal, time
from skautonas._files import temporary_folder
with temporary_folder() as folder:
    child = os.fork()
    if child == 0:
        time.sleep(600)
    print(child, folder, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork there")
def test_a_forked_child_does_not_keep_a_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with subprocess.Popen(
        [sys.executable, "-c", FORK], stdout=subprocess.PIPE, text=True
    ) as process:
        child, folder = process.stdout.readline().split()
        try:
            process.wait(10)
            os.kill(int(child), 0)
            # The child drops the lock as soon as it runs.
            end = time.monotonic() + 10
            while Path(folder).exists():
                assert time.monotonic() < end
                with temporary_folder():
                    pass
        finally:
            os.kill(int(child), signal.SIGKILL)


def test_a_link_of_another_user_is_not_followed(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("os.getuid", lambda: -1)
    mine = tmp_path / "mine"
    mine.write_text("kept")
    trap = tmp_path / f"{PREFIX}trap"
    trap.mkdir()
    (trap / ALIVE).symlink_to(mine)
    with temporary_folder():
        pass
    assert mine.read_text() == "kept"
    assert trap.exists()
