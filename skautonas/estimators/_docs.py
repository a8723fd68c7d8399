"""Parameters and attributes that the docstrings of all estimators share."""

from inspect import signature

PARAMETERS = """\
space : "auto", SearchSpace, keras_tuner.HyperModel or callable, default="auto"
        What can be built: an instance of the modality's space with changed options, a
        hypermodel, or a function ``build(hp)`` that returns a compiled model whose
        output is the prediction.
    strategy : str, keras_tuner.Oracle or callable, default="auto"
        How the next candidate is chosen: "asha", "bayesian", "bohb", "evolution",
        "greedy", "grid", "hyperband", "local", "optuna", "random" or "reinforce", or
        the name of one that another package registers. An oracle is a template: it is
        deep-copied for each fit. A class of oracles, or a factory, is called with
        ``objective``, ``hyperparameters``, ``max_trials`` and ``seed``. "auto" is
        "bayesian".
    max_trials : int, default=None
        Number of trials; None is no limit.
    time_budget : float, default=60.0
        Seconds for all of ``fit``: encoding, search and refit. A search that has
        converged stops earlier. None is no limit; then ``max_trials`` must be set.
        Worker processes that have to start first may add up to 6 seconds.
    max_epochs : int, default=None
        Upper bound of the epochs of a trial. None leaves it to the recipe.
    scoring : str or callable, default=None
        Objective: any scikit-learn scorer. None is accuracy for classifiers and R2 for
        regressors.
    cv : int, splitter or iterable, default=None
        Score each trial on several folds, by cross-validation; the winner is refitted
        on all rows. A number of folds is shuffled, and stratified for classifiers.
        None holds out ``validation_fraction`` of the rows once; up to 100 rows (of a
        table 500, with classes 1000) five times at random, given 15 s or more. Then a
        trial must beat an earlier one by a standard error of their difference.
    validation_fraction : float, default=0.2
        Share of the rows that validate, shuffled, stratified for classifiers; unused
        with ``cv`` and where ``fit`` gets ``X_val``.
{class_weight}    ensemble_size : int, default=1
        Most trials in the model, which is then the weighted mean of their predictions:
        chosen greedily by their validation predictions, the same one more than once
        (Caruana et al. 2004). 1 is the winner alone.
    refit : bool, default=True
        Train the trials in the model again on all rows where the time reaches;
        otherwise it is the one that was validated, of several folds that of the first.
    pruner : {"median"} or None, default=None
        Stop a trial whose best score so far is below the median of the finished trials'
        averages up to there (after Golovin et al. 2017).
    trial_timeout : float or None, default=None
        Seconds after which a trial ends, or the declaration of a user's own space.
        None is 30 % of ``time_budget`` for a trial, 10 s at least.
    directory : str, path or None, default=None
        Where the search is recorded, so that a later fit on the same data goes on, to
        a larger ``max_trials`` or ``time_budget``; the latter then counts the seconds
        of the fits before. None is a temporary one.
    overwrite : bool, default=False
        Delete the study that ``directory`` holds.
    executor : concurrent.futures.Executor or None, default=None
        Runs the trials, each in a process of its own beside a worker of the executor.
        None is worker processes of this machine, or the cluster of an active
        ``joblib.parallel_config(backend="dask")`` or ``"ray"``. Clones share it; a
        pickle leaves it out.
    n_jobs : int, default=None
        Trials at once, -1 on all cores, in worker processes of one thread each. None
        is 1, and all workers of an executor or a cluster.
    random_state : int, RandomState instance or None, default=None
        Seeds split, search and training. With ``time_budget=None`` a search is
        reproducible for one ``n_jobs``.
    verbose : int, default=0
        1 prints a line a finished trial.\
"""

CLASS_WEIGHT = """    class_weight : dict, "balanced" or None, default=None
        Weights of the classes by label, in the loss and in the score; "balanced" is
        inverse to how often a class occurs.
"""

ATTRIBUTES = """\
best_model_ : keras.Model
        The model, from raw inputs to the prediction.
    best_params_ : dict
        Hyperparameters of the winner; of the heaviest trial in an ensemble.
    best_score_ : float
        Validation score that the model is expected to have on other rows: that of the
        trials in it, less the luck of the best of many (Tsamardinos et al. 2018).
    best_index_ : int
        Its row in ``cv_results_``; with several splits of few rows, with rungs, an
        ensemble or ``reevaluated_``, the greatest score may be another's.
    cv_results_ : dict of str to array
        The trials in the format of `sklearn.model_selection.GridSearchCV`.
    trials_ : list of TrialRecord
        The trials with their learning curves and errors.
    n_trials_ : int
        Number of finished trials.
    search_time_, refit_time_, cold_start_time_ : float
        Seconds of the whole fit, with those of earlier fits of the same study; of its
        end, which is all after the last trial; and of the start of cold workers.
    ensemble_ : list of (int, float)
        Number and weight of each trial in the model.
    reevaluated_ : dict of int to float
        Score of the best trials on a fresh split, whose validation rows are others, by
        number: up to eight, trained once more in a fifth of ``time_budget``. The
        winner has the best mean of both scores. Empty with ``cv`` or several splits,
        ``X_val``, ``refit=False``, an ensemble or an executor, without a
        ``time_budget``, beyond 10 000 rows or 500 MB, and where there was no time or no
        such split.
    refitted_ : bool
        Whether the model was trained on all rows; not where the time did not reach.
    stop_reason_ : str
        Why the search ended: "time_budget", "max_trials", "converged", "exhausted"
        (nothing new to try), "interrupted" (by Ctrl-C), "callback" (one asked for
        it), "executor" (it took no more trials), or "failures" (its first 25 trials
        failed).
    scorer_ : callable
        The scorer of the objective.\
"""


def document(cls: type) -> type:
    """Fill the shared parts into an estimator's docstring."""
    weighs = "class_weight" in signature(cls).parameters
    parameters = PARAMETERS.replace("{class_weight}", CLASS_WEIGHT if weighs else "")
    doc = (cls.__doc__ or "").replace("{parameters}", parameters)
    cls.__doc__ = doc.replace("{attributes}", ATTRIBUTES)
    return cls
