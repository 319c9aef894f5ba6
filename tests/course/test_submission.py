from __future__ import annotations

import json

import pytest

from minidrcn.course.grading.submission import pieces
from minidrcn.errors import InputError


def notebook(*sources):
    cells = [{"cell_type": "code", "source": source, "metadata": {}, "outputs": []} for source in sources]
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}


def test_a_python_file_is_one_piece():
    assert pieces("a.py", "x = 1\n") == [("a.py", "x = 1\n")]


def test_a_notebook_s_code_without_the_checks():
    content = notebook("x = 1", ["y = 2\n", "z = 3"], "check(x)")
    content["cells"][2]["metadata"] = {"nbgrader": {"grade": True}}
    content["cells"].insert(0, {"cell_type": "markdown", "source": "# Title", "metadata": {}})
    assert pieces("a.ipynb", json.dumps(content)) == [("cell 2", "x = 1"), ("cell 3", "y = 2\nz = 3")]


@pytest.mark.parametrize(
    ("source", "plain"),
    [
        ("%matplotlib inline\nx = 1", "pass  # %matplotlib inline\nx = 1"),
        ("if True:\n    !ls\nx = 1", "if True:\n    pass  # !ls\nx = 1"),
        ("np.zeros?\nx = 1", "pass  # np.zeros?\nx = 1"),
        ("%%time\nx = 1", "# %%time\nx = 1"),
        ("%%bash\nrm -r x", ""),
        ("x = 5 %\\\n 3", "x = 5 %\\\n 3"),
    ],
)
def test_what_only_jupyter_understands_becomes_a_comment(source, plain):
    ((_, text),) = pieces("a.ipynb", json.dumps(notebook(source)))
    assert text == plain
    compile(text, "cell", "exec")


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"cells": [{"cell_type": "code"}]}',
        '{"cells": [1]}',
        '{"cells": [{"cell_type": "code", "source": "", "metadata": 3}]}',
        "[" * 100_000,
    ],
)
def test_what_is_no_notebook_is_one_line(content):
    with pytest.raises(InputError, match="not a notebook of format 4"):
        pieces("a.ipynb", content)
