"""A process that has imported TensorFlow, and from which workers are forked.

To import it takes 4 s of a core, to fork less than 0.1 s. Nothing of TensorFlow runs in
the server, which has one thread: so that what is forked is whole.
"""

import os
import pickle
import select
import signal
import socket
import struct
import sys
import threading
import time
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np

from skautonas._compat import run_process
from skautonas.search.preload import preload

# How the server answers a request: with the number of the new process.
NUMBER = struct.Struct("q")
REFUSED = -1
# How often the server, and each worker, looks whether its parent is still there.
WATCH_SECONDS = 0.5
# A server without workers ends after this many seconds.
IDLE_SECONDS = 300
MOST_FILES = 64
# A thread that has ended is there for a moment longer.
THREAD_SECONDS = 0.5
# Threads of other libraries that go on after a fork by themselves.
SAFE_THREADS = ("jemalloc_bg_thd",)


def serve(channel_file: int, parent: int) -> None:
    """Import TensorFlow, then fork a process at each request, until the parent goes."""
    server = os.getpid()
    with socket.socket(fileno=channel_file) as channel:
        # Asked before, too: the import takes long.
        can_fork = _has_one_thread()
        if can_fork:
            _import(parent)
            can_fork = _has_one_thread()
        # Nobody needs to ask how a worker ended.
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        with suppress(BrokenPipeError):
            channel.send(b"1" if can_fork else b"0")
        while can_fork and (files := _next_request(channel, parent)):
            number = _fork()
            if number == 0:
                _be_forked(channel, files, server)
            with socket.socket(fileno=files[0]) as answer, suppress(BrokenPipeError):
                answer.send(NUMBER.pack(number))
            for file in files[1:]:
                os.close(file)


def _import(parent: int) -> None:
    imported = threading.Event()
    watch = threading.Thread(target=watch_parent, args=(parent, imported))
    watch.start()
    try:
        preload()
    finally:
        imported.set()
        watch.join()


def _fork() -> int:
    with warnings.catch_warnings():
        # Python 3.12 counts threads that it does not know, too.
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            return os.fork()
        except OSError:
            return REFUSED


def _has_one_thread() -> bool:
    end = time.monotonic() + THREAD_SECONDS
    try:
        while (n_threads := _threads()) > 1 and time.monotonic() < end:
            time.sleep(0.01)
    except OSError:  # they cannot be counted
        return False
    return n_threads == 1


def _threads() -> int:
    names = []
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
            names.append((task / "comm").read_text().strip())
    return sum(name not in SAFE_THREADS for name in names)


def end_with_parent(parent: int) -> None:
    """Have this process end when its parent is gone."""
    watched = (parent, threading.Event())
    threading.Thread(target=watch_parent, args=watched, daemon=True).start()


def watch_parent(parent: int, ended: threading.Event) -> None:
    """End this process when its parent is gone, until an event says otherwise."""
    while not ended.wait(WATCH_SECONDS):
        if os.getppid() != parent:
            os._exit(1)


def _next_request(channel: socket.socket, parent: int) -> list[int]:
    """Wait for a request; return its files, or none where the server is to end."""
    last = time.monotonic()
    while os.getppid() == parent:
        if select.select([channel], [], [], WATCH_SECONDS)[0]:
            _, files, *_ = socket.recv_fds(channel, 1, MOST_FILES)
            return files
        if _has_children():
            last = time.monotonic()
        elif time.monotonic() - last > IDLE_SECONDS:
            break
    return []


def _has_children() -> bool:
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return False
    return True


# In a process that was forked.

# The files that it was given, and the server, which is its parent.
inherited: list[int] = []
forked_by: int | None = None


def _be_forked(channel: socket.socket, files: list[int], server: int) -> None:
    """Run the process that is told through the first file; never return."""
    global forked_by
    status = 1
    try:
        end_with_parent(server)
        channel.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        forked_by, inherited[:] = server, files[1:]
        np.random.seed()  # noqa: NPY002 - that of this module is the server's
        with socket.socket(fileno=files[0]) as told, told.makefile("rb") as pipe:
            read_process = pickle.load(pipe)
            new = read_process(pipe)
        status = run_process(new)
    except (EOFError, ConnectionResetError):
        pass  # who asked for it was interrupted, or waits no longer
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(status)
