"""What a fit warns of."""

import warnings
from typing import TYPE_CHECKING, Any

from skautonas.exceptions import SkautonasWarning
from skautonas.search.directory import StudyDirectory

if TYPE_CHECKING:
    from skautonas.estimators._base import BaseSearch

# Where `fit` was called: past `_warn`, the function that calls it, two methods of the
# estimator and scikit-learn's wrapper.
LEVEL = 6


def warn_of_result(search: "BaseSearch", found: Any) -> None:
    """Warn where the refit failed, and where the budget was too small.

    Parameters
    ----------
    search : BaseSearch
        Estimator that was fitted.
    found : Found
        What its search found.
    """
    error = found.final.refit_error
    if error is not None:
        _warn(
            f"The refit on all rows failed ({error}); the model is the one that was "
            "validated, without the validation rows."
        )
    if found.stop_reason == "interrupted":
        goes_on = ""
        if search.directory is not None:
            goes_on = " With the same directory, the next fit goes on."
        _warn(
            f"Interrupted after {len(found.trials)} trials; the model is the best of "
            f"them.{goes_on}"
        )
    if found.stop_error is not None:
        _warn(
            f"The search ended after {len(found.trials)} trials; the model is the best "
            f"of them. {found.stop_error}"
        )
    if found.stop_reason == "time_budget" and len(found.trials) == 1:
        _warn(
            f"time_budget={search.time_budget} s ended the search with its first "
            f"trial, of {found.winner.outcome.epochs:.3g} epochs. Raise it."
        )


def warn_of_changes(directory: StudyDirectory) -> None:
    """Warn of what is not as it was when a study's directory was left."""
    if directory.torn:
        _warn(
            f"The last line of the journal in {str(directory.path)!r} was cut off, as "
            "by a crash; that event is dropped."
        )
    if directory.facts is None:
        return
    from skautonas.estimators._fingerprint import versions

    before, now = directory.facts.get("versions", {}), versions()
    changed = [
        f"{name} {before.get(name)}, now {now[name]}"
        for name in now
        if before.get(name) != now[name]
    ]
    if changed:
        _warn(
            f"The study in {str(directory.path)!r} began with {'; '.join(changed)}. "
            "Later trials may differ from earlier ones."
        )


def _warn(message: str) -> None:
    warnings.warn(message, SkautonasWarning, stacklevel=LEVEL)
