"""From checked rows to what all trials share: split, written, bound to a space."""

from collections.abc import Iterator
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import is_classifier

from skautonas._tensorflow import start_tensorflow
from skautonas.data.encoder import Encoder
from skautonas.data.facts import Facts
from skautonas.data.rows import Rows
from skautonas.data.splits import cross_validation, holdout
from skautonas.data.targets import Targets, ValueTargets, fit_values
from skautonas.estimation.scoring import allowed_low, check_scorer, is_proper

if TYPE_CHECKING:
    from skautonas.estimation.study import Fold, Study
    from skautonas.estimators._base import BaseSearch


# Of so many rows, the refit gets an encoder of its own: words that only the validation
# rows hold are then known (docs/design/0005).
FEW_ROWS = 5000
# Of few rows, so many random splits score a trial, where the budget has time for them.
N_SPLITS, SPLITS_SECONDS = 5, 15
# The source of a fold until all folds are known.
UNBOUND: Any = None
# So many times a split is drawn until the scorer can score it.
DRAWS = 50
# Of more rows, one split tells well enough which trial is best; those that are scored
# again are copied in each worker (docs/design/0014).
FINALS_ROWS, FINALS_BYTES = 10_000, 500_000_000


def make_study(
    search: "BaseSearch",
    given: Rows,
    rows: Rows,
    validation: Rows | None,
    seed: int,
    folder: str,
    n_splits: int | None = None,
) -> "Study":
    """Split and write the rows, and gather what all trials share.

    Parameters
    ----------
    search : BaseSearch
        Estimator, for its parameters and its modality.
    given : Rows
        All rows of the user, which a splitter in ``cv`` numbers.
    rows : Rows
        Those to learn from.
    validation : Rows or None
        The user's rows to validate on; without them some of ``rows`` are.
    seed : int
        Seed of the split.
    folder : str
        Where the rows go.
    n_splits : int, optional
        On how many splits of ours trials are scored, as in the search that goes on.

    Returns
    -------
    Study
        With a fold for each split, and a fresh one where the best trials are scored
        again before one of them wins.

    Raises
    ------
    ValueError
        Where the rows cannot be split, read or scored.
    """
    start_tensorflow()
    from skautonas.estimation.study import Study

    encoder = search._make_encoder(rows.X)
    folds: list[Fold] = []
    for split in _splits(search, given, rows, validation, seed, n_splits):
        parts = f"{folder}/fold{len(folds)}"
        folds.append(_fold(search, encoder, rows.y, *split, folder=parts))
    known = rows.y if validation is None else np.concatenate([rows.y, validation.y])
    whole = replace(folds[0], targets=_cut_to(search, folds[0].targets, known))
    few = validation is None and search.refit and len(rows) <= FEW_ROWS
    if few or search.cv is not None:
        whole = _fold(search, encoder, rows.y, rows, None, folder=f"{folder}/whole")
    *folds, whole = _bound(search, [*folds, whole])
    fresh: tuple[Fold, ...] = ()
    alone = len(folds) == 1 and validation is None
    if alone and _gets_fresh_split(search, len(rows), folds[0]):
        fresh = _fresh_folds(search, folds[0], *split, seed=seed)
    return Study(tuple(folds), whole, search.scorer_, folder, fresh)


def _bound(search: "BaseSearch", folds: "list[Fold]") -> "list[Fold]":
    """Return the folds with a source of candidates each; the last is that of all rows.

    They have the same hyperparameters, and models of the same sizes: a configuration
    fits all of them, and its model is compiled once.
    """
    encoders = [fold.encoder for fold in folds]
    wide = [encoder.with_room_for(encoders) for encoder in encoders]
    folds = [replace(f, encoder=e) for f, e in zip(folds, wide, strict=True)]
    # Those of a usual split: what of the space goes by rows is one for all.
    *splits, _ = folds
    n_rows = int(np.median([fold.n_rows for fold in splits]))
    facts = [_facts(search, fold.encoder, fold.targets, n_rows) for fold in folds]
    return [
        replace(fold, source=_make_source(search, own))
        for fold, own in zip(folds, facts, strict=True)
    ]


def _splits(
    search: "BaseSearch",
    given: Rows,
    rows: Rows,
    validation: Rows | None,
    seed: int,
    n_splits: int | None,
) -> Iterator[tuple[Rows, Rows]]:
    """Yield the rows that train and those that validate, fold by fold."""
    if validation is not None:
        yield rows, validation
        return
    stratify = is_classifier(search) and rows.y.ndim == 1
    if search.cv is None:
        fraction = search.validation_fraction
        pairs = [
            _holdout(search, rows, fraction, stratify=stratify, seed=seed + split)
            for split in range(n_splits or _n_splits(search, len(rows)))
        ]
    else:
        pairs = cross_validation(search.cv, rows, given, stratify=stratify, seed=seed)
    for train, validates in pairs:
        yield rows.take(train), rows.take(validates)


