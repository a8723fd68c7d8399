"""The archive of a final model, kept beside its study for later fits."""

import zlib
from dataclasses import dataclass

from skautonas._files import written_atomically
from skautonas.search.directory import StudyDirectory
from skautonas.search.journal import Ended
from skautonas.search.trial import Trial


@dataclass(frozen=True, slots=True)
class FinalModel:
    """The archive of a model, and what it is made of.

    Parameters
    ----------
    archive : bytes
        Of the Keras model.
    members : tuple of (int, float)
        Number and weight of each trial in it.
    score : float
        Validation score of the trials together.
    refitted : bool
        Whether they were trained again on all rows.
    refit_error : str or None
        Error of a refit that failed. Where only the time did not reach for it, or
        Ctrl-C ended it, there is no error, as none was promised then.
    reevaluated : tuple of (int, float)
        Number of each trial that was scored on a fresh split, and its score there.
    """

    archive: bytes
    members: tuple[tuple[int, float], ...]
    score: float
    refitted: bool
    refit_error: str | None = None
    reevaluated: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a final model is to be made of.

    Parameters
    ----------
    winner : Trial
        The best one.
    n_trials : int
        How many there are.
    refit : bool
        Whether to train again on all rows.
    ensemble_size : int
        Most members.
    """

    winner: Trial
    n_trials: int
    refit: bool
    ensemble_size: int


def stored_model(directory: StudyDirectory, wanted: Wanted) -> FinalModel | None:
    """Return the model of an earlier fit, where nothing has changed since."""
    ends = [e for e in directory.journal.events if isinstance(e, Ended)]
    if not ends or not directory.model.exists():
        return None
    end, archive = ends[-1], directory.model.read_bytes()
    if end.refit and not end.refitted:
        return None  # there may be time for it now
    before = (end.winner, end.n_trials, end.refit, end.ensemble_size)
    now = (wanted.winner.number, wanted.n_trials, wanted.refit, wanted.ensemble_size)
    if before != now or zlib.crc32(archive) != end.checksum:
        return None
    return FinalModel(
        archive,
        end.members or ((end.winner, 1.0),),
        wanted.winner.score if end.score is None else end.score,
        end.refitted,
        end.refit_error,
        end.reevaluated,
    )


def store_model(
    directory: StudyDirectory, wanted: Wanted, final: FinalModel, elapsed: float
) -> None:
    """Keep the model for later fits of the same study."""
    if not directory.durable:
        return
    with written_atomically(directory.model) as file:
        file.write_bytes(final.archive)
    directory.journal.append(
        Ended(
            winner=wanted.winner.number,
            n_trials=wanted.n_trials,
            refit=wanted.refit,
            ensemble_size=wanted.ensemble_size,
            members=final.members,
            score=final.score,
            refitted=final.refitted,
            refit_error=final.refit_error,
            reevaluated=final.reevaluated,
            checksum=zlib.crc32(final.archive),
            elapsed=elapsed,
        )
    )
