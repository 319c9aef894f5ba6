from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import standin
from conftest import HANGS, relative_error, run_command

from minidrcn import load
from minidrcn.files import is_unfinished
from minidrcn.train import main
from minidrcn.training import run_folder, step
from minidrcn.training.run_folder import COLUMNS, read_log

SMALL = ["--filters", "4", "--recursions", "2", "--batch", "2", "--patch", "16", "--steps", "12",
         "--evaluate-every", "5", "--checkpoint-every", "5", "--workers", "1"]  # fmt: skip


@pytest.fixture
def args(photo):
    return [*SMALL, "--data", str(photo), "--validation", str(photo)]


def arrays(path):
    with np.load(path) as file:
        return dict(file)


def same(a, b):
    a, b = arrays(a), arrays(b)
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


def test_a_run_leaves_everything_behind(args, tmp_path, capsys):
    out = tmp_path / "run"
    assert main([*args, "--seed", "1", "--out", str(out)]) == 0
    assert {path.name for path in out.iterdir()} == {
        ".lock", "config.json", "log.csv", "last.npz", "best.npz", "curve.png", "wave0.png", "wave1.png"
    }  # fmt: skip
    rows = read_log(out)
    assert [row["step"] for row in rows] == [0, 5, 10, 12]
    assert all(row["psnr"] and row["psnr_bicubic"] for row in rows)
    assert rows[0]["loss"] is None
    assert rows[1]["loss"] > 0
    assert abs(rows[0]["psnr"] - rows[0]["psnr_bicubic"]) < 0.05
    assert out.joinpath("log.csv").read_text().splitlines()[0] == ",".join(COLUMNS)
    assert json.loads((out / "config.json").read_text())["filters"] == 4
    assert load(out / "best.npz").scale == 2
    assert load(out / "last.npz").architecture.recursions == 2
    output = capsys.readouterr()
    assert "gain" in output.out
    assert output.err == ""  # no terminal, no progress bar


def test_the_same_seed_gives_the_same_bits(args, tmp_path):
    for name, extra in (("a", []), ("b", ["--workers", "2"]), ("c", ["--seed", "1"])):
        assert main([*args, *extra, "--out", str(tmp_path / name)]) == 0
    assert same(tmp_path / "a" / "last.npz", tmp_path / "b" / "last.npz")
    assert not same(tmp_path / "a" / "last.npz", tmp_path / "c" / "last.npz")


