"""The fork server of this process: started, asked for workers, ended.

Where there can be none, as on another system than Linux, or beside threads that are
started in each process, every worker imports TensorFlow itself.
"""

import errno
import json
import os
import signal
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
# After so many servers that were gone before they could fork, there is no other one.
MOST_FAILED = 2
# Deaf to Ctrl-C, which the thread that starts it blocks.
_COMMAND = (
    "import json, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); "
    "signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT}); "
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
    has_failed : bool
        Whether it was gone before it was known.
    """

    def __init__(self) -> None:
        self.ready: Future = Future()
        self.has_failed = False
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
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        answer = b""
        try:
            with theirs, self._lock:
                if not self._closed:
                    self._process = self._launch(theirs.fileno())
            self._channel.settimeout(READY_SECONDS)
            answer = self._channel.recv(1)
        except OSError:
            pass
        if self._closed:
            self.ready.cancel()
        else:
            self.has_failed = not answer
            self.ready.set_result(answer == b"1")

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
    def is_gone(self) -> bool:
        """Whether another one could fork workers in its place."""
        if self.has_failed:
            return self.ready.done()
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
        """End the server, and the thread that waits for it."""
        with self._lock:
            self._closed = True
            self._end()
        self._starter.join()
        self._channel.close()

    def leave(self) -> None:
        """Clear away a server that is gone; its thread may still tell of it."""
        self._end()
        self._channel.close()

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def forget(self) -> None:
        """Leave the server to the parent of this process, which was forked."""
        if self._process is not None:
            self._process.returncode = 0
        self._channel.close()


_server: ForkServer | None = None
_n_failed = 0
# Whether this process ends, and starts nothing any more.
_ends = False
_lock = threading.Lock()


def current_server() -> ForkServer | None:
    """Return the server of this process; it is started if need be.

    None where there can be none.
    """
    global _server, _n_failed
    if not _can_fork():
        return None
    with _lock:
        if _server is not None and _server.is_gone:
            _n_failed += _server.has_failed
            _server.leave()
            _server = None
        if _server is None and _n_failed < MOST_FAILED and not _ends:
            # Without files or threads there is none for now.
            with suppress(OSError, RuntimeError):
                _server = ForkServer()
        return _server


def ready_server() -> ForkServer | None:
    """Return the server of this process where workers can be forked now.

    Nothing is started, and nothing waited for.
    """
    server = _server
    if server is None or not server.is_able or server.is_gone or not _can_fork():
        return None
    return server


def _can_fork() -> bool:
    """Tell whether workers may be forked: not beside a GPU, where it is untried."""
    return _can_watch() and not visible_devices()


@lru_cache(maxsize=1)
def _can_watch() -> bool:
    """Tell whether a process can be watched that is not a child of this one."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except AttributeError:  # not Linux
        return False
    except OSError as error:
        # An old or guarded Linux; or no more files, for now.
        return error.errno not in (errno.ENOSYS, errno.EPERM)
    return True


def when_ready(submit: Callable[[], Future]) -> Future:
    """Submit a task as soon as the server is ready.

    Its future can be cancelled until then, and is where this process ends.
    """
    if _ends:
        ended: Future = Future()
        ended.cancel()
        return ended
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
    """End the server of this process, which is about to end and gets no other one."""
    global _server, _ends
    with _lock:
        _ends = True
        server, _server = _server, None
    # What waits for it may need the lock, to be told that there is none.
    if server is not None:
        server.close()


def _forget_server() -> None:
    global _server, _lock, _ends
    _lock, _ends = threading.Lock(), False
    if _server is not None:
        _server.forget()
    _server = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_server)
