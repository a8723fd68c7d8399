"""Two processes, one result: trials and predictions agree to the last bit."""

import json
import os
import subprocess
import sys

import pytest

SCRIPT = """
import hashlib, json, sys
import numpy as np
from tests.conftest import PROBLEMS

n_jobs = int(sys.argv[1])
results = {}
for name, make in PROBLEMS.items():
    problem = make()
    search = problem.estimator(
        max_trials=3, max_epochs=2, time_budget=None, random_state=0, n_jobs=n_jobs
    )
    search.fit(problem.X_train[:100], problem.y_train[:100])
    outputs = np.asarray(search.predict(problem.X_test))
    results[name] = {
        "params": [trial.params for trial in search.trials_],
        "scores": [trial.score.hex() for trial in search.trials_],
        "predictions": hashlib.sha256(outputs.tobytes()).hexdigest(),
    }
print(json.dumps(results))
"""


def run(n_jobs, hash_seed):
    process = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(n_jobs)],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
    )
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout.splitlines()[-1])


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_two_processes_find_the_same(n_jobs):
    one, two = run(n_jobs, "1"), run(n_jobs, "2")
    assert len(one) == 6
    assert one == two
