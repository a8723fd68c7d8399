"""scikit-learn's callbacks: what they are told, and what they may do."""

import os
import pickle
import signal
import threading

import keras
import pytest
from sklearn.base import clone
from sklearn.datasets import load_wine
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skautonas import SkautonasWarning, TabularSearchClassifier
from skautonas.search.interrupt import Interrupt

X, y = load_wine(return_X_y=True)
QUICK = {"max_trials": 3, "max_epochs": 2, "time_budget": None, "random_state": 0}


class Recorder:
    """Keeps what it is told; stops or raises where it is asked to."""

    def __init__(self, stop_at=None, raise_in=None):
        self.stop_at, self.raise_in = stop_at, raise_in
        self.events = []
        self.fitted = None
        self.lock = threading.Lock()  # neither a deep copy nor pickle can have it

    def setup(self, estimator, context):
        self._tell("setup")

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None):
        self._tell(f"{context.task_name} begins")
        if context.task_name == "fit":
            assert X is not None
            assert y is not None

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        self._tell(f"{context.task_name} ends")
        if context.task_name == "trial":
            assert context.task_id in [trial.number for trial in estimator.trials_]
            return len(estimator.trials_) == self.stop_at
        self.fitted = fitted_estimator
        return False

    def teardown(self, estimator, context):
        self._tell("teardown")

    def _tell(self, event):
        self.events.append(event)
        if event == self.raise_in:
            raise OSError("the board is away")


class Propagated(Recorder):
    """One that meta-estimators pass on."""

    max_propagation_depth = None


def fit(callback, **options):
    search = TabularSearchClassifier(**QUICK | options).set_callbacks(callback)
    return search.fit(X, y)


class Interrupting(Recorder):
    """Is told of something when somebody presses Ctrl-C."""

    def __init__(self, moment):
        super().__init__()
        self.moment = moment

    def _tell(self, event):
        super()._tell(event)
        if event == self.moment:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def ctrl_c():
    """Have Ctrl-C as in a terminal: a process in the background may ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_an_interrupt_of_a_trial_ends_the_search():
    with pytest.warns(SkautonasWarning, match="Interrupted after 1 trials"):
        search = fit(Interrupting("trial ends"), n_jobs=1)
    assert search.stop_reason_ == "interrupted"
    assert search.score(X, y) > 0


@pytest.mark.usefixtures("ctrl_c")
def test_an_interrupt_after_the_search_loses_nothing():
    search = fit(Interrupting("fit ends"))
    assert search.n_trials_ == 3
    assert search.score(X, y) > 0


@pytest.mark.usefixtures("ctrl_c")
def test_an_interrupt_before_the_search_raises():
    with pytest.raises(KeyboardInterrupt):
        fit(Interrupting("fit begins"))


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("defers", [False, True])
def test_while_one_ends_the_workers_further_interrupts_are_dropped(defers):
    ended = False
    with Interrupt() as interrupt:
        if defers:
            interrupt.defer()
            os.kill(os.getpid(), signal.SIGINT)
            assert interrupt.requested
        try:
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), signal.SIGINT)
        finally:
            for _ in range(2):
                os.kill(os.getpid(), signal.SIGINT)
            ended = True
    assert ended
    with pytest.raises(KeyboardInterrupt):  # Python's again
        os.kill(os.getpid(), signal.SIGINT)


def test_before_the_search_a_program_handles_interrupts_itself():
    seen = []
    before = signal.signal(signal.SIGINT, lambda number, frame: seen.append(number))
    try:
        search = fit(Interrupting("fit begins"))
    finally:
        signal.signal(signal.SIGINT, before)
    assert seen == [signal.SIGINT]
    assert search.stop_reason_ == "max_trials"


def test_they_are_told_of_the_fit_and_of_each_trial():
    recorder = Recorder()
    search = fit(recorder)
    trial = ["trial begins", "trial ends"]
    assert recorder.events == [
        "setup",
        "fit begins",
        *3 * trial,
        "fit ends",
        "teardown",
    ]
    assert search.n_trials_ == 3
    assert (recorder.fitted.predict(X) == search.predict(X)).all()


def test_one_may_stop_the_search():
    search = fit(Recorder(stop_at=2), max_trials=30)
    assert search.stop_reason_ == "callback"
    assert search.n_trials_ == 2
    assert search.score(X, y) > 0.5


@pytest.mark.parametrize("moment", ["fit begins", "trial begins", "trial ends"])
def test_32_one_that_raises_is_warned_of_and_called_no_more(moment):
    recorder, other = Recorder(raise_in=moment), Recorder()
    search = TabularSearchClassifier(**QUICK).set_callbacks(other, recorder)
    with pytest.warns(SkautonasWarning, match="OSError: the board is away"):
        search.fit(X, y)
    assert search.n_trials_ == 3
    assert recorder.events[-2:] == [moment, "teardown"]
    assert other.events[-1] == "teardown"


def test_32_one_whose_setup_raises_ends_the_fit_at_once():
    recorder = Recorder(raise_in="setup")
    with pytest.raises(OSError, match="the board is away"):
        fit(recorder)
    assert recorder.events == ["setup", "teardown"]


def test_a_fit_that_fails_tears_them_down_and_keeps_what_was_fitted():
    recorder = Recorder()
    search = fit(recorder)
    recorder.events.clear()
    with pytest.raises(ValueError, match="inconsistent"):
        search.fit(X, y[:-1])
    assert recorder.events == ["setup", "fit begins", "teardown"]
    assert search.n_trials_ == len(search.trials_) == 3
    assert not [name for name in vars(search) if name.startswith("_callback")]


def test_32_they_are_never_copied():
    recorder = Recorder()
    search = clone(TabularSearchClassifier(**QUICK).set_callbacks(recorder))
    search.fit(X, y)
    assert recorder.events[-1] == "teardown"


def test_a_fitted_estimator_is_pickled_without_them():
    search = fit(Recorder())
    copy = pickle.loads(pickle.dumps(search))
    assert (copy.predict(X) == search.predict(X)).all()
    # An unfitted one takes them along, as to the workers of a grid search.
    with pytest.raises(TypeError, match="lock"):
        pickle.dumps(clone(search))


def test_32_those_of_keras_are_refused():
    stopping = keras.callbacks.EarlyStopping()
    with pytest.raises(TypeError, match="FitCallback"):
        TabularSearchClassifier().set_callbacks(stopping)


def test_a_grid_search_in_a_pipeline_passes_them_on():
    recorder = Propagated()
    search = make_pipeline(StandardScaler(), TabularSearchClassifier(**QUICK))
    name = "tabularsearchclassifier__max_epochs"
    grid = GridSearchCV(search, {name: [1, 2]}, cv=2, refit=False)
    grid.set_callbacks(recorder).fit(X, y)
    assert recorder.events.count("trial ends") == 3 * 2 * 2
    assert recorder.events.count("setup") == 1
