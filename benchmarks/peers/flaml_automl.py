"""FLAML for the same time, with its defaults."""

PACKAGES = ("flaml", "lightgbm", "xgboost", "scikit-learn")


def prepare(problem):
    """Import it."""
    import flaml.automl  # noqa: F401


def fit(system, problem, X, y, budget, seed):
    """Return a fitted model."""
    from flaml import AutoML

    automl = AutoML()
    is_regression = problem.task == "regression"
    automl.fit(
        X,
        y,
        task="regression" if is_regression else "classification",
        metric="r2" if is_regression else "accuracy",
        time_budget=budget,
        n_jobs=2,
        seed=seed,
        verbose=0,
    )
    automl.facts = {"best": {"estimator": automl.best_estimator}}
    return automl
