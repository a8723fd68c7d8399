"""The directory of a study: what it is about, what happened, and the trials' files."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from skautonas._files import (
    UNFINISHED,
    locked,
    temporary_folder,
    written_atomically,
)
from skautonas.exceptions import DamagedFileError, StudyExistsError
from skautonas.search.journal import Journal

# Of the files in a study's directory. A change that an older version could not read
# gets another number.
FORMAT = 1
STUDY, JOURNAL, TRIALS, MODEL, LOCK = (
    "study.json",
    "journal.jsonl",
    "trials",
    "model.keras",
    ".lock",
)
WAYS_OUT = "Pass overwrite=True to start anew, or another directory."


class StudyDirectory:
    """Files of one study, which this process alone may write.

    Parameters
    ----------
    path : Path
        Of the directory.
    durable : bool
        Whether it is there to be gone on with.
    overwrite : bool, default=False
        Whether what is there gives way when a study begins.

    Attributes
    ----------
    facts : dict or None
        What ``study.json`` says; None where the study is new.
    torn : bool
        Whether the journal's last line was cut off, and is dropped.
    journal : Journal
        What happened.
    """

    def __init__(self, path: Path, durable: bool, overwrite: bool = False) -> None:
        self.path = path
        self.durable = durable
        self.trials = path / TRIALS
        self.model = path / MODEL
        # What is to be overwritten is left as it is until another study begins.
        self._overwrite = overwrite
        self.facts = None if overwrite else self._read_facts()
        self.torn = False
        if not overwrite:
            self._open()

    @property
    def n_splits(self) -> int | None:
        """On how many splits the trials are scored; None where the study is new."""
        if self.facts is None:
            return None
        return len(self.facts["fingerprint"].get("splits", "").split()) or None

    def begin(self, facts: Mapping[str, Any]) -> None:
        """Write what the study is about, or check that it is still about that.

        Parameters
        ----------
        facts : mapping
            ``fingerprint``, by what it is of, and whatever else is worth knowing.

        Raises
        ------
        StudyExistsError
            Where the directory holds another study.
        """
        if self._overwrite:
            _remove_study(self.path)
            self._open()
            self._overwrite = False
        if self.facts is None:
            self.facts = {"format": FORMAT, **facts}
            with written_atomically(self.path / STUDY) as file:
                file.write_text(json.dumps(self.facts, indent=1), encoding="utf-8")
            return
        before, now = self.facts["fingerprint"], facts["fingerprint"]
        # What an earlier version did not record cannot be compared.
        names = [name for name in now if before.get(name, now[name]) != now[name]]
        if names:
            received = "; ".join(
                f"{name} {_beyond(now[name], before[name])}, not "
                f"{_beyond(before[name], now[name])}"
                for name in names
            )
            raise StudyExistsError(
                f"Expected the study of {str(self.path)!r}; received another "
                f"{', '.join(names)} ({received}). {WAYS_OUT}"
            )

    def close(self) -> None:
        """Close the journal."""
        if not self._overwrite:
            self.journal.close()

    def _open(self) -> None:
        self.trials.mkdir(exist_ok=True)
        for file in self.path.glob(UNFINISHED):
            file.unlink()
        self.journal = Journal(self.path / JOURNAL, self.durable)
        self.torn = self.journal.torn

    def forget(self, name: str) -> None:
        """Delete the files of trials that match a pattern."""
        for file in self.trials.glob(name):
            file.unlink(missing_ok=True)

    def keep_only(self, names: set[str]) -> None:
        """Delete all other files of trials, as killed workers leave them."""
        for file in self.trials.iterdir():
            if file.name not in names:
                file.unlink(missing_ok=True)

    def _read_facts(self) -> dict[str, Any] | None:
        file = self.path / STUDY
        if not file.exists():
            if (self.path / JOURNAL).exists() and (self.path / JOURNAL).stat().st_size:
                raise DamagedFileError(
                    f"Expected {STUDY} beside {JOURNAL} in {str(self.path)!r}; it is "
                    f"absent. Restore it. {WAYS_OUT}"
                )
            return None
        try:
            facts = json.loads(file.read_text(encoding="utf-8"))
            known = facts["format"]
            facts["fingerprint"].items()
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DamagedFileError(
                f"Expected the facts of a study in {str(file)!r}; it cannot be read "
                f"({type(error).__name__}: {error}). Restore it. {WAYS_OUT}"
            ) from error
        if known != FORMAT:
            raise StudyExistsError(
                f"Expected a study of format {FORMAT} in {str(self.path)!r}; received "
                f"format {known}, of another version of skautonas. {WAYS_OUT}"
            )
        self._check_journal()
        return facts

    def _check_journal(self) -> None:
        """Raise where trials were finished, and nothing tells of them."""
        journal = self.path / JOURNAL
        if not journal.exists():
            state = "absent"
        elif journal.stat().st_size or not self._has_results():
            return
        else:
            state = "empty"
        raise DamagedFileError(
            f"Expected {JOURNAL} beside {STUDY} in {str(self.path)!r}; it is {state}. "
            f"Restore it. {WAYS_OUT}"
        )

    def _has_results(self) -> bool:
        return self.model.exists() or any(self.trials.glob("*"))


@contextmanager
def open_directory(
    path: str | os.PathLike | None, overwrite: bool = False
) -> Iterator[StudyDirectory]:
    """Yield the directory of a study, locked for as long as it is open.

    Parameters
    ----------
    path : str, path or None
        Made where it does not exist. None is a temporary one, removed at the end.
    overwrite : bool, default=False
        Delete the study that is there.

    Raises
    ------
    StudyExistsError
        Where another process has it open, or its files are of another format.
    FileExistsError
        Where there are other files than those of a study.
    OSError
        Where it cannot be written.
    """
    if path is None:
        with temporary_folder() as folder:
            yield from _opened(StudyDirectory(folder, durable=False))
        return
    kept = Path(path).expanduser().resolve()
    kept.mkdir(parents=True, exist_ok=True)
    _refuse_other_files(kept)
    in_use = (
        f"Expected a study that no other fit has open; {str(kept)!r} is in use. Wait "
        "for that fit to end, or pass another directory."
    )
    with locked(kept / LOCK, StudyExistsError(in_use)):
        yield from _opened(StudyDirectory(kept, True, overwrite))


def _opened(directory: StudyDirectory) -> Iterator[StudyDirectory]:
    try:
        yield directory
    finally:
        directory.close()


def _beyond(text: str, other: str) -> str:
    """Return what a description says and another does not: all, where nothing is."""
    others = other.split(", ")
    return ", ".join(part for part in text.split(", ") if part not in others) or text


def _refuse_other_files(folder: Path) -> None:
    """Raise where a directory is used for something else."""
    ours = {STUDY, JOURNAL, TRIALS, MODEL, LOCK}
    ours |= {file.name for file in folder.glob(UNFINISHED)}
    others = sorted(file.name for file in folder.iterdir() if file.name not in ours)
    if others and not (folder / STUDY).exists():
        raise FileExistsError(
            f"Expected an empty directory, or one of a study; {str(folder)!r} holds "
            f"{others[:5]}. Pass another directory."
        )


def _remove_study(folder: Path) -> None:
    """Remove the files of a study; what it was about goes last."""
    for name in (JOURNAL, MODEL, STUDY):
        (folder / name).unlink(missing_ok=True)
    trials = folder / TRIALS
    if trials.is_dir():
        for file in trials.iterdir():
            file.unlink()
