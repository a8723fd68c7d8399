"""The story that all estimators share: fit searches, predict calls the model."""

import tempfile
import warnings
from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from numbers import Integral, Real
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from joblib import effective_n_jobs
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.metrics import check_scoring, get_scorer
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from skautonas._compat import HasMethods, Interval, StrOptions, fit_context
from skautonas.data.encoder import Encoder
from skautonas.data.splits import holdout
from skautonas.data.store import write_arrays
from skautonas.data.targets import (
    ClassTargets,
    Targets,
    ValueTargets,
    check_labels,
    check_values,
    fit_classes,
    fit_values,
)
from skautonas.exceptions import SkautonasWarning
from skautonas.report.progress import print_trial, say
from skautonas.report.trials import cv_results, leaderboard_rows, record
from skautonas.search.budget import Budget
from skautonas.search.executor import LocalExecutor

# Number of values in a batch of predictions: wide inputs get fewer rows.
PREDICT_VALUES = 2_000_000
PREDICT_ROWS = (16, 256)


@dataclass(frozen=True, slots=True)
class Split:
    """Raw rows and encoded targets for training and validation."""

    X_train: Any
    y_train: np.ndarray
    X_validation: Any
    y_validation: np.ndarray
    labels: np.ndarray


class BaseSearch(BaseEstimator):
    """What classifiers and regressors of all modalities share.

    A subclass of a modality says which encoder and which space it has, and checks
    its X; a mixin of the task says what y means.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "space": [StrOptions({"auto"}), HasMethods(["build"]), callable],
        "strategy": [
            StrOptions({"auto", "random", "bayesian", "hyperband"}),
            HasMethods(["populate_space"]),
        ],
        "max_trials": [Interval(Integral, 1, None, closed="left"), None],
        "time_budget": [Interval(Real, 0, None, closed="neither"), None],
        "max_epochs": [Interval(Integral, 1, None, closed="left"), None],
        "scoring": [str, callable, None],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "refit": ["boolean"],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }
    _default_scoring: ClassVar[str]

    def __init__(
        self,
        *,
        space: Any = "auto",
        strategy: Any = "auto",
        max_trials: int | None = None,
        time_budget: float | None = 60.0,
        max_epochs: int | None = None,
        scoring: str | Callable | None = None,
        validation_fraction: float = 0.2,
        refit: bool = True,
        n_jobs: int | None = None,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.space = space
        self.strategy = strategy
        self.max_trials = max_trials
        self.time_budget = time_budget
        self.max_epochs = max_epochs
        self.scoring = scoring
        self.validation_fraction = validation_fraction
        self.refit = refit
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any, *, X_val: Any = None, y_val: Any = None) -> Self:
        """Search, and keep the best model.

        Parameters
        ----------
        X : array-like of n rows
            Training rows.
        y : array-like of shape (n,)
            Targets.
        X_val, y_val : array-like, optional
            Rows to validate on; without them ``validation_fraction`` of X is.

        Returns
        -------
        self
            The fitted estimator.

        Raises
        ------
        ValueError
            Where the data do not fit, or no trial could be trained.
        """
        budget = Budget(self.time_budget)
        if self.max_trials is None and self.time_budget is None:
            raise ValueError(
                "Expected time_budget (seconds) or max_trials; received None for both. "
                "Set one of them, or the search never ends."
            )
        refuse_streams(X)
        X = self._check_X(X, reset=True)
        check_consistent_length(X, y)
        n_workers = effective_n_jobs(self.n_jobs)
        with LocalExecutor(n_workers) as executor:
            warm = executor.warm
            ready = executor.warm_up()
            with tempfile.TemporaryDirectory(prefix="skautonas-") as folder:
                self._search(X, y, X_val, y_val, executor, budget, folder, ready, warm)
        self.search_time_ = budget.elapsed()
        return self

    def _search(
        self,
        X: Any,
        y: Any,
        X_val: Any,
        y_val: Any,
        executor: LocalExecutor,
        budget: Budget,
        folder: str,
        ready: list,
        warm: bool,
    ) -> None:
        from skautonas.search.run import Settings, run_search

        rng = check_random_state(self.random_state)
        seeds = rng.randint(1, 2**31 - 1, size=2)
        targets, split = self._split(X, y, X_val, y_val, int(seeds[0]))
        study = self._study(targets, split, folder)
        for future in ready:
            future.result()
        if not warm:
            budget.add_cold_start(budget.elapsed())
        self.cold_start_time_ = budget.cold_start
        n_train, n_validation = len(split.y_train), len(split.y_validation)
        settings = Settings(
            strategy=self.strategy,
            max_trials=self.max_trials,
            max_epochs=self.max_epochs,
            refit_share=(n_train + n_validation) / n_train if self.refit else 0.0,
            seed=int(seeds[1]),
            in_order=self.time_budget is None and self.random_state is not None,
        )
        self._say(f"workers ready after {budget.elapsed():.1f} s")
        found = run_search(
            study,
            settings,
            executor,
            budget,
            print_trial if self.verbose else lambda trial, best: None,
        )
        self._keep(found, study)
        self._warn_if_cut(found)

    def _split(
        self, X: Any, y: Any, X_val: Any, y_val: Any, seed: int
    ) -> tuple[Targets, Split]:
        """Check y, and say which rows train and which validate."""
        if (X_val is None) != (y_val is None):
            raise ValueError(
                "Expected X_val and y_val together; received only one of them."
            )
        y = self._check_y(y)
        if X_val is not None:
            X_val = self._check_X(X_val, reset=False)
            labels = self._check_y(y_val)
            check_consistent_length(X_val, labels)
            targets = self._fit_targets(y, np.arange(len(y)))
            return targets, Split(
                X, targets.encode(y), X_val, targets.encode(labels), labels
            )
        stratify = isinstance(self, ClassifierMixin)
        train, validation = holdout(
            y, self.validation_fraction, stratify=stratify, seed=seed
        )
        targets = self._fit_targets(y, train)
        codes = targets.encode(y)
        return targets, Split(
            take_rows(X, train),
            codes[train],
            take_rows(X, validation),
            codes[validation],
            y[validation],
        )

    def _study(self, targets: Targets, split: Split, folder: str) -> Any:
        """Encode the rows, and gather what all trials share."""
        from skautonas.data.encode import encode
        from skautonas.estimation.study import Study

        encoder = self._make_encoder().fit(split.X_train)
        source = self._make_source(encoder, targets, len(split.y_train))
        for part, X, y in (
            ("train", split.X_train, split.y_train),
            ("validation", split.X_validation, split.y_validation),
        ):
            arrays = encode(encoder, X, source.plain)
            write_arrays(Path(folder) / part, arrays | {"y": y})
        np.save(Path(folder) / "labels.npy", split.labels)
        self.scorer_ = make_scorer(self.scoring or self._default_scoring)
        return Study(source, encoder, targets, self.scorer_, folder)

    def _make_source(self, encoder: Encoder, targets: Targets, n_rows: int) -> Any:
        """Bind our space to the data, or wrap the user's own ``build``."""
        from skautonas.space.base import SearchSpace
        from skautonas.space.candidate import SpaceSource, UserSource

        space = self._default_space() if self.space == "auto" else self.space
        if isinstance(space, SearchSpace):
            facts = encoder.facts(
                task=targets.task, n_outputs=targets.n_outputs, n_rows=n_rows
            )
            return SpaceSource(space.bind(facts))
        return UserSource(getattr(space, "build", space))

    def _keep(self, found: Any, study: Any) -> None:
        """Set the fitted attributes."""
        from skautonas.export.keras_model import load_model

        self.trials_ = [record(trial) for trial in found.trials]
        self.n_trials_ = len(self.trials_)
        self.cv_results_ = cv_results(self.trials_)
        self.best_index_ = next(
            i
            for i, trial in enumerate(self.trials_)
            if trial.number == found.winner.number
        )
        self.best_params_ = dict(found.winner.task.values)
        self.best_score_ = found.winner.score
        self.stop_reason_ = found.stop_reason
        self.refit_time_ = found.refit_seconds
        self._targets = study.targets
        self._encoder = study.encoder
        self._archive = found.archive
        self.best_model_ = load_model(found.archive)
        self._say(
            f"stopped: {found.stop_reason}; best is trial {found.winner.number} with "
            f"{self.best_score_:.4f}"
        )

    def _warn_if_cut(self, found: Any) -> None:
        """Warn where the budget did not reach for a whole trial."""
        if found.stop_reason != "time_budget" or len(found.trials) > 1:
            return
        warnings.warn(
            f"time_budget={self.time_budget} s ended the search within its first "
            f"trial, after {found.winner.outcome.epochs:.1f} epochs. Raise it.",
            SkautonasWarning,
            stacklevel=4,
        )

    def _outputs(self, X: Any) -> np.ndarray:
        """Call the model on X, in padded batches of one size."""
        from skautonas.data.encode import run_batches

        check_is_fitted(self)
        refuse_streams(X)
        X = self._check_X(X, reset=False)
        inputs = self._encoder.to_inputs(X)
        values = sum(int(np.prod(array.shape[1:])) for array in inputs.values())
        size = int(np.clip(PREDICT_VALUES // max(values, 1), *PREDICT_ROWS))
        return run_batches(self.best_model_, inputs, size)

    def leaderboard(self) -> Any:
        """Return the trials, best first: a DataFrame where pandas is installed.

        Returns
        -------
        pandas.DataFrame or list of dict
            One row a trial: number, score, status, seconds, epochs, parameters,
            error, and the active hyperparameters.
        """
        check_is_fitted(self)
        rows = leaderboard_rows(self.trials_)
        try:
            import pandas as pd
        except ImportError:
            return rows
        return pd.DataFrame(rows)

    def export_model(self, path: str | Path = "best.keras") -> Path:
        """Save the model, and beside it a card that says how to call it.

        Parameters
        ----------
        path : str or Path, default="best.keras"
            Where to write; must end in ``.keras``. The card gets the suffix ``.md``.

        Returns
        -------
        Path
            The file. It takes raw inputs and needs keras and tensorflow only.

        Raises
        ------
        ValueError
            Where ``path`` does not end in ``.keras``.
        """
        import skautonas
        from skautonas.export.card import model_card
        from skautonas.export.keras_model import save_bytes

        check_is_fitted(self)
        path = Path(path)
        if path.suffix != ".keras":
            raise ValueError(
                f"Expected a path that ends in '.keras'; received {str(path)!r}."
            )
        classes = getattr(self, "classes_", None)
        card = model_card(
            name=type(self).__name__,
            version=skautonas.__version__,
            file=path.name,
            snippet=self._encoder.snippet(),
            scoring=str(self.scoring or self._default_scoring),
            score=self.best_score_,
            n_trials=self.n_trials_,
            model=self.best_model_,
            classes=None if classes is None else classes.tolist(),
        )
        save_bytes(self._archive, path)
        save_bytes(card.encode("utf-8"), path.with_suffix(".md"))
        return path

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "best_model_")

    def __getstate__(self) -> dict[str, Any]:
        """Keep the model as the bytes of its archive."""
        state = dict(super().__getstate__())
        state.pop("best_model_", None)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "_archive" in state:
            from skautonas.export.keras_model import load_model

            self.best_model_ = load_model(self._archive)

    def _say(self, line: str) -> None:
        if self.verbose:
            say(line)

    @abstractmethod
    def _check_X(self, X: Any, *, reset: bool) -> Any:
        """Check X, and return it in the form that the encoder takes."""

    @abstractmethod
    def _make_encoder(self) -> Encoder:
        """Return an unfitted encoder."""

    @abstractmethod
    def _default_space(self) -> Any:
        """Return the space that "auto" stands for."""

    @abstractmethod
    def _check_y(self, y: Any) -> np.ndarray:
        """Check y, and return it as an array."""

    @abstractmethod
    def _fit_targets(self, y: np.ndarray, train: np.ndarray) -> Targets:
        """Learn from y what models are trained on."""


class SearchClassifierMixin(ClassifierMixin):
    """What y means in classification."""

    _default_scoring = "accuracy"
    space: Any

    def predict(self, X: Any) -> np.ndarray:
        """Predict labels.

        Parameters
        ----------
        X : array-like of n rows
            As in ``fit``.

        Returns
        -------
        ndarray of shape (n,)
            Labels, in the dtype of the training labels.
        """
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Predict the probability of each class.

        Parameters
        ----------
        X : array-like of n rows
            As in ``fit``.

        Returns
        -------
        ndarray of shape (n, n_classes)
            Rows sum to one; columns in the order of ``classes_``.
        """
        outputs = self._outputs(X)
        return self._targets.probabilities(outputs)

    def _check_y(self, y: Any) -> np.ndarray:
        return check_labels(y)

    def _fit_targets(self, y: np.ndarray, train: np.ndarray) -> ClassTargets:
        targets = fit_classes(y)
        self.classes_ = targets.classes
        own = is_own_space(self.space)
        return targets if own else ClassTargets(targets.classes, logits=False)


class SearchRegressorMixin(RegressorMixin):
    """What y means in regression."""

    _default_scoring = "r2"
    space: Any

    def predict(self, X: Any) -> np.ndarray:
        """Predict values.

        Parameters
        ----------
        X : array-like of n rows
            As in ``fit``.

        Returns
        -------
        ndarray of shape (n,) or (n, n_targets)
            Values in the unit of the training targets.
        """
        outputs = self._outputs(X)
        return self._targets.values(outputs)

    def _check_y(self, y: Any) -> np.ndarray:
        return check_values(y)

    def _fit_targets(self, y: np.ndarray, train: np.ndarray) -> ValueTargets:
        targets = fit_values(y, train)
        if is_own_space(self.space):
            return targets
        return ValueTargets.in_unit(targets.n_outputs, targets.flat)


def is_own_space(space: Any) -> bool:
    """Tell whether a space is one of ours, whose models put out raw outputs."""
    if isinstance(space, str):
        return True
    from skautonas.space.base import SearchSpace

    return isinstance(space, SearchSpace)


def refuse_streams(X: Any) -> None:
    """Raise where X yields its rows one after another."""
    if hasattr(X, "element_spec") or isinstance(X, Iterator):
        raise TypeError(
            f"Expected rows in memory; received {type(X).__name__}. Collect them "
            "first, e.g. np.concatenate([x for x, _ in dataset]) or list(generator)."
        )


def make_scorer(scoring: str | Callable) -> Callable:
    """Return the scorer of a name, or check a callable."""
    if isinstance(scoring, str):
        return get_scorer(scoring)
    return check_scoring(None, scoring=scoring)


def take_rows(X: Any, rows: np.ndarray) -> Any:
    """Return the rows of an array, a dataframe or a list."""
    from sklearn.utils import _safe_indexing

    return _safe_indexing(X, rows)
