"""Well-known models of scikit-learn with their defaults, which take no budget."""

import baselines
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.pipeline import make_pipeline

PACKAGES = ("scikit-learn",)
N_TREES = 300


class Model:
    """An estimator that sees images as rows of pixels."""

    def __init__(self, problem, estimator):
        self.is_image = problem.modality == "image"
        self.estimator = estimator
        if hasattr(estimator, "predict_proba"):
            self.predict_proba = lambda X: estimator.predict_proba(self._flat(X))

    def fit(self, X, y):
        """Fit the estimator."""
        self.estimator.fit(self._flat(X), y)
        return self

    def predict(self, X):
        """Return labels or values."""
        return self.estimator.predict(self._flat(X))

    def _flat(self, X):
        return baselines.thinned(X) if self.is_image else X


def prepare(problem):
    """Nothing more is to be imported."""


def fit(system, problem, X, y, budget, seed):
    """Return a fitted model."""
    return Model(problem, MODELS[system](problem, X, y, seed)).fit(X, y)


def constant(problem, X, y, seed):
    """Return the most frequent labels, or the mean."""
    if problem.task == "regression":
        return DummyRegressor()
    return DummyClassifier(strategy="prior")


def linear(problem, X, y, seed):
    """Return a linear model of one-hot columns, tf-idf, or principal components."""
    task = "regression" if problem.task == "regression" else "classification"
    n_features = X[0].size if problem.modality == "image" else None
    model = baselines.linear_model(problem.modality, task, n_features, min_df=2)
    if problem.scoring == "average_precision":
        model[-1].set_params(class_weight="balanced")
    if problem.task == "multilabel":
        *before, (_, head) = model.steps
        steps = [step for _, step in before]
        return make_pipeline(*steps, OneVsRestClassifier(head))
    return model


def forest(problem, X, y, seed):
    """Return a random forest."""
    kind = (
        RandomForestRegressor
        if problem.task == "regression"
        else RandomForestClassifier
    )
    model = kind(N_TREES, n_jobs=-1, random_state=seed)
    if problem.modality == "tabular":
        return make_pipeline(baselines.ordinal_columns(), model)
    return model


def boosting(problem, X, y, seed):
    """Return histogram gradient boosting."""
    task = "regression" if problem.task == "regression" else "classification"
    model = baselines.boosting(task)
    if problem.task == "multilabel":
        return make_pipeline(model[0], MultiOutputClassifier(model[1]))
    if y.ndim > 1:
        return make_pipeline(model[0], MultiOutputRegressor(model[1]))
    return model


MODELS = {
    "constant": constant,
    "linear": linear,
    "forest": forest,
    "boosting": boosting,
}
