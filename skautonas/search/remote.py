"""Trials that an engine runs, behind the interface of `concurrent.futures`."""

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future
from functools import partial
from pathlib import Path

from skautonas._files import written_atomically
from skautonas.estimation.task import TrialOutcome, TrialTask
from skautonas.exceptions import NoWorkerError
from skautonas.search.engines import Engine
from skautonas.search.host import Package, run_trial


class RemoteExecutor(Executor):
    """Sends trials to an engine, and takes in their outcomes and files.

    Parameters
    ----------
    engine : Engine
        Where they run.
    package : Package
        The study's files.
    """

    def __init__(self, engine: Engine, package: Package) -> None:
        self.engine = engine
        self.package = package
        self._running: dict[Future, tuple[str, Future]] = {}
        self._lock = threading.Lock()

    def submit(  # type: ignore[override]
        self, function: Callable[[TrialTask], TrialOutcome], task: TrialTask, /
    ) -> Future:
        """Evaluate a trial where the engine has a free worker."""
        outer: Future = Future()
        outer.set_running_or_notify_cancel()
        key = f"{self.package.key}-{task.number}-{task.attempt}"
        try:
            sent = self.engine.send(self.package)
            states = {} if sent is None else _read_states(task)
            inner = self.engine.submit(run_trial, key, sent, states, function, task)
        except Exception as error:  # as of a pool whose process died
            outer.set_exception(
                NoWorkerError(
                    f"Expected the executor to take a trial; it refused "
                    f"({type(error).__name__}: {str(error).strip()[:200]})."
                )
            )
            return outer
        with self._lock:
            self._running[outer] = (key, inner)
        inner.add_done_callback(partial(self._take_in, outer, Path(task.folder)))
        return outer

    def kill(self, future: Future) -> None:
        """End a trial as far as the engine can, and wait for it no longer."""
        with self._lock:
            key, inner = self._running.pop(future, ("", None))
        if inner is None:
            return
        try:
            # Dask's and Ray's futures are cancelled though their tasks run.
            self.engine.stop(key, inner)
            inner.cancel()
        finally:
            future.set_exception(CancelledError())

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End all trials, and free what the engine holds of the study."""
        for future in list(self._running):
            self.kill(future)
        self.engine.close(self.package.key)

    def _take_in(self, outer: Future, folder: Path, inner: Future) -> None:
        with self._lock:
            if outer not in self._running:
                return  # it was killed
            try:
                outcome, files = inner.result()
                for name, content in files.items():
                    with written_atomically(folder / name) as file:
                        file.write_bytes(content)
                result = partial(outer.set_result, outcome)
            except BaseException as error:
                result = partial(outer.set_exception, error)
            del self._running[outer]
        result()


def _read_states(task: TrialTask) -> dict[str, bytes]:
    """Return the files that a trial goes on from; without one it starts anew."""
    paths = {name: Path(task.folder) / name for name in task.states}
    return {name: path.read_bytes() for name, path in paths.items() if path.exists()}
