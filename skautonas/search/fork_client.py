"""The fork server of this process: started, asked for workers, ended.

Where there can be none, as on another system than Linux, or beside threads that are
started in each process, every worker imports TensorFlow itself.
"""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import lru_cache, partial
from typing import Any

from skautonas.search.devices import visible_devices
from skautonas.search.fork_server import NUMBER, REFUSED

# The import of TensorFlow takes minutes on the busiest of machines.
READY_SECONDS = 600.0
# A fork takes less than 0.1 s; where there is no answer, there is another way.
FORK_SECONDS = 60.0
# Deaf to Ctrl-C from its first line on.
_COMMAND = (
    "import json, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); "
    "said = sys.stdin.read() or sys.exit(); "
    "told = json.loads(said); sys.path[:] = told['path']; "
    "from skautonas.search.fork_server import serve; "
    "serve(int(sys.argv[1]), told['parent'])"
)
# What libraries read when they are imported. Their threads could not be forked.
_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "KERAS_BACKEND": "tensorflow",
}


class ForkServer:
    """The server, as seen from the process that started it.

    Attributes
    ----------
    ready : concurrent.futures.Future
        Whether workers can be forked, as soon as that is known; cancelled where the
        server was closed before.
    """

    def __init__(self) -> None:
        self.ready: Future = Future()
        self._lock = threading.Lock()
        self._closed = False
        self._process: subprocess.Popen | None = None
        self._channel, theirs = socket.socketpair()
        # A thread that no Ctrl-C interrupts halfway.
        self._starter = threading.Thread(
            target=self._start, args=(theirs,), daemon=True
        )
        self._starter.start()

    def _start(self, theirs: socket.socket) -> None:
        try:
            with theirs, self._lock:
                if not self._closed:
                    self._process = self._launch(theirs.fileno())
            self._channel.settimeout(READY_SECONDS)
            can_fork = self._channel.recv(1) == b"1"
        except OSError:
            can_fork = False
        if self._closed:
            self.ready.cancel()
        else:
            self.ready.set_result(can_fork)

    def _launch(self, channel_file: int) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", _COMMAND, str(channel_file)],
            env={**os.environ, **_ENVIRONMENT},
            stdin=subprocess.PIPE,
            pass_fds=[channel_file],
            text=True,
        )
        pipe: Any = process.stdin
        path = [str(folder) for folder in sys.path]
        with suppress(BrokenPipeError), pipe:
            json.dump({"path": path, "parent": os.getpid()}, pipe)
        return process

    @property
    def is_able(self) -> bool:
        """Whether workers can be forked now."""
        return self.ready.done() and not self.ready.cancelled() and self.ready.result()

    @property
    def has_ended(self) -> bool:
        """Whether it was able to fork workers, and is gone."""
        process = self._process
        return self.is_able and process is not None and process.poll() is not None

    def fork(self, payload: bytes, files: list[int]) -> int:
        """Return the number of a new process, which reads the payload.

        Raises
        ------
        OSError
            Where the server cannot fork, or is gone.
        """
        ours, theirs = socket.socketpair()
        with ours:
            ours.settimeout(FORK_SECONDS)
            with theirs:
                socket.send_fds(self._channel, [b"1"], [theirs.fileno(), *files])
            answer = ours.recv(NUMBER.size)
            if len(answer) < NUMBER.size:
                raise ConnectionResetError("Expected a process; the server is gone.")
            (number,) = NUMBER.unpack(answer)
            if number == REFUSED:
                raise BlockingIOError("Expected another process; there can be none.")
            ours.sendall(payload)
        return number

    def close(self) -> None:
        """End the server."""
        with self._lock:
            self._closed = True
            if self._process is not None:
                self._process.kill()
                self._process.wait()
        self._starter.join()
        self._channel.close()

    def forget(self) -> None:
        """Leave the server to the parent of this process, which was forked."""
        if self._process is not None:
            self._process.returncode = 0
        self._channel.close()


_server: ForkServer | None = None
_lock = threading.Lock()


def current_server() -> ForkServer | None:
    """Return the server of this process; it is started if need be.

    None where there can be none.
    """
    global _server
    if not _can_fork():
        return None
    with _lock, suppress(OSError):
        if _server is not None and _server.has_ended:
            _server.close()
            _server = None
        if _server is None:
            _server = ForkServer()
        return _server
    return None


def ready_server() -> ForkServer | None:
    """Return the server of this process where workers can be forked now.

    Nothing is started, and nothing waited for.
    """
    server = _server
    if server is None or not server.is_able or server.has_ended or not _can_fork():
        return None
    return server


def _can_fork() -> bool:
    """Tell whether workers may be forked: not where a GPU's driver is loaded before."""
    return _can_watch() and not visible_devices()


@lru_cache(maxsize=1)
def _can_watch() -> bool:
    """Tell whether a process can be watched that is not a child of this one."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):  # not Linux, or an old or guarded one
        return False
    return True


def when_ready(submit: Callable[[], Future]) -> Future:
    """Submit a task as soon as the server is ready.

    Its future can be cancelled until then.
    """
    server = current_server()
    if server is None or server.ready.done():
        return submit()
    outer: Future = Future()
    server.ready.add_done_callback(partial(_submit_into, outer, submit))
    return outer


def _submit_into(outer: Future, submit: Callable[[], Future], ready: Future) -> None:
    if ready.cancelled():
        outer.cancel()
    if not outer.set_running_or_notify_cancel():
        return
    try:
        submit().add_done_callback(partial(_copy_result, outer))
    except Exception as error:
        outer.set_exception(error)


def _copy_result(outer: Future, inner: Future) -> None:
    error = inner.exception()
    if error is not None:
        outer.set_exception(error)
    else:
        outer.set_result(inner.result())


def close_server() -> None:
    """End the server of this process."""
    global _server
    with _lock:
        server, _server = _server, None
    # What waits for it may need the lock, to be told that there is none.
    if server is not None:
        server.close()


def _forget_server() -> None:
    global _server, _lock
    _lock = threading.Lock()
    if _server is not None:
        _server.forget()
    _server = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_server)
