import subprocess
import sys

CODE = """
import sys, time
start = time.perf_counter()
import skautonas
seconds = time.perf_counter() - start
heavy = {"tensorflow", "keras", "keras_tuner", "pandas", "matplotlib"}
print(seconds, sorted(heavy & set(sys.modules)))
"""


def run(code):
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return result.stdout, result.stderr


def test_import_is_light_and_silent():
    for _ in range(3):
        output, errors = run(CODE)
        seconds, heavy = output.split(maxsplit=1)
        assert heavy.strip() == "[]"
        assert errors == ""
        assert float(seconds) < 1.0


def test_the_estimators_do_not_import_tensorflow():
    output, _ = run(
        "import sys\nfrom skautonas import *\n"
        "print({'tensorflow', 'keras', 'keras_tuner'} & set(sys.modules))"
    )
    assert output.strip() == "set()"


def test_a_name_that_is_not_there_is_an_attribute_error():
    output, _ = run("import skautonas\nprint(hasattr(skautonas, 'Forest'))")
    assert output.strip() == "False"
