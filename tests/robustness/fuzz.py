"""Damaged and hostile files: nothing but a one-line error may come of them.

    python tests/robustness/fuzz.py [--cases 20000] [--seed 0]

Sound files, images of many formats and the files of a training run, are damaged at random: bytes changed, cut, moved,
repeated, replaced by numbers that file formats are afraid of. What knows the structure does harm that is not seen at
once: a checkpoint with absurd values and a checksum that fits, chunks of PNG and WebP files moved and changed with sums
and lengths that fit, entries of a TIFF file's directory. What reads them must return, or raise `InputError` with one
line, within seconds. A checkpoint that was damaged and is read must hold the numbers that were written; one that was
forged, a network that predicts finite numbers.
"""

from __future__ import annotations

import argparse
import copy
import io
import json
import struct
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil

from minidrcn import DRCN
from minidrcn.data.image_io import read_image, to_array
from minidrcn.errors import InputError
from minidrcn.imaging.tiles import predict_luma
from minidrcn.model import checkpoint
from minidrcn.training import step
from minidrcn.training.config import TrainingConfig, read_config
from minidrcn.training.optim import Adam
from minidrcn.training.run_folder import COLUMNS, read_log

SECONDS = 10.0  # of processor time: more is as good as hanging
MAX_PIXELS = 4_000_000
AFRAID_OF = [
    b"\x00" * 4,
    b"\xff" * 4,
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\x80\x00\x00\x00",
    b"\x00\x00\x00\x01",
]

Reader = Callable[[Path], object]


def sound_files() -> dict[str, bytes]:
    """One small file of each kind, by name."""
    from PIL import Image

    rng = np.random.default_rng(0)
    rgb = Image.fromarray(rng.integers(0, 256, (13, 17, 3), dtype=np.uint8))
    grey16 = Image.fromarray(rng.integers(0, 65536, (9, 8), dtype=np.uint16))
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Maker"
    files = {}
    for name, image, options in (
        ("a.png", rgb, {"exif": exif, "dpi": (72, 72)}),
        ("b.png", rgb.convert("P"), {"transparency": 3}),
        ("c.png", grey16, {}),
        ("a.jpg", rgb, {"exif": exif, "icc_profile": b"no profile"}),
        ("b.jpg", rgb.convert("CMYK"), {"progressive": True}),
        ("a.tif", rgb, {"compression": "tiff_lzw"}),
        ("b.tif", grey16, {}),
        ("a.webp", rgb, {"exif": exif}),
        ("a.gif", rgb, {}),
        ("a.bmp", rgb, {}),
        ("a.ppm", rgb, {}),
        ("a.tga", rgb.convert("RGBA"), {}),
        ("a.jp2", rgb, {}),
    ):
        file = io.BytesIO()
        image.save(file, Image.registered_extensions()[Path(name).suffix], **options)
        files[name] = file.getvalue()
    with tempfile.TemporaryDirectory() as folder:
        path, model = Path(folder) / "last.npz", DRCN(3, 2)
        checkpoint.save(path, model, Adam().init(model.params), {"step": 3, "best_psnr": 30.0})
        files["last.npz"] = path.read_bytes()
        config = TrainingConfig(filters=3, recursions=2, schedule="plateau")
        step.save_state(path, step.replace(step.start(config), step=3, best_psnr=30.0), config)
        files["forged.npz"] = path.read_bytes()
    files["config.json"] = TrainingConfig().to_json().encode()
    files["log.csv"] = (
        ",".join(COLUMNS) + "\n" + "10,0.5,2.0,0.001,0.9,1.5,,\n20,0.4,2.0,0.001,0.9,3,31.5,31\n"
    ).encode()
    return files


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """One to eight random changes, half of them where headers are."""
    data = bytearray(content)
    for _ in range(int(rng.integers(1, 9)) if rng.random() < 0.5 else 1):
        if not data:
            break
        end = len(data) if rng.random() < 0.5 else min(len(data), 64)
        at, length = int(rng.integers(end)), int(rng.integers(1, 40))
        change = rng.integers(7)
        if change == 0:
            data[at] ^= 1 << int(rng.integers(8))
        elif change == 1:
            data[at] = int(rng.integers(256))
        elif change == 2:
            data[at : at + 4] = AFRAID_OF[int(rng.integers(len(AFRAID_OF)))]
        elif change == 3:
            del data[at : at + length]
        elif change == 4:
            data[at:at] = rng.bytes(length)
        elif change == 5:
            data[at:at] = data[at : at + length]
        else:
            del data[int(rng.integers(len(data))) :]
    return bytes(data)


