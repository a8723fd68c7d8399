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
    "first-start": {"max_trials": 1},
    "no-refit": {"refit": False},
    "no-reevaluation": {},
    "ensemble": {"ensemble_size": 5},
}
# The first start throughout: the share of the budget that its trial takes, before the
# refit, and by how many times its epochs are more than usual, so that time ends it.
TRIAL_SHARE, ENDLESS = 0.4, 50
SCORINGS = {"f1": "f1_micro", "average_precision": "average_precision"}


class Endless:
    """A space whose trainings end when the time is up, and their schedules with it."""

    def recipe(self, values):
        """Return the recipe with more epochs than there is time for."""
        usual = super().recipe(values)
        epochs = ENDLESS * usual.epochs
        return replace(usual, epochs=epochs, patience=epochs)


class EndlessImages(Endless, ImageSpace):
    """Images."""


class EndlessTexts(Endless, TextSpace):
    """Texts."""


class EndlessTables(Endless, TabularSpace):
    """Tables."""


ENDLESS_SPACES = {
    "image": EndlessImages,
    "text": EndlessTexts,
    "tabular": EndlessTables,
}


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


def take_as_own():
    """Have models of the spaces above compiled once, as those of our own spaces are."""
    from skautonas.space.candidate import SpaceSource

    usual = SpaceSource.__init__

    def as_own(self, space):
        usual(self, space)
        self.standard = True

    SpaceSource.__init__ = as_own


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
    estimator = search(problem, budget, seed, **CHANGED[system])
    if system == "random-without-starts":
        space = estimator._default_space()
        space.known_starts = list  # which makes an empty one
        estimator.set_params(space=space)
    elif system == "first-start":
        take_as_own()
        space = ENDLESS_SPACES[problem.modality]()
        estimator.set_params(space=space, trial_timeout=TRIAL_SHARE * budget)
    elif system == "no-reevaluation":
        from skautonas.estimators import _study

        _study._gets_fresh_split = lambda *arguments: False
    fitted = estimator.fit(X, y)
    fitted.facts = {
        "validation": fitted.best_score_,
        "trials": fitted.n_trials_,
        "failed": sum(trial.status == "failed" for trial in fitted.trials_),
        "stop": fitted.stop_reason_,
        "reevaluated": len(fitted.reevaluated_),
        "refitted": fitted.refitted_,
        "best": {k: v for k, v in fitted.best_params_.items() if "/" not in k},
    }
    return fitted
