"""What happened in a search, one line an event, so that it can go on."""

import io
import json
import os
import re
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from skautonas.estimation.task import Seconds, TrialOutcome
from skautonas.exceptions import DamagedFileError


@dataclass(frozen=True, slots=True)
class Asked:
    """An attempt at a trial began; ``elapsed`` is in seconds of the fit."""

    number: int
    attempt: int
    values: dict[str, Any]
    elapsed: float


@dataclass(frozen=True, slots=True)
class Finished:
    """An attempt ended."""

    number: int
    attempt: int
    outcome: TrialOutcome
    elapsed: float


@dataclass(frozen=True, slots=True)
class Told:
    """The strategy was told of a trial."""

    number: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The search ended, and its model was saved, with this checksum."""

    winner: int
    n_trials: int
    refit: bool
    refitted: bool
    refit_error: str | None
    checksum: int
    elapsed: float
    # The first versions knew neither ensembles nor fresh splits.
    ensemble_size: int = 1
    members: tuple[tuple[int, float], ...] = ()
    score: float | None = None
    reevaluated: tuple[tuple[int, float], ...] = ()


# Of the files of a trial, which lie in one folder: what else a line names, somebody put
# there to have it read or deleted.
FILE_NAME = re.compile(r"\w[\w.-]*")

Event = Asked | Finished | Told | Ended
EVENTS: dict[str, Any] = {
    kind.__name__.lower(): kind for kind in (Asked, Finished, Told, Ended)
}


class Journal:
    """A file of events; a line that was appended is never changed.

    A line begins with the checksum of what follows, so that a line that was cut off, or
    changed since, is known.

    Parameters
    ----------
    path : Path
        Of the file; made where it does not exist.
    durable : bool
        Whether an event that was appended survives the loss of power.

    Attributes
    ----------
    events : list of Event
        Those that were in the file.
    torn : bool
        Whether its last line was cut off, and is dropped.

    Raises
    ------
    DamagedFileError
        Where a line before the last cannot be read.
    """

    def __init__(self, path: Path, durable: bool) -> None:
        self.events: list[Event] = []
        self.torn = False
        self._durable = durable
        whole = self._read(path) if path.exists() else 0
        self._file = io.FileIO(path, "r+" if path.exists() else "w+")
        self._file.truncate(whole)
        self._file.seek(whole)

    def append(self, *events: Event) -> None:
        """Append events, all or none of them.

        Raises
        ------
        OSError
            Where they cannot be written, as on a full disk.
        """
        start = self._file.tell()
        data = b"".join(map(_to_line, events))
        try:
            written = 0
            while written < len(data):
                written += self._file.write(data[written:])
            if self._durable:
                os.fsync(self._file.fileno())
        except OSError:
            self._file.truncate(start)
            self._file.seek(start)
            raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read(self, path: Path) -> int:
        """Read the events; return the length of the whole lines."""
        data, position = path.read_bytes(), 0
        lines = data.splitlines(keepends=True)
        for number, line in enumerate(lines, start=1):
            try:
                self.events.append(_from_line(line))
            except (ValueError, KeyError, TypeError) as error:
                if number < len(lines):
                    raise DamagedFileError(
                        f"Expected an event in line {number} of {str(path)!r}; it "
                        f"cannot be read ({error}). Restore the file, or start anew "
                        "with overwrite=True or another directory."
                    ) from error
                self.torn = True
                return position
            position += len(line)
        return position


def _to_line(event: Event) -> bytes:
    body = {"event": type(event).__name__.lower(), **asdict(event)}
    text = json.dumps(body, separators=(",", ":"), default=_plain).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _plain(value: Any) -> Any:
    """Return a number of numpy as one of Python."""
    return value.item()


def _from_line(line: bytes) -> Event:
    checksum, _, text = line.partition(b" ")
    if not line.endswith(b"\n") or int(checksum, 16) != zlib.crc32(text[:-1]):
        raise ValueError("its checksum is another")
    body = json.loads(text)
    kind = EVENTS[body.pop("event")]
    if kind is Finished:
        body["outcome"] = _outcome(body["outcome"])
    if kind is Ended:
        for name in ("members", "reevaluated"):
            body[name] = tuple(map(tuple, body.get(name, ())))
    return kind(**body)


def _outcome(body: dict[str, Any]) -> TrialOutcome:
    single = [body["checkpoint"], body.get("outputs")]
    for name in [*body["states"], *filter(None, single)]:
        if not FILE_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a trial's file")
    body["scores"] = tuple(body["scores"])
    body["states"] = tuple(body["states"])
    body["curve"] = [tuple(point) for point in body["curve"]]
    body["seconds"] = Seconds(**body["seconds"])
    return TrialOutcome(**body)