ABSURD = (
    -1,
    0,
    1,
    7,
    10**9,
    2**63,
    10**400,
    0.5,
    -1e308,
    1e308,
    float("nan"),
    float("inf"),
    True,
    None,
    "",
    "x",
    [],
    {},
)


def forged(content: bytes, rng: np.random.Generator) -> bytes:
    """A checkpoint with one to three absurd values and a checksum that fits."""
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files if name != "checksum"}
    meta = json.loads(bytes(arrays["meta"]))
    for _ in range(int(rng.integers(1, 4))):
        if rng.random() < 0.7:
            inner = meta
            while True:  # to a random place in it
                key = list(inner)[int(rng.integers(len(inner)))]
                if not (isinstance(inner[key], dict) and inner[key]) or rng.random() < 0.1:
                    break
                inner = inner[key]
            inner[key] = copy.deepcopy(ABSURD[int(rng.integers(len(ABSURD)))])
            if rng.random() < 0.1:
                del inner[key]
            if not meta:
                break
        else:
            name = list(arrays)[int(rng.integers(len(arrays) - 1))]
            change = rng.integers(5)
            if change == 0:
                arrays[name] = arrays[name] * np.float32(10.0 ** rng.integers(0, 40))
            elif change == 1:
                arrays[name] = np.full_like(arrays[name], (np.nan, np.inf, 3e38)[int(rng.integers(3))])
            elif change == 2:
                arrays[name] = arrays[name].astype(("f8", "i4", "U3", "c8", "?")[int(rng.integers(5))])
            elif change == 3:
                arrays[name] = np.zeros((0, *arrays[name].shape))
            else:
                arrays[f"{name}/own"] = arrays[name]
    arrays["meta"] = np.frombuffer(json.dumps(meta).encode(), np.uint8)
    file = io.BytesIO()
    np.savez(file, **arrays, checksum=checkpoint._checksum(arrays))
    return file.getvalue()


