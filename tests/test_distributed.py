"""Training over several processes, with a real MPI: the same bits, and no process left behind."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import HANGS

from minidrcn.npz import read_npz
from minidrcn.train import main

pytest.importorskip("mpi4py", reason='pip install -e ".[mpi]" brings mpi4py')
beside = Path(sys.executable).with_name("mpiexec")
MPIEXEC = str(beside) if beside.exists() else shutil.which("mpiexec")
if MPIEXEC is None:
    pytest.skip("mpi4py without mpiexec", allow_module_level=True)

SMALL = ["--filters", "8", "--recursions", "2", "--batch", "6", "--patch", "20", "--validation", "IMAGES", "--data",
         "IMAGES", "--checkpoint-every", "3"]  # fmt: skip

CONSTANT = ["--evaluate-every", "50", "--schedule", "constant", "--alpha", "none"]


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    from PIL import Image

    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for k in range(3):
        smooth = np.kron(rng.random((6, 8)), np.ones((8, 8)))
        Image.fromarray((255 * smooth).astype(np.uint8)).save(folder / f"{k}.png")
    return folder


def command(ranks, images, out, *options):
    small = [str(images) if word == "IMAGES" else word for word in SMALL]
    return [MPIEXEC, "-n", str(ranks), sys.executable, "-m", "minidrcn.train", "--mpi", "--out", str(out), *small,
            *options]  # fmt: skip


def run(*arguments):
    result = subprocess.run(command(*arguments), capture_output=True, text=True, timeout=HANGS, check=False)
    return result.returncode, result.stdout, result.stderr


def alone(images, out, *options):
    small = [str(images) if word == "IMAGES" else word for word in SMALL]
    assert main(["--out", str(out), *small, *options]) == 0
    return (out / "last.npz").read_bytes()


@pytest.mark.parametrize("options", ["--optimiser muon --average 0.9", "--optimiser sgd --schedule plateau"])
@pytest.mark.parametrize(("ranks", "workers"), [(1, 2), (2, 1), (3, 1), (4, 2)])
def test_any_number_of_ranks_gives_the_same_bytes(tmp_path, images, ranks, workers, options):
    options = ["--steps", "7", "--evaluate-every", "2", *options.split()]
    expected = alone(images, tmp_path / "alone", *options)
    code, out, err = run(ranks, images, tmp_path / "out", "--workers", str(workers), *options)
    assert code == 0, err
    assert (tmp_path / "out" / "last.npz").read_bytes() == expected
    assert len(re.findall("update +0 ", out)) == 1, "rank 0 alone speaks"


def test_a_finished_run_is_said_to_be_finished(tmp_path, images):
    options = ["--steps", "2", "--evaluate-every", "2"]
    assert run(2, images, tmp_path / "out", *options)[0] == 0
    code, out, err = run(3, images, tmp_path / "out", "--resume", *options)
    assert code == 0, err
    assert "finished after 2 updates" in out


def test_a_fast_sum_is_the_same_up_to_rounding(tmp_path, images):
    options = ["--steps", "4", "--evaluate-every", "9"]
    alone(images, tmp_path / "alone", *options)
    assert run(3, images, tmp_path / "out", "--mpi-sum", "fast", *options)[0] == 0
    ours, theirs = (read_npz(tmp_path / name / "last.npz") for name in ("alone", "out"))
    assert np.allclose(ours["params/recursion.w"], theirs["params/recursion.w"], atol=1e-5)


def lines_of(path):
    return len(path.read_text().splitlines()) if path.exists() else 0


def started(images, out, ranks, *options):
    before = lines_of(out / "log.csv")
    process = subprocess.Popen(
        command(ranks, images, out, "--steps", "100000", *CONSTANT, *options),
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    while lines_of(out / "log.csv") < before + 4 or len(processes(out)) < ranks:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    return process


def processes(out):
    """The training processes of a run."""
    words = ["pgrep", "-f", f"minidrcn.train --mpi --out {out} "]
    found = subprocess.run(words, capture_output=True, text=True, check=False)
    return [int(pid) for pid in found.stdout.split() if "mpi" not in Path(f"/proc/{pid}/comm").read_text()]


def gone(out):
    deadline = time.monotonic() + HANGS
    while processes(out):
        assert time.monotonic() < deadline, "processes are left"
        time.sleep(0.1)


linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds processes in /proc")


@linux
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_first(tmp_path, images, number, status):
    process = started(images, tmp_path / "out", 3)
    process.send_signal(number)
    _, err = process.communicate(timeout=HANGS)
    assert process.returncode == status
    assert err.count("interrupted and saved") == 1
    gone(tmp_path / "out")


@linux
@pytest.mark.parametrize("kills", [2, pytest.param(10, marks=pytest.mark.slow)])
def test_a_rank_that_is_killed_ends_all_and_any_number_goes_on_to_the_same_bytes(tmp_path, images, kills):
    out, rng = tmp_path / "out", np.random.default_rng(kills)
    for k in range(kills):
        process = started(images, out, 2 + k % 3, *(["--resume"] if k else []))
        victims = processes(out)
        os.kill(victims[int(rng.integers(len(victims)))], signal.SIGKILL)
        process.communicate(timeout=HANGS)
        assert process.returncode != 0
        gone(out)
    steps = json.loads(bytes(read_npz(out / "last.npz")["meta"]))["training"]["step"] + 5
    # A schedule that does not depend on the number of steps, so that a shorter run is the beginning of a longer one.
    end = [*CONSTANT, "--steps", str(steps)]
    code, _, err = run(4, images, out, "--resume", "--with-changes", *end)
    assert code == 0, err
    ours, theirs = read_npz(out / "last.npz"), read_npz(io.BytesIO(alone(images, tmp_path / "alone", *end)))
    for name in theirs:
        assert name in ("meta", "checksum") or np.array_equal(ours[name], theirs[name]), name


@linux
def test_a_rank_that_raises_ends_all_with_one_line(tmp_path, images):
    """A rank whose images are gone, say: here, one that finds its data nowhere."""
    script = tmp_path / "raise.py"
    script.write_text("""
