"""The story that all estimators share: check, prepare, search, keep."""

import os
from abc import abstractmethod
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import replace
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.callback import CallbackSupportMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_consistent_length

from skautonas._compat import (
    HasMethods,
    Interval,
    StrOptions,
    check_sample_weight,
    fit_context,
    make_picklable,
)
from skautonas._files import temporary_folder
from skautonas.data.encoder import Encoder
from skautonas.data.rows import Rows, refuse_streams
from skautonas.data.targets import Targets
from skautonas.estimation.scoring import make_scorer
from skautonas.estimators._callbacks import SearchCallbacks
from skautonas.estimators._conflicts import refuse_conflicts
from skautonas.estimators._results import SearchResults
from skautonas.estimators._study import make_study
from skautonas.estimators._warnings import warn_of_changes, warn_of_result
from skautonas.report.progress import print_trial, say
from skautonas.search.budget import Budget
from skautonas.search.directory import StudyDirectory, open_directory
from skautonas.search.interrupt import Interrupt
from skautonas.search.trial import Trial
from skautonas.search.workers import Workers, open_workers


class BaseSearch(CallbackSupportMixin, SearchResults):
    """What classifiers and regressors of all modalities share.

    A subclass of a modality says which encoder and which space it has, and checks
    its X; a mixin of the task says what y means.
    """

    # A score on a few rows is mostly luck: up to so many rows, the mean of several
    # splits decides, where the budget has time for them (docs/design/0005).
    _few_rows: ClassVar[int] = 100
    # Whether models have maps, whose operations are large enough to be shared out.
    _maps: ClassVar[bool] = False

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "space": [StrOptions({"auto"}), HasMethods(["build"]), callable],
        "strategy": [
            str,
            HasMethods(["populate_space"]),
            callable,
        ],
        "max_trials": [Interval(Integral, 1, None, closed="left"), None],
        "time_budget": [Interval(Real, 0, None, closed="neither"), None],
        "max_epochs": [Interval(Integral, 1, None, closed="left"), None],
        "scoring": [str, callable, None],
        "cv": ["cv_object"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "ensemble_size": [Interval(Integral, 1, None, closed="left")],
        "refit": ["boolean"],
        "pruner": [StrOptions({"median"}), None],
        "trial_timeout": [Interval(Real, 0, None, closed="neither"), None],
        "directory": [str, os.PathLike, None],
        "overwrite": ["boolean"],
        "executor": [Executor, None],
        "n_jobs": [
            Interval(Integral, 1, None, closed="left"),
            Interval(Integral, None, -1, closed="right"),
            None,
        ],
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
        cv: Any = None,
        validation_fraction: float = 0.2,
        ensemble_size: int = 1,
        refit: bool = True,
        pruner: str | None = None,
        trial_timeout: float | None = None,
        directory: str | os.PathLike | None = None,
        overwrite: bool = False,
        executor: Executor | None = None,
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
        self.cv = cv
        self.validation_fraction = validation_fraction
        self.ensemble_size = ensemble_size
        self.refit = refit
        self.pruner = pruner
        self.trial_timeout = trial_timeout
        self.directory = directory
        self.overwrite = overwrite
        self.executor = executor
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        groups: Any = None,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Self:
        """Search, and keep the best model.

        Parameters
        ----------
        X : array-like of n rows
            Training rows.
        y : array-like of shape (n,), (n, labels) or (n, targets)
            One label a row or an indicator matrix; in regression, values.
        sample_weight : array-like of shape (n,), optional
            How much each row counts, in the loss and in the score; a row of weight
            zero is as good as absent.
        groups : array-like of shape (n,), optional
            Groups for the splitter in ``cv``.
        X_val, y_val, sample_weight_val : array-like, optional
            Rows to validate on; without them ``cv`` or ``validation_fraction`` says
            which rows of X do.

        Returns
        -------
        self
            The fitted estimator.

        Raises
        ------
        ValueError, TypeError
            Where the data do not fit, no trial could be trained, or ``directory`` holds
            another study (`skautonas.StudyExistsError`).
        OSError
            Where ``directory`` cannot be written or read.
        KeyboardInterrupt
            By Ctrl-C before a first trial was finished.
        """
        callbacks = SearchCallbacks(self, X, y)
        before = dict(vars(self))
        with Interrupt() as interrupt:
            try:
                callbacks.fit_begins()
                self._fit(
                    (X, y, sample_weight, groups),
                    (X_val, y_val, sample_weight_val),
                    interrupt,
                    callbacks,
                )
                callbacks.fit_ended()
                return self
            except BaseException:
                # What was fitted before stays whole.
                self.__dict__.clear()
                self.__dict__.update(before)
                raise

    def _fit(
        self,
        data: tuple[Any, Any, Any, Any],
        held_out: tuple[Any, Any, Any],
        interrupt: Interrupt,
        callbacks: SearchCallbacks,
    ) -> None:
        budget = Budget(self.time_budget)
        refuse_conflicts(self, data[3], *held_out)
        given = self._check_rows(*data, reset=True)
        validation = None
        if held_out[0] is not None:
            validation = self._check_rows(*held_out, None, reset=False)
            validation = validation.without_absent()
        rows, validation = self._weigh(given.without_absent(), validation)
        if validation is None:
            rows = rows.without_equal_weights()
        self.scorer_ = make_scorer(self.scoring or self._default_scoring)
        self._fit_targets(rows.y, rows)  # refuses what cannot be learnt
        rng = check_random_state(self.random_state)
        split_seed, search_seed = map(int, rng.randint(1, 2**31 - 1, size=2))
        with (
            temporary_folder() as folder,
            open_directory(self.directory, self.overwrite) as directory,
            open_workers(
                self.executor, self.n_jobs, self.max_trials, self._threads_help
            ) as workers,
        ):
            warn_of_changes(directory)
            if self.random_state is None and directory.facts is not None:
                split_seed, search_seed = directory.facts["seeds"]
            workers.warm_up()
            study = make_study(
                self,
                given,
                rows,
                validation,
                split_seed,
                str(folder),
                directory.n_splits,
            )
            budget.grant_cold_start(workers.cold_start(budget))
            self._say(f"workers ready after {budget.wall():.1f} s")
            n_rows = len(rows) + (0 if validation is None else len(validation))
            settings = self._settings(study, n_rows, search_seed)
            facts = {}
            if directory.durable:
                facts = self._facts(study, given, validation, split_seed, search_seed)
            found = self._run(
                study, settings, facts, directory, workers, budget, interrupt, callbacks
            )
            self._keep(found, study)
        if interrupt.requested:  # after the search, too
            found = replace(found, stop_reason="interrupted")
            self.stop_reason_ = found.stop_reason
        self._say(
            f"stopped: {found.stop_reason}; best is trial {found.winner.number} with "
            f"{self.best_score_:.4f}"
        )
        self.cold_start_time_ = budget.cold_start
        self.search_time_ = budget.wall()
        warn_of_result(self, found)

    def _check_rows(
        self, X: Any, y: Any, weights: Any, groups: Any, *, reset: bool
    ) -> Rows:
        """Check what belongs to the same rows."""
        refuse_streams(X)
        refuse_streams(y)
        X = self._check_X(X, reset=reset)
        check_consistent_length(X, y, weights, groups)
        y = self._check_y(y)
        if weights is not None:
            weights = check_sample_weight(
                weights, y, dtype="float64", ensure_non_negative=True
            )
        groups = None if groups is None else np.asarray(groups)
        return Rows(X, y, weights, groups)

    def _weigh(self, rows: Rows, validation: Rows | None) -> tuple[Rows, Rows | None]:
        """Apply weights that come with the targets; there are none in regression."""
        return rows, validation

    @property
    def _reproducible(self) -> bool:
        """Whether timing may decide nothing."""
        return self.time_budget is None and self.random_state is not None

    @property
    def _threads_help(self) -> bool:
        """Whether a model trains faster with several threads.

        They add up in any order, so a reproducible search has none.
        """
        # Its module tells, as the class is not imported before the workers start.
        module = type(self.space).__module__
        is_ours = self.space == "auto" or module.startswith("skautonas.")
        return not self._reproducible and (self._maps or not is_ours)

    def _settings(self, study: Any, n_rows: int, seed: int) -> Any:
        from skautonas.search.settings import Settings

        n_trained = sum(fold.n_rows for fold in study.folds)
        return Settings(
            strategy=self.strategy,
            max_trials=self.max_trials,
            max_epochs=self.max_epochs,
            refit_share=n_rows / n_trained if self.refit else 0.0,
            ensemble_size=self.ensemble_size,
            seed=seed,
            in_order=self._reproducible,
            # A splitter's user expects the best mean to win, as in GridSearchCV.
            by_standard_error=self.cv is None,
            pruner=self.pruner,
            trial_timeout=self.trial_timeout,
        )

    def _facts(
        self,
        study: Any,
        rows: Rows,
        validation: Rows | None,
        split_seed: int,
        search_seed: int,
    ) -> dict[str, Any]:
        """Return what a directory remembers of this search."""
        from skautonas.estimators._fingerprint import fingerprint, versions

        seeds = (split_seed, search_seed)
        return {
            "fingerprint": fingerprint(self, study, rows, validation, seeds),
            "seeds": seeds,
            "versions": versions(),
        }

    def _run(
        self,
        study: Any,
        settings: Any,
        facts: dict[str, Any],
        directory: StudyDirectory,
        workers: Workers,
        budget: Budget,
        interrupt: Interrupt,
        callbacks: SearchCallbacks,
    ) -> Any:
        from skautonas.search.run import run_search

        def on_trial(trial: Trial, leads: bool) -> bool:
            if self.verbose:
                print_trial(trial, leads)
            return callbacks.trial_ended(trial)

        return run_search(
            study, settings, facts, directory, workers, budget, interrupt, on_trial
        )

    def _say(self, line: str) -> None:
        if self.verbose:
            say(line)

    def __sklearn_clone__(self) -> Self:
        """Share the executor, as a copy of one has no workers."""
        plain = object.__new__(type(self))
        plain.__dict__.update(self.__dict__, executor=None)
        clone = super(BaseSearch, plain).__sklearn_clone__()
        clone.executor = self.executor
        return clone

    def __getstate__(self) -> dict[str, Any]:
        """Leave the executor out, whose workers belong to this process."""
        if hasattr(self.strategy, "trials"):  # it is an oracle, not its class
            make_picklable(self.strategy)
        return super().__getstate__() | {"executor": None}

    @abstractmethod
    def _make_encoder(self, X: Any) -> Encoder:
        """Return an unfitted encoder for rows such as these."""

    @abstractmethod
    def _default_space(self) -> Any:
        """Return the space that "auto" stands for."""

    @abstractmethod
    def _check_y(self, y: Any) -> np.ndarray:
        """Check y, and return it as an array."""

    @abstractmethod
    def _fit_targets(self, y: np.ndarray, train: Rows) -> Targets:
        """Learn what models are trained on, from all targets and those that train."""
