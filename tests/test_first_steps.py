"""What a newcomer runs first: the notebook, and the code of the README."""

import re
from pathlib import Path

import nbclient
import nbformat
import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
SECTIONS = ("Images", "Texts", "Tables")


def test_the_notebook_runs(tmp_path):
    notebook = nbformat.read(ROOT / "notebooks" / "quickstart.ipynb", as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells)
    client = nbclient.NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    printed = "".join(
        output.get("text", "")
        for cell in notebook.cells
        for output in cell.get("outputs", ())
    )
    score = re.search(r"never saw: ([\d.]+)", printed)
    assert float(score[1]) > 0.95
    assert "trial   0" in printed


def example(section):
    """Return the code of a section of the README."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.search(rf"### {section}\n.*?```python\n(.*?)```", readme, re.DOTALL)[1]


@pytest.mark.parametrize("section", SECTIONS)
def test_the_example_of_the_readme_runs(section, capsys):
    code = example(section)
    assert code.count("time_budget=30") == 1
    exec(code.replace("time_budget=30", "time_budget=20"), names := {})
    printed = capsys.readouterr().out
    if section == "Texts":
        assert any(library in printed for library in set(names["libraries"]))
    else:
        assert np.isclose(float(printed), names["search"].score(*held_out(names)))
        assert float(printed) > {"Images": 0.95, "Tables": 0.3}[section]


def held_out(names):
    return names["X_test"], names["y_test"]


def test_the_options_of_the_readme_are_accepted():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.split("## Choose what is searched")[1]
    code = re.search(r"```python\n(.*?)```", section, re.DOTALL)[1]
    lines = code.rsplit("TabularSearchClassifier(", 1)
    exec(lines[0] + "search = TabularSearchClassifier(" + lines[1], names := {})
    names["search"]._validate_params()
