"""Our estimators, as anybody would call them, and with parts taken away."""

PACKAGES = ("skautonas", "keras", "tensorflow", "keras-tuner", "scikit-learn")
N_JOBS = 2


def prepare(problem):
    """Start the workers and import TensorFlow, so that budgets compare."""
    import keras_tuner  # noqa: F401

    from skautonas.search.executor import LocalExecutor

    with LocalExecutor(N_JOBS) as executor:
        for future in executor.warm_up():
            future.result()


# What is taken away: parameters by the system's name.
WITHOUT = {
    "all": {},
    "random": {"strategy": "random"},
    "no-refit": {"refit": False},
}


def fit(system, problem, X, y, budget, seed):
    """Return a fitted estimator."""
    import skautonas

    kind = "Regressor" if problem.task == "regression" else "Classifier"
    estimator = getattr(skautonas, f"{problem.modality.title()}Search{kind}")
    scoring = {"f1": "f1_micro", "average_precision": "average_precision"}
    search = estimator(
        time_budget=budget,
        n_jobs=N_JOBS,
        random_state=seed,
        scoring=scoring.get(problem.scoring),
        **WITHOUT[system],
    )
    search.fit(X, y)
    search.facts = {
        "validation": search.best_score_,
        "trials": search.n_trials_,
        "failed": sum(trial.status == "failed" for trial in search.trials_),
        "stop": search.stop_reason_,
        "best": {k: v for k, v in search.best_params_.items() if "/" not in k},
    }
    return search
