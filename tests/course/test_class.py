"""A class of thirty, graded unattended: honest, partial, empty, broken, hanging and hostile submissions together."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from minidrcn.course.exercises import EXERCISES
from minidrcn.course.grading.release import FOLDER, for_students, read

RELU = "def relu_backward(dy, cache):\n    return dy * (cache > 0)\n"
HOSTILE = [
    "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\n",
    "import os, signal\nos.killpg(0, signal.SIGKILL)\n",
    "import os, sys\nfor fd in range(50):\n    try: os.write(fd, b'forged,30\\n' * 40)\n    except OSError: pass\n",
    "x = [bytearray(2**26) for _ in range(200)]\n",
    "import os\nfor _ in range(15):\n    if os.fork() == 0:\n        while True: pass\n",
    "raise ValueError('\\ud800' + '\\x1b[2J' * 1000)\n",
    "import os\nos.symlink('/dev/zero', 'answers')\nos._exit(0)\n",
    "while True: pass\n",
]


def hand_in(folder):
    """Thirty students, and the points that each should get: full, or none but for exercise 5, or none."""
    points = {}
    for k in range(30):
        name = f"student{k:02}" if k != 29 else "s" * 200
        student, kind = folder / name, k % 10
        student.mkdir(parents=True)
        if kind < 3:  # everything
            for exercise in EXERCISES:
                content = (FOLDER / f"{exercise.stem}.ipynb").read_bytes()
                (student / f"{exercise.stem}.ipynb").write_bytes(content + b" " * k)  # no two are equal
            points[name] = 30
        elif kind < 5:  # released copies, and one solution
            for exercise in EXERCISES:
                notebook = for_students(read(FOLDER / f"{exercise.stem}.ipynb"))
                (student / f"{exercise.stem}.ipynb").write_text(json.dumps(notebook) + " " * k, encoding="utf-8")
            (student / "ex05.py").write_text(RELU + f"# {k}\n", encoding="utf-8")
            points[name] = 1
        elif kind == 5:
            points[name] = 0  # nothing
        elif kind == 6:
            (student / "ex05_relu.ipynb").write_text("{" * (k + 1), encoding="utf-8")
            points[name] = 0
        else:
            attack = HOSTILE[(k // 10 * 3 + kind) % len(HOSTILE)]
            wrong = "def relu_backward(dy, cache): return 1 / 0\n"
            (student / "all.py").write_text(f"# {k}\n{attack}{wrong}", encoding="utf-8")
            points[name] = 0
    return points


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_class_is_graded_unattended_and_goes_on_after_a_kill(tmp_path):
    points = hand_in(tmp_path / "in")
    command = [sys.executable, "-m", "minidrcn.course", "grade", str(tmp_path / "in"), "--jobs", "2", "--seconds", "20"]

    def run(*options):
        return subprocess.run([*command, *options], capture_output=True, text=True, check=True)

    start = time.monotonic()
    whole = run("--seed", "5").stdout
    print(f"{time.monotonic() - start:.0f} s")
    rows = {line.split()[0]: line.split() for line in whole.splitlines()[2:32]}
    assert {name: float(row[12]) for name, row in rows.items()} == points
    assert "forged" not in whole

    out = tmp_path / "out"
    with subprocess.Popen([*command, "--seed", "5", "--out", str(out)], stdout=subprocess.DEVNULL) as killed:
        while len(list(out.glob("*.json"))) < 12:
            time.sleep(0.1)
        os.kill(killed.pid, signal.SIGKILL)
    assert run("--out", str(out), "--resume").stdout == whole