def restructured(name: str, content: bytes, rng: np.random.Generator) -> bytes:
    """A PNG, WebP or TIFF file whose pieces were changed, with lengths and sums that fit."""
    if name.endswith(".tif"):
        return _retagged(content, rng)
    png = name.endswith(".png")
    head = 8 if png else 12
    chunks, at = [], head
    while at + 8 <= len(content):
        length = int.from_bytes(content[at : at + 4] if png else content[at + 4 : at + 8], "big" if png else "little")
        kind = content[at + 4 : at + 8] if png else content[at : at + 4]
        chunks.append((kind, content[at + 8 : at + 8 + length]))
        at += 12 + length if png else 8 + length + length % 2
    k, other = (int(rng.integers(len(chunks))) for _ in range(2))
    change = rng.integers(5)
    if change == 0:
        chunks[k] = (chunks[other][0], chunks[k][1])
    elif change == 1:
        chunks.insert(other, chunks[k])
    elif change == 2:
        del chunks[k]
    else:
        chunks[k] = (chunks[k][0], damaged(chunks[k][1], rng))
    if png:
        pieces = [
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
            for kind, data in chunks
        ]
        return content[:8] + b"".join(pieces)
    body = b"WEBP" + b"".join(
        kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for kind, data in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _retagged(content: bytes, rng: np.random.Generator) -> bytes:
    data = bytearray(content)
    (start,) = struct.unpack_from("<I", data, 4)
    for _ in range(int(rng.integers(1, 4))):
        entry = start + 2 + 12 * int(rng.integers(struct.unpack_from("<H", data, start)[0]))
        field, layout = ((0, "<H"), (2, "<H"), (4, "<I"), (8, "<I"))[int(rng.integers(4))]
        value = int(rng.choice([0, 1, 2, 3, 5, 6, 8, 12, 16, 32, 0xFFFF, 0x7FFFFFFF, int(rng.integers(2**16))]))
        struct.pack_into(layout, data, entry + field, value & (0xFFFF if layout == "<H" else 0xFFFFFFFF))
    return bytes(data)


def changed(name: str, content: bytes, rng: np.random.Generator) -> bytes:
    """Damage that suits the file."""
    if rng.random() < 0.05:
        return rng.bytes(int(rng.integers(400)))
    if name == "forged.npz":
        return forged(content, rng)
    if name.endswith((".png", ".tif", ".webp")) and rng.random() < 0.5:
        return restructured(name, content, rng)
    return damaged(content, rng)


def read_picture(path: Path) -> None:
    """As every command reads images."""
    to_array(read_image(path, MAX_PIXELS))


def reader(name: str, sound: bytes) -> Reader:
    """What reads a file of that name."""

    def read_checkpoint(path: Path) -> None:
        found = checkpoint.load_checkpoint(path)
        path.write_bytes(sound)
        expected = checkpoint.load_checkpoint(path)
        for name, value in expected.model.params.items():
            assert np.array_equal(found.model.params[name], value), f"{name} has other numbers"
        assert found.training == expected.training, "another state of training"

    def resume(path: Path) -> None:
        state, _ = step.load_state(path)
        predict_luma(state.averaged, np.full((5, 4), 0.5, np.float32), workers=1)

    if name == "config.json":
        return read_config
    if name == "forged.npz":
        return resume
    if name == "log.csv":
        return lambda path: read_log(path.parent)
    return read_checkpoint if name.endswith(".npz") else read_picture


def fuzz(cases: int, seed: int, folder: Path) -> tuple[Counter, list[str], float]:
    """Try damaged files: how many were read and refused, by kind; what went wrong; the slowest, in seconds."""
    rng, files = np.random.default_rng(seed), sound_files()
    names, count, wrong, slowest = list(files), Counter(), [], 0.0
    for case in range(cases):
        name = names[case % len(names)]
        path = folder / name
        path.write_bytes(changed(name, files[name], rng))
        start = time.process_time()  # other processes shall not count
        try:
            reader(name, files[name])(path)
            outcome = "read"
        except InputError as error:
            outcome = "refused"
            if "\n" in str(error):
                wrong.append(f"case {case}, {name}: more than a line: {error}")
        except Exception as error:
            outcome = "failed"
            wrong.append(f"case {case}, {name}: {type(error).__name__}: {error}")
        seconds = time.process_time() - start
        if seconds > SECONDS:
            wrong.append(f"case {case}, {name}: took {seconds:.0f} s")
        slowest = max(slowest, seconds)
        count[path.suffix, outcome] += 1
    return count, wrong, slowest


def main(argv: list[str] | None = None) -> int:
    """Print a table; exit status 1 if anything but a one-line error came of a file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    before = psutil.Process().memory_info().rss
    with tempfile.TemporaryDirectory() as folder:
        count, wrong, slowest = fuzz(args.cases, args.seed, Path(folder))
    for kind in sorted({kind for kind, _ in count}):
        print(
            f"{kind:6} {count[kind, 'read']:6} read {count[kind, 'refused']:6} refused {count[kind, 'failed']:3} failed"
        )
    grown = (psutil.Process().memory_info().rss - before) / 2**20
    print(f"{args.cases} cases, {len(wrong)} failures, slowest {slowest:.2f} s, memory {grown:+.0f} MiB")
    print(*wrong[:50], sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
