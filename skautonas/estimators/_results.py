"""What a fitted search holds, and what can be done with it."""

from abc import abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from skautonas._compat import CALLBACKS, score_function
from skautonas._files import written_atomically
from skautonas.data.rows import refuse_streams
from skautonas.data.targets import LabelSetTargets
from skautonas.estimation.scoring import FixedClassifier
from skautonas.report.trials import cv_results, leaderboard_rows, record


class SearchResults(BaseEstimator):
    """The trials and the best model of a search; pickles without Keras objects."""

    scoring: Any
    _default_scoring: ClassVar[str]

    def _keep(self, found: Any, study: Any) -> None:
        """Set the fitted attributes."""
        from skautonas.data.archive import load_model

        self.trials_ = [record(trial) for trial in found.trials]
        self.n_trials_ = len(self.trials_)
        self.cv_results_ = cv_results(self.trials_)
        self.best_index_ = next(
            i
            for i, trial in enumerate(self.trials_)
            if trial.number == found.winner.number
        )
        self.best_params_ = dict(found.winner.task.values)
        self.best_score_ = found.final.score
        self.stop_reason_ = found.stop_reason
        self.refit_time_ = found.refit_seconds
        self.refitted_ = found.final.refitted
        self.ensemble_ = list(found.final.members)
        self.reevaluated_ = dict(found.final.reevaluated)
        fold = study.whole if found.final.refitted else study.folds[0]
        self._targets = fold.targets
        self._encoder = fold.encoder
        self._archive = found.final.archive
        self.best_model_ = load_model(found.final.archive)

    def _outputs(self, X: Any) -> np.ndarray:
        """Call the model on X, in padded batches of one size."""
        from skautonas.data.encode import run_batches

        check_is_fitted(self)
        refuse_streams(X)
        X = self._check_X(X, reset=False)
        return run_batches(self.best_model_, self._encoder.to_inputs(X))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the score of the objective, ``scoring``, on other rows.

        Parameters
        ----------
        X : array-like of n rows
            As in ``fit``.
        y : array-like of n rows
            True targets.
        sample_weight : array-like of shape (n,), optional
            Passed to the scorer.

        Returns
        -------
        float
            Accuracy of classifiers and R2 of regressors, unless ``scoring`` says
            otherwise; greater is better.
        """
        check_is_fitted(self)
        weighted = {} if sample_weight is None else {"sample_weight": sample_weight}
        estimator: Any = self
        is_of_metric = score_function(self.scorer_) is not None
        if isinstance(self._targets, LabelSetTargets) and is_of_metric:
            estimator = FixedClassifier(self._targets, self.predict_proba(X))
        return self.scorer_(estimator, X, y, **weighted)

    def leaderboard(self) -> Any:
        """Return the trials, best first: a DataFrame where pandas is installed.

        Returns
        -------
        pandas.DataFrame or list of dict
            One row a trial: trial, score, status, fidelity, seconds, epochs,
            parameters, error, and each active hyperparameter as ``param_<name>``.
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
        FileNotFoundError
            Where its folder does not exist.
        """
        import skautonas
        from skautonas.export.card import model_card, scoring_name

        check_is_fitted(self)
        path = Path(path)
        if path.suffix != ".keras":
            raise ValueError(
                f"Expected a path that ends in '.keras'; received {str(path)!r}."
            )
        if not path.parent.is_dir():
            raise FileNotFoundError(
                f"Expected a folder that exists; received {str(path.parent)!r}. "
                "Make it first: Path(path).parent.mkdir(parents=True)."
            )
        card = model_card(
            name=type(self).__name__,
            version=skautonas.__version__,
            file=path.name,
            snippet=self._encoder.snippet(),
            scoring=scoring_name(self.scoring or self._default_scoring),
            score=self.best_score_,
            n_trials=self.n_trials_,
            model=self.best_model_,
            targets=self._targets,
        )
        with written_atomically(path) as file:
            file.write_bytes(self._archive)
        with written_atomically(path.with_suffix(".md")) as file:
            file.write_text(card, encoding="utf-8")
        return path

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "best_model_")

    def __getstate__(self) -> dict[str, Any]:
        """Keep the model as the bytes of its archive, and no callbacks beside it."""
        state = dict(super().__getstate__())
        if state.pop("best_model_", None) is not None:
            state.pop(CALLBACKS, None)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "_archive" in state:
            from skautonas.data.archive import load_model

            self.best_model_ = load_model(self._archive)

    @abstractmethod
    def _check_X(self, X: Any, *, reset: bool) -> Any:
        """Check X, and return it in the form that the encoder takes."""