import sys
from minidrcn import train
from minidrcn.errors import InputError
joined, count = train._joined_step, 0
def fails(ranks, *arguments):
    global count
    count += 1
    if ranks.rank == 1 and count == 3:
        raise InputError("the disk of rank 1 is gone")
    return joined(ranks, *arguments)
train._joined_step = fails
sys.exit(train.main(sys.argv[1:]))
""")
    words = command(3, images, tmp_path / "out", "--steps", "1000")
    words[4:6] = [str(script)]
    result = subprocess.run(words, capture_output=True, text=True, timeout=HANGS, check=False)
    assert result.returncode != 0
    assert "minidrcn.train: error: the disk of rank 1 is gone" in result.stderr
    assert "Traceback" not in result.stderr
    gone(tmp_path / "out")


def test_a_wrong_launch_is_one_line(tmp_path, images, monkeypatch, capsys):
    for name in list(os.environ):
        if name.startswith(("PMI", "OMPI", "SLURM", "MPI")):
            monkeypatch.delenv(name)
    small = [str(images) if word == "IMAGES" else word for word in SMALL]
    assert main(["--mpi", "--out", str(tmp_path / "out"), *small]) == 2
    assert "start it as mpiexec -n 4" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    assert main(["--mpi", "--out", str(tmp_path / "out"), *small]) == 2
    assert "--mpi needs mpi4py" in capsys.readouterr().err
    code, _, err = run(7, images, tmp_path / "many")
    assert (code, "7 ranks for 6 images an update; start fewer, or raise --batch" in err) == (2, True)
    code, _, err = run(2, images, tmp_path / "wrong", "--lr", "-1")
    assert (code, err.count("--lr must be larger than 0")) == (2, 1)