def _holdout(
    search: "BaseSearch", rows: Rows, fraction: float, *, stratify: bool, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Split the rows, those of label sets so that the scorer can score them.

    They are not stratified, and a rare label may have no row that validates.
    """
    first = holdout(rows.y, fraction, stratify=stratify, seed=seed)
    if not is_classifier(search) or stratify:
        return first
    targets, pair = search._fit_targets(rows.y, rows), first
    for draw in range(1, DRAWS):
        validates = pair[1]
        weights = None if rows.weights is None else rows.weights[validates]
        try:
            check_scorer(search.scorer_, targets, rows.y[validates], weights)
        except ValueError:
            other = seed + draw * N_SPLITS
            pair = holdout(rows.y, fraction, stratify=stratify, seed=other)
            continue
        return pair
    return first


def _n_splits(search: "BaseSearch", n_rows: int) -> int:
    """Return on how many splits each trial is scored where the user gave none."""
    has_time = search.time_budget is None or search.time_budget >= SPLITS_SECONDS
    few = n_rows <= search._few_rows
    return N_SPLITS if search.refit and has_time and few else 1


def _gets_fresh_split(search: "BaseSearch", n_rows: int, fold: "Fold") -> bool:
    """Tell whether the best trials are scored on a fresh split as well."""
    from skautonas.estimation.study import RAW

    one_model = search.refit and search.ensemble_size == 1
    timed = search.cv is None and search.time_budget is not None
    raw = (Path(fold.folder) / RAW).iterdir()
    small = n_rows <= FINALS_ROWS and sum(f.stat().st_size for f in raw) <= FINALS_BYTES
    return one_model and timed and small


def _fresh_folds(
    search: "BaseSearch", fold: "Fold", train: Rows, validation: Rows, seed: int
) -> "tuple[Fold, ...]":
    """Return a split whose validation rows are others, as many; none without enough.

    It has the encoder of the first split, which learns no targets, and of the values
    their scale alone.
    """
    from skautonas.estimation.study import FRESH_LABELS

    n_rows, n_validation = len(train), len(validation)
    if 2 * n_validation > n_rows:
        return ()
    stratify = is_classifier(search) and train.y.ndim == 1
    fraction = n_validation / n_rows
    trains, validates = holdout(train.y, fraction, stratify=stratify, seed=seed)
    unseen, targets = train.take(validates), fold.targets
    weights = unseen.weights if fold.weighs_validation else None
    targets = _cut_to(search, targets, np.concatenate([train.y[trains], validation.y]))
    try:
        check_scorer(search.scorer_, targets, unseen.y, weights)
    except ValueError:  # as where a class has no row there
        return ()
    np.save(Path(fold.folder) / FRESH_LABELS, unseen.y)
    others = np.arange(n_rows, n_rows + n_validation)
    order = np.concatenate([trains, others, validates])
    fresh = replace(
        fold,
        targets=targets,
        n_rows=len(order) - len(validates),
        order=order,
        labels=FRESH_LABELS,
    )
    return (fresh,)


def _cut_to(search: "BaseSearch", targets: Targets, y: np.ndarray) -> Targets:
    """Return targets that cut what is predicted to the range of y, if they cut it."""
    if not isinstance(targets, ValueTargets) or np.isinf(targets.low).all():
        return targets
    known = fit_values(y)
    low = allowed_low(search.scorer_, known, y)
    return replace(targets, low=low, high=known.high)


def _fold(
    search: "BaseSearch",
    unfitted: Encoder,
    y: np.ndarray,
    train: Rows,
    validation: Rows | None,
    folder: str,
) -> "Fold":
    """Learn an encoder from the rows that train, and write the raw rows."""
    from skautonas.estimation.study import Fold, write_fold

    targets = search._fit_targets(y, train)
    if validation is not None:
        targets.encode(validation.y)  # refuses what was not in training
        check_scorer(search.scorer_, targets, validation.y, validation.weights)
    encoder = copy(unfitted).fit(train.X)
    weighs = validation is not None and validation.weights is not None
    fold = Fold(UNBOUND, encoder, targets, folder, len(train), weighs)
    write_fold(fold, train, validation)
    return fold


def _facts(
    search: "BaseSearch", encoder: Encoder, targets: Targets, n_rows: int
) -> Facts:
    """Return what a space must know of the rows and of the objective."""
    facts = encoder.facts(task=targets.task, n_outputs=targets.n_outputs, n_rows=n_rows)
    return replace(facts, proper_score=is_proper(search.scorer_))


def _make_source(search: "BaseSearch", facts: Facts) -> Any:
    """Bind our space to the data, or wrap the user's own ``build``."""
    from skautonas.space.candidate import SpaceSource, UserSource

    space = search._default_space() if search.space == "auto" else search.space
    if is_own_space(space):
        return SpaceSource(space.bind(facts))
    return UserSource(getattr(space, "build", space))


def is_own_space(space: Any) -> bool:
    """Tell whether a space is one of ours, whose models put out raw outputs."""
    if isinstance(space, str):
        return True
    from skautonas.space.base import SearchSpace

    return isinstance(space, SearchSpace)
