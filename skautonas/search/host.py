"""A trial where an engine sends it: it runs in a worker process of ours there.

The engine's own process or thread only waits for it. So a trial finds the same
surroundings everywhere, can be ended, and leaves nothing behind in that process.
"""

import tempfile
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from skautonas._files import temporary_folder
from skautonas.estimation.task import TrialOutcome, TrialTask
from skautonas.search.executor import LocalExecutor
from skautonas.search.idle_workers import rest_idle_workers

# Studies whose files a process keeps: two fits may share a cluster.
KEPT_COPIES = 2

_copies: dict[str, "StudyCopy"] = {}
_running: dict[str, "_Run"] = {}
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Package:
    """The files that the trials of a study read.

    Parameters
    ----------
    key : str
        Of the study.
    study : str
        Name of the file of the pickled study.
    files : dict of str to ndarray of uint8
        Their content by path, relative to the folder of the study.
    """

    key: str
    study: str
    files: dict[str, np.ndarray] = field(repr=False)

    def __sizeof__(self) -> int:
        """Return the bytes of all files, by which Dask minds the memory of a worker."""
        return sum(content.nbytes for content in self.files.values())


def pack(key: str, study_file: Path, paths: list[Path]) -> Package:
    """Map the files of a study, to be sent to other machines."""
    folder = study_file.parent
    files = {
        path.relative_to(folder).as_posix(): _content(path)
        for path in [study_file, *paths]
    }
    return Package(key, study_file.name, files)


def _content(path: Path) -> np.ndarray:
    if not path.stat().st_size:
        return np.empty(0, "uint8")
    return np.asarray(np.memmap(path, mode="r"))


class StudyCopy:
    """Files of a study on this machine, deleted when nobody holds the copy."""

    def __init__(self, package: Package) -> None:
        stack = ExitStack()
        self.folder = stack.enter_context(temporary_folder())
        weakref.finalize(self, stack.close)
        for name, content in package.files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            content.tofile(path)


def warm_up_host() -> float:
    """Start a worker here; return the seconds that it took."""
    with LocalExecutor(1) as executor:
        (ready,) = executor.warm_up()
        return ready.result()


def run_trial(
    key: str,
    package: Package | None,
    states: dict[str, bytes],
    function: Callable[[TrialTask], TrialOutcome],
    task: TrialTask,
) -> tuple[TrialOutcome, dict[str, bytes]]:
    """Evaluate a trial in a worker process of this machine.

    Parameters
    ----------
    key : str
        Of this attempt, for `stop_trial`.
    package : Package or None
        The study's files; None where they are read, and the trial's are written, where
        the task says.
    states : dict of str to bytes
        Files that the trial goes on from.
    function : callable
        Evaluates the task.
    task : TrialTask
        The trial.

    Returns
    -------
    tuple of TrialOutcome and dict of str to bytes
        The outcome, and the files that it left; none without a package.
    """
    run = _running[key] = _Run()
    try:
        return _run_trial(run, package, states, function, task)
    finally:
        _running.pop(key, None)


def _run_trial(
    run: "_Run",
    package: Package | None,
    states: dict[str, bytes],
    function: Callable[[TrialTask], TrialOutcome],
    task: TrialTask,
) -> tuple[TrialOutcome, dict[str, bytes]]:
    if package is None:
        if not Path(task.study).exists():
            raise FileNotFoundError(
                f"Expected the rows of the search at {task.study!r}; this process does "
                "not see that file. Have the executor's machines share a folder, set "
                "TMPDIR to it before Python starts, and directory= to a part of it; or "
                "use Dask or Ray, which send the rows."
            )
        return run.evaluate(function, task), {}
    copy = _copy_of(package)
    with tempfile.TemporaryDirectory(dir=copy.folder) as name:
        folder = Path(name)
        for state, content in states.items():
            (folder / state).write_bytes(content)
        there = replace(task, study=str(copy.folder / package.study), folder=name)
        outcome = run.evaluate(function, there)
        return outcome, {name: (folder / name).read_bytes() for name in outcome.files}


def stop_trial(key: str) -> None:
    """End a trial that is on this machine, if it is."""
    run = _running.get(key)
    if run is not None:
        run.stop()


def forget_study_files(key: str) -> None:
    """Forget what this process and its workers hold of a study that is over."""
    with _lock:
        _copies.pop(key, None)
    rest_idle_workers()


class _Run:
    """A trial on this machine, from when it arrives: it may be stopped at any time."""

    def __init__(self) -> None:
        self._stopped = False
        self._current: tuple[LocalExecutor, Future] | None = None

    def evaluate(self, function: Callable, task: TrialTask) -> TrialOutcome:
        """Evaluate the trial in a worker."""
        # The next trial of the study may find its rows and compiled models.
        with LocalExecutor(1, rests=False) as executor:
            (ready,) = executor.warm_up()
            self._await(executor, ready, None)
            # The clock of the machine that asked is another.
            future = executor.submit(function, replace(task, asked_at=None))
            return self._await(executor, future, task.killed_after)

    def stop(self) -> None:
        """End the trial."""
        self._stopped = True
        if self._current is not None:
            executor, future = self._current
            executor.kill(future)

    def _await(
        self, executor: LocalExecutor, future: Future, seconds: float | None
    ) -> TrialOutcome:
        self._current = executor, future
        if self._stopped:  # before there was anything to end
            executor.kill(future)
        done, _ = wait_for([future], seconds)
        if not done:
            executor.kill(future)
            raise TimeoutError("it did not stop when its time was up, and was killed")
        return future.result()


def _copy_of(package: Package) -> StudyCopy:
    with _lock:
        copy = _copies.pop(package.key, None)
        if copy is None:
            copy = StudyCopy(package)
        _copies[package.key] = copy
        while len(_copies) > KEPT_COPIES:
            del _copies[next(iter(_copies))]
        return copy
