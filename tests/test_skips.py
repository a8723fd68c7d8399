"""A skip for want of a package fails; one for want of the platform does not."""

import subprocess
import sys

import pytest

SCRIPTS = {
    "test_body.py": """
import pytest
def test_body():
    pytest.importorskip("missing_in_body")
""",
    "test_module.py": """
import pytest
pytest.importorskip("missing_in_module")
""",
    "test_mark.py": """
import importlib.util
import pytest
absent = importlib.util.find_spec("missing_by_mark") is None
@pytest.mark.skipif(absent, reason="needs missing_by_mark")
def test_mark():
    pass
""",
    "test_platform.py": """
import pytest
@pytest.mark.skipif(True, reason="no fork there")
def test_fork():
    pass
@pytest.mark.xfail(strict=True)
def test_expected():
    raise ValueError
""",
}


@pytest.mark.parametrize("n_processes", [0, 2])
def test_a_skip_for_want_of_a_package_fails(tmp_path, n_processes):
    for name, script in SCRIPTS.items():
        (tmp_path / name).write_text(script)
    options = ["-p", "tests.conftest", "--continue-on-collection-errors"]
    options += [f"-n{n_processes}", f"--rootdir={tmp_path}"]
    process = subprocess.run(
        [sys.executable, "-m", "pytest", *options, tmp_path],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert process.returncode != 0
    *lines, summary = process.stdout.splitlines()
    assert "1 failed, 1 skipped, 1 xfailed, 2 errors" in summary
    for name in ("missing_in_body", "missing_in_module", "missing_by_mark"):
        assert any(name in line and "Expected no skip" in line for line in lines)
