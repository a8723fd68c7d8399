"""Loky's processes, forked from a server where one is ready."""

import io
import os
import pickle
import signal
from contextlib import suppress
from multiprocessing.connection import wait
from multiprocessing.context import set_spawning_popen
from multiprocessing.util import Finalize
from typing import Any, BinaryIO

from threadpoolctl import threadpool_limits

from skautonas._compat import StartableProcess, loky, reading_process
from skautonas.search import fork_server
from skautonas.search.fork_client import ForkServer, ready_server

# What multiprocessing says where it cannot know how a process ended.
UNKNOWN_STATUS = 255
# Files that preparations of loky tell of.
TRACKERS = {"tracker_fd", "mp_tracker_fd"}


class InheritedFile:
    """A file that the new process has, by its place among those it was given."""

    def __init__(self, place: int) -> None:
        self.place = place

    def detach(self) -> int:
        """Return its number in the new process."""
        return fork_server.inherited[self.place]


class ForkedPopen:
    """What multiprocessing asks of a running process.

    Raises
    ------
    OSError
        Where the server cannot fork.
    """

    method = "skautonas"
    DupFd = InheritedFile

    def __init__(self, process_obj: Any, server: ForkServer) -> None:
        self.returncode: int | None = None
        self._files: list[int] = []
        self.pid = server.fork(self._payload(process_obj), self._files)
        # Ready to be read as soon as the process is gone.
        try:
            self.sentinel = os.pidfd_open(self.pid)
        except OSError:  # too many files
            os.kill(self.pid, signal.SIGKILL)
            raise
        self.close = Finalize(self, os.close, (self.sentinel,))

    def _payload(self, process_obj: Any) -> bytes:
        """Return what the new process reads: first of all, how to read the rest."""
        payload = io.BytesIO()
        preparation = loky.backend.spawn.get_preparation_data(
            process_obj.name, init_main_module=False
        )
        for name in TRACKERS & preparation.keys():
            preparation[name] = self.duplicate_for_child(preparation[name])
        streams = {file: self.duplicate_for_child(file) for file in (1, 2)}
        environment = {**os.environ, **process_obj.env}
        cores = os.sched_getaffinity(os.getpid())  # not of this thread
        set_spawning_popen(self)  # type: ignore[arg-type]
        try:
            told = (environment, cores, streams, preparation)
            for part in (read_process, *told, process_obj):
                loky.backend.reduction.dump(part, payload)
        finally:
            set_spawning_popen(None)
        return payload.getvalue()

    def duplicate_for_child(self, file: int) -> int:
        """Give the new process a file; return its place there."""
        self._files.append(file)
        return len(self._files) - 1

    def poll(self) -> int | None:
        """Return a status where the process is gone."""
        return self.wait(0)

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait until the process is gone; return a status, None where it is not."""
        if self.returncode is None and wait([self.sentinel], timeout):
            self.returncode = UNKNOWN_STATUS
        return self.returncode

    def terminate(self) -> None:
        """End the process."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.sentinel, signal.SIGTERM)

    def kill(self) -> None:
        """End the process at once."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.sentinel, signal.SIGKILL)


class ForkedProcess(StartableProcess):
    """A process of loky, forked where there is a server that can."""

    def popen(self) -> Any:
        """Have it forked, or start an interpreter."""
        server = ready_server()
        if server is not None:
            with suppress(OSError):
                return ForkedPopen(self, server)
        return super().popen()


class ForkingContext(loky.backend.context.LokyContext):
    """How loky starts processes and makes queues."""

    Process = ForkedProcess


def read_process(pipe: BinaryIO) -> Any:
    """Return the process that a payload tells, which this one is to become."""
    environment, cores, streams, preparation = (pickle.load(pipe) for _ in range(4))
    os.environ.clear()
    os.environ.update(environment)
    os.sched_setaffinity(0, cores)
    n_threads = int(environment["OMP_NUM_THREADS"])
    if n_threads > 1:
        # Libraries that are imported already have read another number.
        threadpool_limits(n_threads)
    for stream, place in streams.items():
        os.dup2(fork_server.inherited[place], stream)
    for name in TRACKERS & preparation.keys():
        preparation[name] = fork_server.inherited[preparation[name]]
    with reading_process():
        loky.backend.spawn.prepare(preparation)
        return pickle.load(pipe)
