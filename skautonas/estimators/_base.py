"""The story that all estimators share: check, split, encode, search, keep."""

import tempfile
import warnings
from abc import abstractmethod
from collections.abc import Callable
from numbers import Integral, Real
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from joblib import effective_n_jobs
from sklearn.base import is_classifier
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_consistent_length

from skautonas._compat import HasMethods, Interval, StrOptions, fit_context
from skautonas.data.encoder import Encoder
from skautonas.data.rows import refuse_streams, take_rows
from skautonas.data.splits import Split, holdout
from skautonas.data.store import write_arrays
from skautonas.data.targets import Targets
from skautonas.estimation.scoring import check_scorer, make_scorer
from skautonas.estimators._results import SearchResults
from skautonas.exceptions import SkautonasWarning
from skautonas.report.progress import print_trial, say
from skautonas.search.budget import Budget
from skautonas.search.executor import LocalExecutor


class BaseSearch(SearchResults):
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
        y : array-like of shape (n,), or (n, targets) in regression
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
        rng = check_random_state(self.random_state)
        split_seed, search_seed = map(int, rng.randint(1, 2**31 - 1, size=2))
        with (
            tempfile.TemporaryDirectory(prefix="skautonas-") as folder,
            LocalExecutor(effective_n_jobs(self.n_jobs)) as executor,
        ):
            ready = executor.warm_up()
            targets, split = self._split(X, y, X_val, y_val, split_seed)
            study = self._study(targets, split, folder)
            budget.add_cold_start(max(future.result() for future in ready))
            self._say(f"workers ready after {budget.elapsed():.1f} s")
            settings = self._settings(split, search_seed)
            found = self._run(study, settings, executor, budget)
            self._keep(found, study)
        self._say(
            f"stopped: {found.stop_reason}; best is trial {found.winner.number} with "
            f"{self.best_score_:.4f}"
        )
        self.cold_start_time_ = budget.cold_start
        self.search_time_ = budget.elapsed()
        self._warn_if_cut(found)
        return self

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
        stratify = is_classifier(self)
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

        self.scorer_ = make_scorer(self.scoring or self._default_scoring)
        check_scorer(self.scorer_, targets, split.labels)
        encoder = self._make_encoder().fit(split.X_train)
        source = self._make_source(encoder, targets, len(split.y_train))
        for part, X, y in (
            ("train", split.X_train, split.y_train),
            ("validation", split.X_validation, split.y_validation),
        ):
            arrays = encode(encoder, X, source.plain)
            write_arrays(Path(folder) / part, arrays | {"y": y})
        np.save(Path(folder) / "labels.npy", split.labels)
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

    def _settings(self, split: Split, seed: int) -> Any:
        from skautonas.search.run import Settings

        n_train, n_validation = len(split.y_train), len(split.y_validation)
        return Settings(
            strategy=self.strategy,
            max_trials=self.max_trials,
            max_epochs=self.max_epochs,
            refit_share=(n_train + n_validation) / n_train if self.refit else 0.0,
            seed=seed,
            in_order=self.time_budget is None and self.random_state is not None,
        )

    def _run(
        self, study: Any, settings: Any, executor: LocalExecutor, budget: Budget
    ) -> Any:
        from skautonas.search.run import run_search

        on_trial = print_trial if self.verbose else lambda trial, best: None
        return run_search(study, settings, executor, budget, on_trial)

    def _warn_if_cut(self, found: Any) -> None:
        """Warn where the budget did not reach for a second trial."""
        if found.stop_reason != "time_budget" or len(found.trials) > 1:
            return
        warnings.warn(
            f"time_budget={self.time_budget} s ended the search with its first trial, "
            f"of {found.winner.outcome.epochs:.1f} epochs. Raise it.",
            SkautonasWarning,
            stacklevel=3,
        )

    def _say(self, line: str) -> None:
        if self.verbose:
            say(line)

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
