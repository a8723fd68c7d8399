"""Two processes, one result: trials and predictions agree to the last bit."""

import json
import os
import subprocess
import sys

SCRIPT = """
import hashlib, json
import numpy as np
from tests.conftest import PROBLEMS

results = {}
# Of classes with one worker, of values with two.
for name in PROBLEMS:
    n_jobs = 1 if name.endswith("classifier") else 2
    problem = PROBLEMS[name]()
    search = problem.estimator(
        max_trials=3, max_epochs=2, time_budget=None, random_state=0, n_jobs=n_jobs
    )
    # The table's classes are split several times, and each of the others once.
    search.fit(problem.X_train[:120], problem.y_train[:120])
    outputs = np.asarray(search.predict(problem.X_test))
    results[name] = {
        "params": [trial.params for trial in search.trials_],
        "scores": [trial.score.hex() for trial in search.trials_],
        "predictions": hashlib.sha256(outputs.tobytes()).hexdigest(),
    }
print(json.dumps(results))
"""


def run(hash_seed):
    process = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
    )
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout.splitlines()[-1])


def test_two_processes_find_the_same():
    one, two = run("1"), run("2")
    assert len(one) == 6
    assert one == two