def test_without_a_name_the_run_gets_a_number(args, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main([*args, "--steps", "1"]) == 0
    assert (tmp_path / "runs" / "001" / "last.npz").exists()


def interrupted(args, out, after, monkeypatch, number=signal.SIGINT):
    """Run, with a signal sent in the middle of an update."""
    from minidrcn.training import step

    real = step.train_step

    def stopped(state, *rest):
        if state.step == after:
            signal.raise_signal(number)
        return real(state, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(step, "train_step", stopped)
        return main([*args, "--out", str(out)])


@pytest.mark.parametrize(
    "options",
    [[], ["--optimiser", "sgd", "--schedule", "plateau"], ["--schedule", "trapezoid", "--average", "0.99"]],
)
def test_interrupted_and_resumed_ends_as_if_it_had_run_through(args, tmp_path, monkeypatch, capsys, options):
    args = [*args, *options]
    assert main([*args, "--out", str(tmp_path / "through")]) == 0
    out = tmp_path / "stopped"
    assert interrupted(args, out, 7, monkeypatch) == 130
    error = capsys.readouterr().err
    assert "interrupted and saved after 8 of 12 updates; go on with --resume" in error
    assert error.count("\n") == 1
    assert main(["--resume", "--out", str(out)]) == 0
    assert same(tmp_path / "through" / "last.npz", out / "last.npz")
    assert same(tmp_path / "through" / "best.npz", out / "best.npz")
    steps = [[row["step"] for row in read_log(tmp_path / name)] for name in ("through", "stopped")]
    assert steps[0] == steps[1]
    seconds = [row["seconds"] for row in read_log(out)]
    assert seconds == sorted(seconds)


def test_sigterm_saves_as_well(args, tmp_path, monkeypatch):
    assert interrupted(args, tmp_path / "a", 3, monkeypatch, signal.SIGTERM) == 143
    assert main(["--resume", "--out", str(tmp_path / "a")]) == 0


def test_killed_without_warning_it_goes_on_from_the_last_checkpoint(args, tmp_path, monkeypatch):
    from minidrcn.training import step

    assert main([*args, "--out", str(tmp_path / "through")]) == 0

    def die(state, *rest, real=step.train_step):
        if state.step == 8:
            raise SystemExit("power cut")
        return real(state, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(step, "train_step", die)
        with pytest.raises(SystemExit):
            main([*args, "--out", str(tmp_path / "killed")])
    assert main(["--resume", "--out", str(tmp_path / "killed")]) == 0
    assert same(tmp_path / "through" / "last.npz", tmp_path / "killed" / "last.npz")


def test_a_finished_run_that_is_resumed_is_done(args, tmp_path, capsys):
    out = str(tmp_path / "run")
    assert main([*args, "--out", out, "--steps", "2"]) == 0
    before = (tmp_path / "run" / "last.npz").read_bytes()
    capsys.readouterr()
    assert main(["--resume", "--out", out]) == 0
    assert "finished after 2 updates" in capsys.readouterr().out
    assert (tmp_path / "run" / "last.npz").read_bytes() == before
    (tmp_path / "run" / "curve.png").unlink()
    assert main(["--resume", "--out", out]) == 0
    assert (tmp_path / "run" / "curve.png").exists()
    assert (tmp_path / "run" / "last.npz").read_bytes() == before


def test_resume_starts_a_run_where_there_is_none(args, tmp_path):
    assert main([*args, "--steps", "1", "--resume", "--out", str(tmp_path / "new")]) == 0
    (tmp_path / "new" / "last.npz").unlink()
    assert main(["--resume", "--out", str(tmp_path / "new")]) == 0


def test_resume_refuses_other_options_and_takes_equal_ones(args, tmp_path, capsys):
    out = str(tmp_path / "run")
    assert main([*args, "--out", out, "--steps", "2"]) == 0
    capsys.readouterr()
    assert main(["--resume", "--out", out, "--filters", "5", "--seed", "0", "--lr", "1"]) == 2
    error = capsys.readouterr().err
    assert "--filters 5 (the run: 4); --lr 1.0 (the run: 0.002)" in error
    assert "--seed" not in error
    assert main(["--resume", "--out", out, "--filters", "4"]) == 0


def wrong(arguments, status, capsys):
    """Run what must be refused; the one line it says."""
    code, _, error = run_command(main, arguments, capsys)
    assert code == status
    assert error.count("\n") == 1, error
    assert "Traceback" not in error
    return error


def test_wrong_use_is_one_line(args, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("precious")
    for arguments, status, message in (
        (["--scale", "5"], 2, "argument --scale: invalid choice: 5 (choose from 2, 3, 4)"),
        (["--steps", "-5"], 2, "--steps must be at least 1, not -5"),
        (["--steps", "many"], 2, "argument --steps: invalid int value"),
        (["--lr", "nan"], 2, "--lr must be finite"),
        (["--workers", "0"], 2, "must be a whole number of at least 1"),
        (["--colour"], 2, "unrecognized arguments: --colour"),
        (["--resume"], 2, "--resume needs --out"),
        (["--out", "full"], 2, "the folder is not empty"),
        (["--out", "full", "--resume"], 2, "holds no training run and is not empty"),
        (["--batch", "10" * 20], 2, "--batch must be less than 2147483648, not 1010"),
        (["--out", "full/file"], 2, "a file of that name exists"),
        (["--data", "absent"], 2, "absent: no such folder"),
        (["--data", "empty"], 1, "no images in this folder"),
        (["--validation", "empty"], 1, "no images in this folder"),
        ([*args, "--patch", "200"], 1, "smaller than a patch of 200 x 200"),
    ):
        assert message in wrong(arguments, status, capsys)
    assert (tmp_path / "full" / "file").read_text() == "precious"
    assert {path.name for path in tmp_path.iterdir()} == {"empty", "full", "images"}


def test_a_checkpoint_that_is_damaged_is_one_line(args, tmp_path, capsys):
    out = tmp_path / "run"
    assert main([*args, "--out", str(out), "--steps", "1"]) == 0
    (out / "last.npz").write_bytes(b"no checkpoint")
    capsys.readouterr()
    assert "no model of minidrcn's, or damaged" in wrong(["--resume", "--out", str(out)], 1, capsys)
    assert (out / "last.npz").read_bytes() == b"no checkpoint"


@pytest.mark.parametrize("flag", ["--reconstruction-relu", "--no-reconstruction-relu"])
def test_a_run_goes_on_with_the_network_it_was_started_with(flag, args, tmp_path, capsys):
    """Also one from before the reconstruction became linear by default: its options name what was the default then."""
    out = tmp_path / "run"
    assert main([*args, flag, "--steps", "2", "--out", str(out)]) == 0
    before = load(out / "last.npz").architecture
    assert before.reconstruction_relu == (flag == "--reconstruction-relu")
    assert main(["--resume", "--steps", "3", "--with-changes", "--out", str(out)]) == 0
    assert load(out / "last.npz").architecture == before


def test_a_loss_that_explodes_is_one_line_and_keeps_the_last_good_state(args, tmp_path, capsys):
    arguments = [*args, "--lr", "1e20", "--clip", "none", "--warmup", "0", "--out", str(tmp_path / "run")]
    message = wrong([*arguments, "--checkpoint-every", "1"], 1, capsys)
    assert "training has exploded at update" in message
    assert "the first thing that is not finite is the map of" in message
    assert load(tmp_path / "run" / "best.npz")
    # What was saved before is sound, and what is not sound is not saved.
    if (tmp_path / "run" / "last.npz").exists():
        assert load(tmp_path / "run" / "last.npz")
    one_step = [*args, "--lr", "1e300", "--clip", "none", "--optimiser", "sgd", "--schedule", "constant"]
    message = wrong([*one_step, "--steps", "1", "--out", str(tmp_path / "other")], 1, capsys)
    assert "exploded at update 1" in message
    assert "that the update makes; start anew" in message
    assert not (tmp_path / "other" / "last.npz").exists()


def test_what_a_killed_process_had_begun_to_write_is_removed(args, tmp_path):
    out = tmp_path / "run"
    assert main([*args, "--out", str(out), "--steps", "2"]) == 0
    (out / ".0123456789ab.npz").write_bytes(b"half")
    (out / ".mine").write_text("kept")
    assert main(["--resume", "--out", str(out)]) == 0
    (out / "curve.png").unlink()
    assert main(["--resume", "--out", str(out)]) == 0
    assert not (out / ".0123456789ab.npz").exists()
    assert (out / ".mine").exists()


def test_gpu_without_cupy_or_without_a_device_says_which(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    assert "needs CuPy, which is not installed: pip install" in wrong(["--gpu"], 2, capsys)
    monkeypatch.setitem(sys.modules, "cupy", standin.make_module(device=False))
    assert "CuPy is installed but finds no CUDA device" in wrong(["--gpu"], 2, capsys)


@pytest.mark.parametrize("options", [[], ["--optimiser", "nesterov", "--clip", "adjustable", "--alpha", "rate"]])
def test_the_whole_training_step_runs_on_the_device(xp, args, tmp_path, options, capsys):
    """The stand-in refuses to mix host and device arrays, so this passes only if nothing strays."""
    if xp is np:
        pytest.skip("NumPy is what the device is compared with")
    args = [*args, *options]
    assert main([*args, "--out", str(tmp_path / "cpu")]) == 0
    assert "GPU" not in capsys.readouterr().out
    assert main([*args, "--gpu", "--out", str(tmp_path / "gpu")]) == 0
    assert re.search(r"the GPU held up to [1-9]\d* MiB", capsys.readouterr().out)
    cpu, gpu = (load(tmp_path / name / "last.npz").params for name in ("cpu", "gpu"))
    # The device takes the batch at once, the CPU an image at a time: the same numbers up to rounding.
    assert all(relative_error(cpu[name], gpu[name]) < 2e-2 for name in cpu)
    assert main(["--resume", "--gpu", "--out", str(tmp_path / "gpu")]) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot send Ctrl-C to one process")
def test_ctrl_c_in_a_real_process_saves_and_exits_with_130(args, tmp_path):
    out = tmp_path / "run"
    command = [sys.executable, "-m", "minidrcn.train", *args, "--steps", "100000", "--out", str(out)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not (out / "last.npz").exists():
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=HANGS)
    assert process.returncode == 130
    assert "interrupted and saved after" in error
    assert error.count("\n") == 1


def test_resume_goes_on_with_other_options_if_told_so(args, tmp_path, capsys):
    out = str(tmp_path / "run")
    assert main([*args, "--out", out, "--steps", "4"]) == 0
    more = ["--resume", "--out", out, "--steps", "6", "--lr", "0.001"]
    message = wrong(more, 2, capsys)
    assert "--steps 6 (the run: 4); --lr 0.001 (the run: 0.002); leave them out, or" in message
    assert main([*more, "--with-changes"]) == 0
    state, config = step.load_state(tmp_path / "run" / "last.npz")
    assert (state.step, config.steps, config.lr) == (6, 6, 0.001)
    assert json.loads((tmp_path / "run" / "config.json").read_text(encoding="utf-8"))["steps"] == 6
    assert [int(row["step"]) for row in read_log(tmp_path / "run")] == [0, 4, 5, 6]
    capsys.readouterr()
    message = wrong(["--resume", "--out", out, "--with-changes", "--filters", "5", "--optimiser", "sgd"], 2, capsys)
    assert "--filters, --optimiser cannot be changed: the trained network depends on it" in message


def test_what_is_done_is_kept_when_nobody_reads_the_output(args, tmp_path, monkeypatch, capsys):
    arguments = [*args, "--checkpoint-every", "100"]
    assert main([*arguments, "--out", str(tmp_path / "through")]) == 0
    write_row, calls = run_folder.append_row, []

    def broken(folder, row):
        calls.append(row["step"])
        if row["step"] == 10 and calls.count(10) == 1:
            raise BrokenPipeError
        write_row(folder, row)

    monkeypatch.setattr(run_folder, "append_row", broken)
    out = tmp_path / "run"
    assert (
        wrong([*arguments, "--out", str(out)], 1, capsys) == "minidrcn.train: error: nobody reads the output any more\n"
    )
    state, _ = step.load_state(out / "last.npz")
    assert state.step == 9, "the update whose measurement failed is done again"
    assert main(["--resume", "--out", str(out)]) == 0
    assert same(out / "last.npz", tmp_path / "through" / "last.npz")


def test_training_outside_of_the_main_thread(args, tmp_path):
    statuses = []
    thread = threading.Thread(target=lambda: statuses.append(main([*args, "--out", str(tmp_path / "run")])))
    thread.start()
    thread.join()
    assert statuses == [0]


def in_a_process(arguments, **options):
    command = [sys.executable, "-m", "minidrcn.train", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=HANGS, **options)


@pytest.mark.skipif(
    sys.platform == "win32", reason="Windows has no limit on the size of files to stand in for a full disk"
)
def test_a_full_disk_is_one_line_and_leaves_the_last_checkpoint(args, tmp_path):
    import resource

    out = tmp_path / "run"
    assert main([*args, "--out", str(out), "--steps", "2"]) == 0
    sound = (out / "last.npz").read_bytes()
    # Files may not grow beyond this, so no checkpoint can be written; the log can.
    limit = len(sound) // 2
    arguments = [*args, "--out", out.parent / "other", "--checkpoint-every", "1"]
    full = in_a_process(arguments, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    assert full.returncode == 1
    assert re.fullmatch(r"minidrcn\.train: error: \S+(best|last)\.npz: File too large\n", full.stderr), full.stderr
    assert not [path for path in (out.parent / "other").iterdir() if is_unfinished(path)]

    (out / "curve.png").unlink()
    full = in_a_process(
        ["--resume", "--out", out], preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    )
    assert full.returncode == 1
    assert full.stderr.count("\n") == 1
    assert (out / "last.npz").read_bytes() == sound
    assert main(["--resume", "--out", str(out)]) == 0


def test_a_second_process_in_the_same_folder_is_refused(args, tmp_path, monkeypatch, capsys):
    out, seen = tmp_path / "run", []
    real = step.train_step

    def and_another(state, *rest):
        if state.step == 6:
            before = {path.name: path.read_bytes() for path in out.iterdir()}
            second = in_a_process(["--resume", "--out", out])
            assert (second.returncode, second.stderr.count("\n")) == (2, 1)
            assert f"{out}: another process writes to this folder" in second.stderr
            assert {path.name: path.read_bytes() for path in out.iterdir()} == before
            seen.append(second)
        return real(state, *rest)

    monkeypatch.setattr(step, "train_step", and_another)
    assert main([*args, "--checkpoint-every", "5", "--out", str(out)]) == 0
    assert len(seen) == 1


@pytest.mark.parametrize("steps", [4, 8])
def test_a_best_network_that_was_deleted_is_made_again(args, tmp_path, capsys, steps):
    out = tmp_path / "run"
    assert main([*args, "--out", str(out), "--steps", "4"]) == 0
    (out / "best.npz").unlink()
    assert main(["--resume", "--out", str(out), "--steps", str(steps), "--with-changes"]) == 0
    assert f"the network is {out / 'best.npz'}" in capsys.readouterr().out
    assert load(out / "best.npz").scale == 2


def test_what_is_measured_again_counts_once(args, tmp_path):
    out, resumed = tmp_path / "run", ["--resume", "--out", str(tmp_path / "run")]
    assert main([*args, "--schedule", "plateau", "--steps", "4", "--evaluate-every", "2", "--out", str(out)]) == 0
    before, _ = step.load_state(out / "last.npz")
    assert before.plateau.waited > 0, "so that it would be seen"
    (out / "best.npz").unlink()
    assert main(resumed) == 0
    after, _ = step.load_state(out / "last.npz")
    assert after.plateau == before.plateau
    assert [row["step"] for row in read_log(out)] == [0, 2, 4]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows removes no folder in which a file is open")
@pytest.mark.parametrize("made_again", [False, True])
def test_a_folder_that_vanishes_is_one_line(args, tmp_path, monkeypatch, capsys, made_again):
    out = tmp_path / "run"
    real = step.train_step

    def step_and_remove(state, *rest):
        if state.step == 6:
            shutil.rmtree(out)
            if made_again:
                out.mkdir()
        return real(state, *rest)

    monkeypatch.setattr(step, "train_step", step_and_remove)
    message = wrong([*args, "--out", str(out)], 1, capsys)
    assert "No such file or directory" in message
    assert str(out) in message


@pytest.mark.skipif(
    sys.platform == "win32" or not hasattr(os, "geteuid") or os.geteuid() == 0,
    reason="needs a user who cannot write everywhere",
)
def test_a_folder_without_write_access_is_one_line(args, tmp_path, capsys):
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    message = wrong([*args, "--out", str(folder / "run")], 1, capsys)
    assert "Permission denied" in message
