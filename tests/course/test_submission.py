from __future__ import annotations

import json

import pytest

from minidrcn.course.grading.submission import read_submission
from minidrcn.errors import InputError


def notebook(*sources, **metadata):
    cells = [
        {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], "execution_count": None}
        for source in sources
    ]
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}


def written(tmp_path, content, name="a.ipynb"):
    path = tmp_path / name
    text = content if isinstance(content, (str, bytes)) else json.dumps(content)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_python_file_is_one_piece(tmp_path):
    path = written(tmp_path, b"\xef\xbb\xbfx = 1\n", "a.py")
    assert [(piece.name, piece.source) for piece in read_submission(path)] == [("a.py", "x = 1\n")]


def test_a_notebook_s_code_without_the_checks(tmp_path):
    content = notebook("x = 1", ["y = 2\n", "z = 3"], "check(x)")
    content["cells"][2]["metadata"] = {"nbgrader": {"grade": True}}
    content["cells"].insert(0, {"cell_type": "markdown", "source": "# Title", "metadata": {}})
    pieces = read_submission(written(tmp_path, content))
    assert [(piece.name, piece.source) for piece in pieces] == [("cell 2", "x = 1"), ("cell 3", "y = 2\nz = 3")]


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
def test_what_only_jupyter_understands_becomes_a_comment(tmp_path, source, plain):
    (piece,) = read_submission(written(tmp_path, notebook(source)))
    assert piece.source == plain
    compile(piece.source, "cell", "exec")


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        ("x", "a.txt", "expected a notebook"),
        (b"\xff\xfe\x00", "a.py", "not a text file in UTF-8"),
        ("{", "a.ipynb", "not a notebook of format 4"),
        ("[]", "a.ipynb", "not a notebook of format 4"),
        ('{"cells": [{"cell_type": "code"}]}', "a.ipynb", "not a notebook of format 4"),
        ('{"cells": [1]}', "a.ipynb", "not a notebook of format 4"),
        ('{"cells": [{"cell_type": "code", "source": "", "metadata": 3}]}', "a.ipynb", "not a notebook of format 4"),
        ("[" * 100_000, "a.ipynb", "not a notebook of format 4"),
        (b" " * 20_000_001, "a.py", "larger than 20 MB"),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path, content, name, words):
    with pytest.raises(InputError, match=words):
        read_submission(written(tmp_path, content, name))
