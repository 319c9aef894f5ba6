from __future__ import annotations

import io
import json
import os
import pickle
import zipfile

import numpy as np
import pytest
import standin

import minidrcn
from minidrcn import DRCN, load
from minidrcn.errors import InputError, UsageError
from minidrcn.model import checkpoint
from minidrcn.model.checkpoint import load_checkpoint, save


@pytest.fixture
def model():
    return DRCN(4, 3, seed=2, skip=True, reconstruction_relu=False, scale=3)


def test_there_and_back(model, tmp_path):
    path = tmp_path / "a.npz"
    state = {"m": {"embed1.w": np.ones((3, 3, 1, 4), "float32")}, "v": {"embed1.w": np.zeros(2)}}
    save(path, model, state, {"step": 7})
    loaded, optimiser_state, training = load_checkpoint(path)
    assert loaded.architecture == model.architecture
    assert loaded.scale == 3
    assert loaded.params.keys() == model.params.keys()
    assert all(np.array_equal(loaded.params[name], p) for name, p in model.params.items())
    assert loaded.dtype == model.dtype
    assert np.array_equal(optimiser_state["m"]["embed1.w"], state["m"]["embed1.w"])
    assert optimiser_state.keys() == {"m", "v"}
    assert training == {"step": 7}
    assert load(path).scale == 3


def test_equal_values_give_equal_files(model, tmp_path):
    for name in ("a.npz", "b.npz"):
        save(tmp_path / name, model, training={"step": 1})
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_a_network_on_the_device_is_saved_like_any_other(model, tmp_path, monkeypatch):
    save(tmp_path / "cpu.npz", model)
    standin.install(monkeypatch)
    save(tmp_path / "gpu.npz", model.to_gpu())
    assert (tmp_path / "cpu.npz").read_bytes() == (tmp_path / "gpu.npz").read_bytes()


def test_shipped_weights_and_names():
    shipped = load("x2")
    assert shipped.scale == 2
    with pytest.raises(UsageError, match="no weights 'x9' are shipped; there are: x2"):
        load("x9")
    with pytest.raises(InputError, match=r"absent\.npz: no such file"):
        load("absent.npz")


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was loaded",))


def rewritten(path, change, checksum=True):
    """The arrays of a file, changed and written back, with a checksum that fits."""
    with np.load(path) as file:
        arrays = dict(file)
    old = arrays.pop("checksum")
    meta = json.loads(bytes(arrays.pop("meta")))
    change(arrays, meta)
    arrays["meta"] = np.frombuffer(json.dumps(meta).encode(), np.uint8)
    np.savez(path, **arrays, checksum=checkpoint._checksum(arrays) if checksum else old)


def test_the_version_of_the_package_is_noted(model, tmp_path):
    save(tmp_path / "a.npz", model)
    with np.load(tmp_path / "a.npz") as file:
        assert json.loads(bytes(file["meta"]))["minidrcn"] == minidrcn.__version__


def test_a_number_that_was_changed_is_noticed(model, tmp_path):
    save(tmp_path / "a.npz", model)
    rewritten(tmp_path / "a.npz", lambda arrays, meta: None, checksum=False)
    load_checkpoint(tmp_path / "a.npz")
    for change in (
        lambda arrays, meta: arrays.update({"params/embed1.b": arrays["params/embed1.b"] + 1}),
        lambda arrays, meta: meta.update(scale=4),
    ):
        save(tmp_path / "a.npz", model)
        rewritten(tmp_path / "a.npz", change, checksum=False)
        with pytest.raises(InputError, match="no model of minidrcn's, or damaged"):
            load_checkpoint(tmp_path / "a.npz")


def test_a_file_takes_no_more_memory_than_it_is_long(model, tmp_path):
    """Neither a compressed one, which could hold terabytes, nor a header that claims more than there is."""
    path = tmp_path / "a.npz"
    np.savez_compressed(path, meta=np.zeros(10**8, np.uint8))
    with pytest.raises(InputError, match="no model of minidrcn's, or damaged"):
        load_checkpoint(path)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (10**11,)})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("meta.npy", header.getvalue() + bytes(64))
    with pytest.raises(InputError, match="no model of minidrcn's, or damaged"):
        load_checkpoint(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays, meta: meta.update(format="other"),
        lambda arrays, meta: meta.pop("architecture"),
        lambda arrays, meta: meta["architecture"].update(filters=10**12),
        lambda arrays, meta: meta["architecture"].update(filters="4"),
        lambda arrays, meta: (
            meta["architecture"].update(recursions=10**9, recursive_supervision=False),
            arrays.pop("params/ensemble.w"),
        ),
        lambda arrays, meta: meta["architecture"].update(colour=1),
        lambda arrays, meta: meta.update(scale="2"),
        lambda arrays, meta: meta.update(scale=7),
        lambda arrays, meta: arrays.pop("params/embed1.b"),
        lambda arrays, meta: arrays.update({"params/embed1.b": np.full(4, np.nan, "float32")}),
        lambda arrays, meta: arrays.update({"params/embed1.b": np.zeros(4)}),
        lambda arrays, meta: arrays.update({"params/embed1.b": np.array([Bomb()], dtype=object)}),
        lambda arrays, meta: arrays.update({"params/own": np.zeros(1, "float32")}),
        lambda arrays, meta: arrays.update({"optimiser/m/embed1.b": np.full(4, np.inf, "float32")}),
        lambda arrays, meta: arrays.update({"optimiser/m/embed1.b": np.array(["a"])}),
    ],
)
def test_tampered_files_are_refused(model, tmp_path, change):
    path = tmp_path / "a.npz"
    save(path, model)
    rewritten(path, change)
    with pytest.raises(InputError, match="no model of minidrcn's, or damaged") as raised:
        load_checkpoint(path)
    assert "\n" not in str(raised.value)


def test_files_that_are_something_else_are_refused(model, tmp_path):
    whole = tmp_path / "whole.npz"
    save(whole, model)
    contents = {
        "empty": b"",
        "text": b"no model",
        "cut": whole.read_bytes()[:500],
        "pickle": pickle.dumps(Bomb()),
        "zeros": bytes(1000),
    }
    for name, content in contents.items():
        path = tmp_path / f"{name}.npz"
        path.write_bytes(content)
        with pytest.raises(InputError, match="no model of minidrcn's"):
            load_checkpoint(path)
    np.save(tmp_path / "array.npy", np.zeros(3))
    (tmp_path / "array.npy").rename(tmp_path / "array.npz")
    with pytest.raises(InputError, match="no model of minidrcn's"):
        load_checkpoint(tmp_path / "array.npz")
    with pytest.raises(InputError, match="a folder, pipe or device; expected an"):
        load_checkpoint(tmp_path)


def test_a_newer_format_says_so(model, tmp_path):
    save(tmp_path / "a.npz", model)
    rewritten(tmp_path / "a.npz", lambda arrays, meta: meta.update(version=checkpoint.FORMAT_VERSION + 1))
    with pytest.raises(InputError, match="written by a newer minidrcn"):
        load(tmp_path / "a.npz")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no FIFOs")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.npz")
    with pytest.raises(InputError, match="a folder, pipe or device; expected an"):
        load(tmp_path / "a.npz")
