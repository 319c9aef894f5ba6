"""Data parallelism over several processes (ranks), on one machine or many: the gradients of a batch by MPI.

    mpiexec -n 4 python -m minidrcn.train --mpi

Every rank holds the whole network and computes the gradients of some of the batch's groups of images. What is left is
the sum over the groups, an all-reduce. MPI's own `Allreduce` adds in an order of its own, and addition in floating
point is not associative, so each number of ranks would give other bits. Here the sum is taken in the order of the
images: each rank gets one slice of every group's gradients, adds them up in order, and the slices are gathered.

    rank 0   groups 0 1   |  slice 0 of 0 1 2 3  ->  sum  \\
    rank 1   groups 2 3   |  slice 1 of 0 1 2 3  ->  sum  /  all of the sum, on every rank

Rank 0 leads: it alone reads options, logs, evaluates and writes. Before each update it sends the update's number; the
others draw the same patches from it, so no image travels.
"""

from __future__ import annotations

import os
import time
import zlib
from itertools import pairwise
from typing import NoReturn

import numpy as np

from .backend import Array, Arrays, get_xp, to_cpu
from .errors import InputError, UsageError
from .model.drcn import DRCN
from .parallel import by_group, groups, loss_and_grads

POLL = 0.001  # seconds between two looks for a message; waiting inside MPI keeps a core busy
COMPARE_EVERY = 100  # updates between two comparisons of all ranks' parameters
STOP = -1.0
LAUNCHERS = ("PMI_", "PMIX_", "OMPI_", "MPI_LOCAL", "SLURM_PROCID")  # what an MPI's launcher sets, or Slurm


class Ranks:
    """The processes that `mpiexec` has started. With `fast`, gradients are added by MPI's `Allreduce`, in any order.

    Raises:
        UsageError: mpi4py is not installed, or this process was not started by mpiexec.
    """

    def __init__(self, fast: bool = False) -> None:
        try:
            from mpi4py import MPI
        except (ImportError, RuntimeError) as error:
            raise UsageError('--mpi needs mpi4py and an MPI: pip install -e ".[mpi]" brings both') from error
        if not any(name.startswith(LAUNCHERS) for name in os.environ):
            raise UsageError("--mpi: this is a single process; start it as mpiexec -n 4 python -m minidrcn.train --mpi")
        self._mpi, self._comm, self.fast = MPI, MPI.COMM_WORLD, fast
        self.rank, self.size = self._comm.rank, self._comm.size
        self.local_rank = self._comm.Split_type(MPI.COMM_TYPE_SHARED).rank  # of those on this machine

    def loss_and_grads(
        self, model: DRCN, x: Array, y: Array, alpha: float = 0.5, workers: int | None = None
    ) -> tuple[Array, Arrays]:
        """`parallel.loss_and_grads`, this rank doing its part; to be called by all ranks alike."""
        if self.size == 1:
            return loss_and_grads(model, x, y, alpha, workers)
        workers = workers if model.xp is np else 1
        every = groups(model, x)
        runs = np.array_split(np.arange(len(every)), self.size)  # contiguous, and as even as can be
        mine = [every[k] for k in runs[self.rank]]
        rows = [_flat(loss, grads, model.params) for loss, grads in by_group(model, x, y, alpha, mine, workers)]
        length = 1 + sum(p.size for p in model.params.values())
        parts = np.array(rows, dtype=model.dtype).reshape(len(mine), length)
        if self.fast:
            total = parts.sum(axis=0)
            self._comm.Allreduce(self._mpi.IN_PLACE, total)
        else:
            total = self._sum_in_order(parts, [len(run) for run in runs])
        return _unflat(total, model.params)

    def _sum_in_order(self, parts: np.ndarray, counts: list[int]) -> np.ndarray:
        """The sum of all ranks' rows, first to last; `counts` says how many rows each rank has."""
        ends = np.linspace(0, parts.shape[1], self.size + 1).astype(int)  # of the slices
        lengths = np.diff(ends)
        sent = np.concatenate([parts[:, a:b].ravel() for a, b in pairwise(ends)])
        received = np.empty((sum(counts), lengths[self.rank]), parts.dtype)
        self._comm.Alltoallv(
            [sent, (len(parts) * lengths).tolist()], [received, [n * int(lengths[self.rank]) for n in counts]]
        )
        mine = np.zeros(lengths[self.rank], parts.dtype)
        for row in received:
            mine += row
        total = np.empty(parts.shape[1], parts.dtype)
        self._comm.Allgatherv(mine, [total, lengths.tolist()])
        return total

    def broadcast(self, *numbers: float) -> list[float]:
        """Rank 0's numbers, on every rank; what the others pass only says how many there are."""
        buffer = np.array(numbers, dtype=np.float64)
        self._broadcast(buffer)
        return buffer.tolist()

    def broadcast_bytes(self, contents: bytes = b"") -> bytes:
        """Rank 0's bytes, on every rank."""
        (length,) = self.broadcast(len(contents))
        buffer = bytearray(contents.ljust(int(length), b"\0"))
        self._broadcast(buffer)
        return bytes(buffer)

    def compare(self, what: str, contents: bytes) -> None:
        """To be called by all ranks: rank 0 raises InputError, and ends the others, unless all hold the same."""
        mine = np.array([zlib.crc32(contents)], dtype=np.uint32)
        every = np.empty(self.size, dtype=np.uint32)
        self._comm.Allgather(mine, every)
        other = np.flatnonzero(every != every[0])
        while len(other):
            if self.rank == 0:
                raise InputError(f"{what} of rank {other[0]} differ from rank 0's")
            time.sleep(POLL)

    def abort(self, status: int) -> NoReturn:
        """End all ranks, also those that wait for this one."""
        time.sleep(0.3)  # mpiexec may drop what was printed just before
        self._comm.Abort(status)
        raise SystemExit(status)

    def _broadcast(self, buffer: np.ndarray | bytearray) -> None:
        request = self._comm.Ibcast(buffer)
        while not request.Test():
            time.sleep(POLL)


def _flat(loss: Array, grads: Arrays, params: Arrays) -> np.ndarray:
    """The loss and the gradients of all parameters, in their order, as one row."""
    return np.concatenate([np.reshape(to_cpu(loss), 1), *(to_cpu(grads[name]).ravel() for name in params)])


def _unflat(flat: np.ndarray, params: Arrays) -> tuple[Array, Arrays]:
    """The loss and the gradients that such a row holds."""
    grads, start = {}, 1
    for name, p in params.items():
        grads[name] = get_xp(p).asarray(flat[start : start + p.size].reshape(p.shape))
        start += p.size
    return flat[0], grads
