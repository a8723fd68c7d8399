"""Trials that an engine runs, behind the interface of `concurrent.futures`."""

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future
from functools import partial
from pathlib import Path

from skautonas.estimation.task import TrialOutcome, TrialTask
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
        sent = self.engine.send(self.package)
        states = {}
        if sent is not None:
            folder = Path(task.folder)
            states = {name: (folder / name).read_bytes() for name in task.states}
        key = f"{self.package.key}-{task.number}-{task.attempt}"
        outer: Future = Future()
        outer.set_running_or_notify_cancel()
        inner = self.engine.submit(run_trial, key, sent, states, function, task)
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
        if not inner.cancel():
            self.engine.stop(key, inner)
        future.set_exception(CancelledError())

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End all trials, and free what the engine holds of the study."""
        for future in list(self._running):
            self.kill(future)
        self.engine.close(self.package.key)

    def _take_in(self, outer: Future, folder: Path, inner: Future) -> None:
        with self._lock:
            if self._running.pop(outer, None) is None:
                return  # it was killed
        try:
            outcome, files = inner.result()
            for name, content in files.items():
                (folder / name).write_bytes(content)
        except (Exception, CancelledError) as error:
            outer.set_exception(error)
        else:
            outer.set_result(outcome)
