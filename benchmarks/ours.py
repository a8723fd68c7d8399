"""Our estimators, as anybody would call them, and with parts changed."""

from dataclasses import replace

from skautonas.space import ImageSpace, TabularSpace, TextSpace

PACKAGES = ("skautonas", "keras", "tensorflow", "keras-tuner", "scikit-learn")
N_JOBS = 2
# What is taken away or added: parameters by the system's name.
CHANGED = {
    "all": {},
    "random": {"strategy": "random"},
    "evolution": {"strategy": "evolution"},
    "asha": {"strategy": "asha"},
    "random-without-starts": {"strategy": "random"},
    "no-refit": {"refit": False},
    "no-reevaluation": {},
    "ensemble": {"ensemble_size": 5},
}
SCORINGS = {"f1": "f1_micro", "average_precision": "average_precision"}


def search(problem, budget, seed, **options):
    """Return the estimator for a problem."""
    import skautonas

    kind = "Regressor" if problem.task == "regression" else "Classifier"
    estimator = getattr(skautonas, f"{problem.modality.title()}Search{kind}")
    return estimator(
        time_budget=budget,
        n_jobs=N_JOBS,
        random_state=seed,
        scoring=SCORINGS.get(problem.scoring),
        **options,
    )


class Longer:
    """The first start of a space, with so many times the epochs."""

    factor = 1.0

    def recipe_options(self):
        """Return those of the space, with more epochs."""
        options = super().recipe_options()
        return replace(
            options,
            epochs=tuple(round(self.factor * epochs) for epochs in options.epochs),
            default_epochs=round(self.factor * options.default_epochs),
        )

    def known_starts(self):
        """Return the first one."""
        return super().known_starts()[:1]


class LongerImage(Longer, ImageSpace):
    """Of images."""


class LongerText(Longer, TextSpace):
    """Of texts."""


class LongerTable(Longer, TabularSpace):
    """Of tables."""


LONGER = {"image": LongerImage, "text": LongerText, "tabular": LongerTable}


def fit_first_start(problem, X, y, budget, seed):
    """Train the first start for all of the budget.

    A fit before tells how many times its epochs that are; its time does not count.
    """
    space = LONGER[problem.modality]()
    options = {"max_trials": 1, "trial_timeout": budget}
    pilot = search(problem, budget, seed, space=space, **options).fit(X, y)
    space.factor = max(1.0, budget / pilot.search_time_)
    fitted = search(problem, budget, seed, space=space, **options).fit(X, y)
    return fitted, {"factor": space.factor, "pilot_seconds": pilot.search_time_}


def warm_up():
    """Start the workers and import TensorFlow, so that budgets compare."""
    import keras_tuner  # noqa: F401

    from skautonas.search.executor import LocalExecutor

    with LocalExecutor(N_JOBS) as executor:
        for future in executor.warm_up():
            future.result()


def prepare(problem):
    """Start what a second fit would find."""
    warm_up()


def uncalibrated(fitted, X):
    """Return the probabilities of one model without the temperature of its logits."""
    import pickle

    import keras

    other = pickle.loads(pickle.dumps(fitted))
    scalings = [
        layer
        for layer in other.best_model_.layers
        if isinstance(layer, keras.layers.Rescaling)
    ]
    scalings[-1].scale = 1.0
    return other.predict_proba(X)


def fit(system, problem, X, y, budget, seed):
    """Return a fitted estimator."""
    if system == "first-start":
        fitted, facts = fit_first_start(problem, X, y, budget, seed)
        return with_facts(fitted, **facts)
    estimator = search(problem, budget, seed, **CHANGED[system])
    if system == "random-without-starts":
        space = estimator._default_space()
        space.known_starts = list  # which makes an empty one
        estimator.set_params(space=space)
    elif system == "no-reevaluation":
        from skautonas.estimators import _study

        _study._gets_fresh_split = lambda *arguments: False
    return with_facts(estimator.fit(X, y))


def with_facts(fitted, **facts):
    """Return a fitted estimator, with what its row is to tell."""
    fitted.facts = facts | {
        "validation": fitted.best_score_,
        "trials": fitted.n_trials_,
        "failed": sum(trial.status == "failed" for trial in fitted.trials_),
        "stop": fitted.stop_reason_,
        "reevaluated": len(fitted.reevaluated_),
        "refitted": fitted.refitted_,
        "best": {k: v for k, v in fitted.best_params_.items() if "/" not in k},
    }
    return fitted
