import subprocess
import sys

# scikit-learn 1.9 itself imports pandas where it is installed; what counts is what
# comes on top of it.
CODE = """
import sys, time
start = time.perf_counter()
import sklearn.base, sklearn.metrics, sklearn.model_selection
before = set(sys.modules)
import skautonas
seconds = time.perf_counter() - start
heavy = {"tensorflow", "keras", "keras_tuner", "pandas", "matplotlib"}
print(seconds, sorted(heavy & (set(sys.modules) - before)))
"""


def run():
    result = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, check=True
    )
    seconds, heavy = result.stdout.split(maxsplit=1)
    return float(seconds), heavy.strip(), result.stderr


def test_import_is_light_and_silent():
    runs = [run() for _ in range(3)]
    assert {(heavy, errors) for _, heavy, errors in runs} == {("[]", "")}
