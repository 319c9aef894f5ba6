"""What `notebooks/make.py` does with a lesson."""

from __future__ import annotations

import base64
import io

import pytest
from PIL import Image

for library in ("jupytext", "nbclient", "ipykernel"):
    pytest.importorskip(library, reason='pip install -e ".[notebooks]" brings what runs the lessons')
import make  # noqa: E402, needs them

LESSON = """# %% [markdown]
# # A lesson

# %%
%matplotlib inline
from minidrcn import plots
plots.bars({"a": 1.0}, "x")

# %%
print(2 + 2)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "01_sums.py").write_text(LESSON.replace("%matplotlib", "# %matplotlib"), encoding="utf-8")
    monkeypatch.setattr(make, "FOLDER", tmp_path)
    return tmp_path


def main(monkeypatch, *arguments):
    monkeypatch.setattr("sys.argv", ["make.py", *arguments])
    return make.main()


@pytest.mark.filterwarnings("ignore")  # of the kernel's libraries
def test_lessons_are_run_written_and_held_against_their_twins(folder, monkeypatch, capsys):
    assert main(monkeypatch, "--check") == 1
    assert "behind 01_sums.py" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(monkeypatch, "02")
    assert "no lesson begins with 02" in capsys.readouterr().err
    assert not (folder / "01_sums.ipynb").exists()
    assert main(monkeypatch) == 0
    first = (folder / "01_sums.ipynb").read_bytes()
    assert b'"4\\n"' in first
    assert b"image/png" in first
    assert main(monkeypatch, "--check") == 0
    assert main(monkeypatch) == 0
    assert (folder / "01_sums.ipynb").read_bytes() == first, "nothing changes without a reason"
    (folder / "01_sums.py").write_text("# %%\n1 / 0\n", encoding="utf-8")
    assert main(monkeypatch) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err
    assert (folder / "01_sums.ipynb").read_bytes() == first, "a lesson that fails is not written"


def test_pictures_keep_their_size_and_nearly_their_colours():
    file = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(file, "PNG")
    smaller = make.in_256_colours(base64.b64encode(file.getvalue()).decode())
    with Image.open(io.BytesIO(base64.b64decode(smaller))) as image:
        assert image.size == (256, 256)
        assert all(abs(image.convert("L").getpixel((0, k)) - k) <= 1 for k in range(256))
