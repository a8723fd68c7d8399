"""What a study is about, in names that a person can compare."""

import platform
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from skautonas.data.digest import digest
from skautonas.data.rows import Rows
from skautonas.estimation.study import TARGETS

if TYPE_CHECKING:
    from skautonas.estimation.study import Study
    from skautonas.estimators._base import BaseSearch

PACKAGES = ("skautonas", "keras", "tensorflow", "keras-tuner", "scikit-learn", "numpy")


def versions() -> dict[str, str]:
    """Return the versions that a search runs on."""
    return {"python": platform.python_version()} | {p: version(p) for p in PACKAGES}


def fingerprint(
    search: "BaseSearch",
    study: "Study",
    rows: Rows,
    validation: Rows | None,
    seeds: tuple[int, int],
) -> dict[str, str]:
    """Return what must be the same for a search to go on, by name.

    Parameters
    ----------
    search : BaseSearch
        Estimator, for its parameters.
    study : Study
        Has the space, bound to the data, and the splits.
    rows, validation : Rows
        What the user passed, without absent rows.
    seeds : (int, int)
        Of the splits and of the search.
    """
    targets = [np.load(f"{fold.folder}/{TARGETS}") for fold in study.folds]
    return {
        "estimator": type(search).__name__,
        "data": digest(rows.X),
        "labels": digest(rows.y),
        "weights": _digest_or_none(rows.weights),
        "class_weight": str(getattr(search, "class_weight", None)),
        "validation rows": "none"
        if validation is None
        else " ".join((digest(validation.X), digest(validation.y))),
        "space": _name(search.space),
        "strategy": _name(search.strategy),
        "metric": _name(search.scoring or search._default_scoring),
        "seed": "none" if search.random_state is None else f"{seeds[0]} {seeds[1]}",
        "max_epochs": str(search.max_epochs),
        "splits": " ".join(map(digest, targets)),
    }


def _digest_or_none(array: Any) -> str:
    return "none" if array is None else digest(array)


def _name(value: Any) -> str:
    """Return a name that is the same in another process, or in another module."""
    if isinstance(value, str):
        return value
    named = value if hasattr(value, "__qualname__") else type(value)
    return named.__qualname__
