"""Ask an oracle, and tell it."""

from skautonas._compat import silence_oracle


def end(oracle, trial, score, status="FAILED"):
    """End a trial; without a score by another status."""
    trial.status = status
    if score is not None:
        oracle.update_trial(trial.trial_id, {"score": score})
        trial.status = "COMPLETED"
    oracle.end_trial(trial)


def run(oracle, count, score):
    """Return so many trials, one after the other, or as many as there are."""
    silence_oracle(oracle)
    oracle.max_consecutive_failed_trials = None
    trials = []
    while len(trials) < count:
        trial = oracle.create_trial("one")
        if trial.status != "RUNNING":
            break
        end(oracle, trial, score(trial.hyperparameters.values))
        trials.append(oracle.trials[trial.trial_id])
    return trials
