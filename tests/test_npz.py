from __future__ import annotations

import io
import struct
import warnings
import zipfile

import numpy as np
import pytest

from minidrcn import npz
from minidrcn.npz import read_npz

MEMBER = {"descr": "<f8", "fortran_order": False, "shape": (2,)}


def npy(header, content=bytes(64)):
    """An `.npy` file, with a header that need not be one."""
    header = str(header).encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + content


def archive(**entries):
    """An uncompressed `.npz` file that holds these bytes."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as writer:
        for name, content in entries.items():
            writer.writestr(f"{name}.npy", content)
    return file.getvalue()


def test_what_numpy_writes_is_read(rng, tmp_path):
    arrays = {
        "x": rng.standard_normal((2, 3)),
        "folder/y": np.asfortranarray(rng.standard_normal((3, 2)).astype("float32")),
        "none": np.zeros((0, 3)),
        "one": np.array(7),
        "text": np.array(["ä", "bc"]),
    }
    np.savez(tmp_path / "a.npz", **arrays)
    for file in (tmp_path / "a.npz", str(tmp_path / "a.npz"), io.BytesIO((tmp_path / "a.npz").read_bytes())):
        read = read_npz(file)
        assert list(read) == list(arrays)
        for name, array in arrays.items():
            assert read[name].dtype == array.dtype
            assert np.array_equal(read[name], array)


def test_compressed_files_are_refused(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros(10**7))
    with pytest.raises(ValueError, match="compressed"):
        read_npz(tmp_path / "a.npz")


def test_entries_that_share_their_bytes_are_refused():
    """A hundred names for the same megabyte would take a hundred megabytes."""
    file = bytearray(archive(a=npy(MEMBER | {"shape": (10**6,)}, bytes(8 * 10**6))))
    start = file.index(b"PK\x01\x02")
    end = file.index(b"PK\x05\x06")
    entry = file[start:end]
    many = file[:start] + entry * 100 + file[end:]
    last = many.index(b"PK\x05\x06")
    many[last + 8 : last + 16] = struct.pack("<HHI", 100, 100, 100 * len(entry))
    assert len(zipfile.ZipFile(io.BytesIO(many)).infolist()) == 100
    with pytest.raises(ValueError, match="overlap"):
        read_npz(io.BytesIO(many))


@pytest.mark.parametrize(
    "header",
    [
        MEMBER | {"shape": (9,)},
        MEMBER | {"shape": (10**11,)},
        MEMBER | {"shape": (10**30,)},
        MEMBER | {"shape": (-1,)},
        MEMBER | {"descr": "<U0", "shape": (10**13,)},
        MEMBER | {"descr": "|O"},
        MEMBER | {"descr": "<f9"},
        MEMBER | {"descr": [("a", "<f8"), ("a", "<f8")]},
        MEMBER | {"more": 1},
        "{'descr': (",
        "'" * 3,
        "(" * 5000,
        "1 +",
        "",
    ],
)
def test_headers_that_promise_too_much_or_nothing_are_damage(header):
    with pytest.raises(ValueError, match="damaged"):
        read_npz(io.BytesIO(archive(a=npy(header))))


def test_a_file_of_python_2_is_read_without_a_word():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read = read_npz(io.BytesIO(archive(a=npy(str(MEMBER).replace("2,", "2L,")))))
    assert np.array_equal(read["a"], np.zeros(2))


def test_every_cut_and_what_is_no_archive_is_damage():
    whole = archive(a=npy(MEMBER), b=npy(MEMBER))
    assert set(read_npz(io.BytesIO(whole))) == {"a", "b"}
    for length in range(len(whole)):
        with pytest.raises(ValueError, match="damaged"):
            read_npz(io.BytesIO(whole[:length]))
    for content in (b"nonsense", npy(MEMBER)):
        with pytest.raises(ValueError, match="damaged"):
            read_npz(io.BytesIO(content))


def test_no_file_is_no_damage(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_npz(tmp_path / "no.npz")


def test_a_list_of_very_many_entries_is_refused_before_it_is_read(monkeypatch):
    whole = bytearray(archive(a=npy(MEMBER)))
    many = struct.pack("<I", npz.DIRECTORY_BYTES + 1)
    monkeypatch.setattr(npz.zipfile, "ZipFile", pytest.fail)
    for end in (whole[-22:-10] + many + whole[-6:], whole[-22:-2] + b"\1\0 ", whole[-22:]):
        locator = b"PK\6\7" + bytes(16)
        with pytest.raises(ValueError, match=r"damaged: (too many entries|no archive, or one with a comment)"):
            read_npz(io.BytesIO(whole[:-22] + locator + end))
