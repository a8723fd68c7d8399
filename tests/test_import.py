import subprocess
import sys

CODE = """
import sys, time
start = time.perf_counter()
import skautonas
seconds = time.perf_counter() - start
heavy = {"tensorflow", "keras", "keras_tuner", "pandas", "matplotlib"}
heavy &= set(sys.modules)
print(seconds, sorted(heavy))
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
    assert min(seconds for seconds, _, _ in runs) < 1.0
