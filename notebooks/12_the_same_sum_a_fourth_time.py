# %% [markdown]
# # 12. The same sum, a fourth time
#
# **You will learn** how several machines train one network (*data parallelism*), why the order of a sum decides
# whether a run can be repeated, how to keep that order with an all-to-all and an all-gather, and what it costs.
# **Time:** nine minutes. **You need:** lessons 4, 5 and 11. You do not need a second machine, nor MPI (the usual
# library for programs that run as several processes): the ranks are simulated.
#
# A kernel's gradient was a sum over pixels in lesson 3, over the D uses of a weight in lesson 4, and in lesson 11 over
# the images of a batch, which threads share. The next place for the same sum is other machines: each process (*rank*)
# has the whole network and computes the gradients of some of the images, and then the ranks add up what they have. Such
# a sum, with its result on every rank, is an *all-reduce*.
#
# ## Addition is not associative
#
# A float32 keeps 24 binary digits. Near $10^8$ the numbers that it can hold are 8 apart:

# %%
import numpy as np

a, b, c = np.float32([1e8, -1e8, 1])
print("(a + b) + c =", (a + b) + c)
print("a + (b + c) =", a + (b + c))
assert (a + b) + c != a + (b + c)

# %% [markdown]
# That is an extreme case. What about gradients? Take the first batch of a network of the shipped size, 16 patches. The
# package sends them through the network in groups (here, two patches each), and each group's gradients become one row:

# %%
from minidrcn.data.datasets import image_paths
from minidrcn.data.patches import load_pair
from minidrcn.parallel import by_group, groups
from minidrcn.training.config import TrainingConfig
from minidrcn.training.step import batch, start

config = TrainingConfig(filters=64, batch=16)
pairs = [load_pair(path, config.scale, config.patch) for path in image_paths("photos")]
state = start(config)
x, y = batch(state, config, pairs)


def rows_of_groups(model, x, y, alpha):
    """The gradients of all groups of a batch, (groups, parameters)."""
    shares = by_group(model, x, y, alpha, groups(model, x))
    return np.array([np.concatenate([g.ravel() for g in grads.values()]) for _, grads in shares])


def in_order(rows):
    total = np.zeros_like(rows[0])
    for row in rows:
        total = total + row
    return total


rows = rows_of_groups(state.model, x, y, 0.5)
forwards, backwards = in_order(rows), in_order(rows[::-1])
different = np.mean(forwards != backwards)
error = np.abs(forwards - backwards).max() / np.abs(forwards).max()
print(f"{rows.shape[0]} groups, {rows.shape[1]:,} gradients each")
print(f"first to last or last to first: {different:.0%} of the sums differ, by up to {error:.0e} of the largest")
assert not np.array_equal(forwards, backwards)
assert error < 1e-6

# %% [markdown]
# Neither of the two is more correct than the other, but they differ, and training carries the difference on from update
# to update.
#
# ## Sum per rank, then sum the ranks
#
# This is what first comes to mind: each rank takes a run of consecutive groups and adds up their gradients; then the
# ranks' sums are added. How many of the results have other bits than the sum that one process takes?


# %%
from minidrcn import plots


def sum_per_rank(rows, ranks):
    return in_order([in_order(run) for run in np.array_split(rows, ranks)])


changed = {f"{R} ranks" if R > 1 else "1 rank": 100 * np.mean(sum_per_rank(rows, R) != forwards) for R in range(1, 9)}
plots.bars(changed, "per cent of the gradients with other bits than one process's", ".0f")

# %% [markdown]
# From 2 to 6, every number of ranks gives other bits. (With 8 each has a single group, and with 7 only the first has
# two: then the additions are those of one process.) MPI's own `Allreduce` is free to choose yet another order.
#
# So a run on three machines could not be repeated on two, and a failure seen on a cluster could not be reproduced on a
# laptop.
#
# ## The same order for any number of ranks
#
# The additions of one parameter must be done in the order of the groups, but different parameters have nothing to do
# with each other. So let each rank do *all* the additions of *some* of the parameters. `minidrcn/distributed.py` takes
# three steps:
#
# 1. **All-to-all.** The gradients are cut into as many slices as there are ranks. Rank $r$ is sent slice $r$ of every
#    group's gradients.
# 2. **Sum.** Each rank adds up its slice, in the order of the groups.
# 3. **All-gather.** Each rank sends its slice of the sum to all others.
#
# On one machine, a list with an entry for each rank can play the ranks:


# %%
from itertools import pairwise


def all_to_all(rows_of_rank):
    ends = np.linspace(0, rows_of_rank[0].shape[1], len(rows_of_rank) + 1).astype(int)
    return [np.concatenate([rows[:, start:end] for rows in rows_of_rank]) for start, end in pairwise(ends)]


def all_gather(sum_of_rank):
    return [np.concatenate(sum_of_rank) for _ in sum_of_rank]


def sum_by_slices(rows, ranks):
    received = all_to_all(np.array_split(rows, ranks))
    return all_gather([in_order(slices) for slices in received])


# %% [markdown]
# Watch it with three ranks, six groups and six parameters. 25 is what group 2 contributes to parameter 5. What a rank
# sends away is marked:

# %%
R = 3
small = np.array([[10 * group + parameter for parameter in range(1, 7)] for group in range(1, 7)])
computed = np.array_split(small, R)
slice_of = np.arange(6) // 2


def panels(title, matrices, marked):
    return [(f"rank {r} {title}", m, np.broadcast_to(marked(r), m.shape)) for r, m in enumerate(matrices)]


plots.matrices(panels("has computed", computed, lambda r: slice_of != r))

# %% [markdown]
# After the all-to-all each rank has two columns of all groups. What it was sent is marked; only two rows are its own:

# %%
received = all_to_all(computed)
plots.matrices(panels("now has", received, lambda r: (slice_of != r)[:, None]))

# %% [markdown]
# Each adds up its columns from top to bottom. The all-gather then brings it the sums of the others, marked again:

# %%
sums = [in_order(slices) for slices in received]
plots.matrices(panels("ends with", [total[None] for total in all_gather(sums)], lambda r: slice_of != r))

# %% [markdown]
# Now the real gradients. Every rank ends with the bits that one process gets:

# %%
from minidrcn.parallel import loss_and_grads

_, grads = loss_and_grads(state.model, x, y, 0.5)
one_process = np.concatenate([g.ravel() for g in grads.values()])
for R in (1, 2, 3, 4, 8):
    assert all(np.array_equal(total, one_process) for total in sum_by_slices(rows, R))
print("1, 2, 3, 4 or 8 ranks: the same bits, on every rank")

# %% [markdown]
# With MPI, the slices of an array lie one behind the other, and their lengths are passed along. (The `v` in `Alltoallv`
# stands for slices that vary in length.) The loss travels as one more number:

# %%
import inspect

from minidrcn.distributed import Ranks

print(inspect.getsource(Ranks._sum_in_order))

# %% [markdown]
# ## Does it matter?
#
# Train a tiny network, with the sum taken in both ways, and follow how far the parameters are from those of one
# process:

# %%
from minidrcn.training.step import train_step

tiny = TrainingConfig(filters=8, recursions=4, batch=6, patch=24, steps=100)


def parameters_of_run(add):
    def gradient(model, x, y, alpha, workers):
        total = add(rows_of_groups(model, x, y, alpha))
        cuts = np.cumsum([p.size for p in model.params.values()])[:-1]
        parts = zip(model.params.items(), np.split(total, cuts), strict=True)
        return 0.0, {name: part.reshape(p.shape) for (name, p), part in parts}

    state, every = start(tiny), []
    for _ in range(tiny.steps):
        state, _ = train_step(state, tiny, pairs, 1, gradient)
        every.append(np.concatenate([p.ravel() for p in state.model.params.values()]))
    return np.array(every)


alone = parameters_of_run(in_order)
per_rank = {R: parameters_of_run(lambda rows, R=R: sum_per_rank(rows, R)) for R in (2, 3)}
by_slices = parameters_of_run(lambda rows: sum_by_slices(rows, 3)[0])
updates = range(1, tiny.steps + 1)
drift = {R: np.abs(run - alone).max(axis=1) for R, run in per_rank.items()}
assert np.array_equal(by_slices, alone)
assert all(distance[-1] > 0 for distance in drift.values())
print("by slices, 3 ranks: distance 0 after every update")
plots.lines(
    {f"sum per rank, {R} ranks": (updates, distance) for R, distance in drift.items()},
    "update",
    "largest difference of a parameter",
    log="y",
)

# %% [markdown]
# The runs begin with a difference in the last bit; after 100 updates it is millions of times as large. (Adam divides
# a gradient by its usual size, so where gradients are almost zero, their rounding errors alone make whole steps.)
# Each of these networks is as good as the others. But whoever looks for a mistake, or wants to know what a changed
# option does, needs a second run that differs in nothing else.
#
# ## What is sent
#
# Let the network have $P$ parameters and the batch $G$ groups, on $R$ ranks. A rank sends $R - 1$ slices of $P / R$
# numbers for each of its $G / R$ groups, then its slice of the sum to $R - 1$ others:
#
# $$\text{in order: } \frac{R-1}{R} \left(\frac{G}{R} + 1\right) P
# \qquad\qquad \text{ring all-reduce: } 2\, \frac{R-1}{R}\, P$$
#
# In a ring, each rank adds up its own groups first. Then each slice goes round once to be added up, starting at a
# different rank, and once more to be handed out. No all-reduce sends less, but the order of the additions depends on
# $R$. Both ways send once per update, when all gradients are there; with as many ranks as groups they send the same
# amount.
#
# What follows is computed, not measured: four bytes a number, and $G / R$ rounded up, for the rank with most groups.

# %%
from minidrcn import DRCN

sizes = {"F = 64, batch 16": (64, 9, 16, (1, 2, 4, 8)), "F = 256, batch 64": (256, 16, 64, (1, 2, 4, 8, 16, 32, 64))}


def sent_in_order(P, G, R):
    return 4 * (R - 1) / R * (-(-G // R) + 1) * P  # -(-G // R) is G / R rounded up


def sent_in_ring(P, G, R):
    return 4 * 2 * (R - 1) / R * P


counted, curves = {}, {}
for name, (F, D, patches, ranks) in sizes.items():
    model, images = DRCN(filters=F, recursions=D), np.empty((patches, 43, 43, 1), np.float32)
    P, G = sum(p.size for p in model.params.values()), len(groups(model, images))
    multiplications = 9 * F + 9 * F * F + D * 9 * F * (F + 9)  # per pixel, the reconstruction folded as in lesson 11
    counted[name] = P, G, 3 * 2 * multiplications * images.size  # backward costs twice what forward does
    print(f"{name}: {P:,} parameters, {G} groups, {counted[name][2] / 1e9:,.0f} billion operations an update")
    for way, function in (("in order", sent_in_order), ("ring", sent_in_ring)):
        curves[f"{name}, {way}"] = ranks[1:], [function(P, G, R) / 1e6 for R in ranks[1:]]

sent_away = rows[:4, rows.shape[1] // 2 :].nbytes + one_process[: rows.shape[1] // 2].nbytes  # by rank 0 of 2, above
assert sent_in_order(*counted["F = 64, batch 16"][:2], 2) == sent_away
plots.lines(curves, "ranks", "MB sent per update (computed)", log="y")

# %% [markdown]
# Few ranks pay most for the order, since each has many groups to send. Is that a lot? It depends on how much there is
# to compute for each byte. Each rank computes $1 / R$ of the batch, but what it sends shrinks more slowly than that,
# and in a ring it even grows.

# %%
print("operations per byte sent, computed")
for name, (P, G, operations) in counted.items():
    for R in (2, 4, 8):
        ratios = [operations / R / function(P, G, R) for function in (sent_in_order, sent_in_ring)]
        print(f"{name:18} {R} ranks: in order {ratios[0]:8,.0f}, ring {ratios[1]:8,.0f}")

# %% [markdown]
# Compare that with what machines can do. Suppose that a core computes 50 billion operations a second, a GPU 10,000
# billion, and that the link between them carries 1 Gbit/s, 125 MB. So while one byte is sent, a core computes 400
# operations and a GPU 80,000. Whoever has fewer operations than that for each byte spends more time sending than
# computing. Hence the speedup, computed once more:


# %%
def seconds(name, R, speed, link=125e6):
    P, G, operations = counted[name]
    return operations * -(-G // R) / G / speed + sent_in_order(P, G, R) / link


ranks = range(1, 17)
speedup = {
    f"{name}, {kind}": (ranks, [seconds(name, 1, speed) / seconds(name, R, speed) for R in ranks])
    for name, kind, speed in (
        ("F = 64, batch 16", "cores", 50e9),
        ("F = 256, batch 64", "cores", 50e9),
        ("F = 64, batch 16", "GPUs", 1e13),
        ("F = 256, batch 64", "GPUs", 1e13),
    )
}
plots.lines(speedup | {"as many times as ranks": (ranks, ranks)}, "ranks", "speedup (computed)")

# %% [markdown]
# The batch of 16 stops scaling for two reasons. It has eight groups: five ranks are no faster than four, because one
# of them still has two groups, and a ninth has nothing to do. And the faster a rank computes, the more of its time
# goes into sending: with 1 Gbit/s between them, eight GPUs are no faster than one with this network.
#
# What would help? A faster link, of course, and more recursions, which compute more with the same parameters. More
# patches help a ring; in order, they are also more groups to send. Width alone does not help, because operations and
# parameters both grow with $F^2$. Where a run need not be repeated bit for bit, `--mpi-sum fast` uses MPI's own
# all-reduce.
#
# ## What else must be the same
#
# The gradients are the same on every rank; the parameters remain so only if everything else is.
#
# * **The start.** Rank 0 sends its whole state, as it would save it.
# * **The patches.** They are drawn from the seed and the number of the update. Rank 0 sends the number, each rank draws
#   the whole batch and takes its groups; no image travels.
# * **The learning rate.** With `--schedule plateau` it depends on the validation, which only rank 0 does, so it is sent
#   with the number.
# * **The rounding.** The versions of the package and of NumPy are compared at the start. Only machines of one kind give
#   the same bits for any number of ranks, since BLAS chooses its code by the processor.
#
# Every hundred updates the ranks compare *checksums* of their parameters, short numbers computed from all bits, and
# the run ends if they differ. One bit is enough:

# %%
import zlib
from dataclasses import replace

other_rank = start(config)
assert all(np.array_equal(p, state.model.params[name]) for name, p in other_rank.model.params.items())
assert np.array_equal(batch(other_rank, config, pairs)[0], x)
assert not np.array_equal(batch(replace(other_rank, step=1), config, pairs)[0], x)


def checksum(params):
    return zlib.crc32(b"".join(p.tobytes() for p in params.values()))


w = state.model.params["recursion.w"].copy()
w[0, 0, 0, 0] = np.nextafter(w[0, 0, 0, 0], np.float32(1))  # the next larger number
print(f"rank 0: {checksum(state.model.params):08x}")
print(f"a rank with one other bit: {checksum(state.model.params | {'recursion.w': w}):08x}")
assert checksum(state.model.params) == checksum(other_rank.model.params)
assert checksum(state.model.params) != checksum(state.model.params | {"recursion.w": w})

# %% [markdown]
# And if one rank fails? The others would wait for its gradients for ever, so all of them end: a rank that meets an
# error aborts the whole run, and when one is killed, `mpiexec` ends the rest. Nothing is lost but the updates since the
# last checkpoint. Rank 0 alone writes it, to a new file that replaces the old one once it is complete, so the
# checkpoint is whole at any moment. `--resume` goes on from there to the same bits, with as many ranks as are left.
#
# ## For real
#
# ```
# pip install -e ".[mpi]"
# mpiexec -n 4 python -m minidrcn.train --mpi
# ```
#
# On one machine the threads of lesson 11 do the same with less effort. For several, tell `mpiexec` their names (with
# MPICH, `-hosts a,b`); each needs the package and the photographs.
#
# ## To try
#
# 1. Write the ring all-reduce with a list for the ranks: $R - 1$ steps in which each rank sends one slice to its
#    neighbour, who adds its own, and $R - 1$ in which finished slices are passed on. Do all ranks end with the same
#    bits? Are they those of another $R$?
# 2. Suppose that rank 1 draws its patches from a wrong seed. Do the checksums find out? Does the loss?
# 3. Add the groups in pairs, then the pairs in pairs, and so on: a tree that depends on $G$ alone. Which of these
#    additions can a rank do before it sends anything, if $R$ divides $G$ and both are powers of two? How much is then
#    sent, with the same bits for all such $R$?
#
# <details><summary>Answers</summary>
#
# 1. All ranks end with the same bits, since each slice is added up once and then copied. But every slice begins its
#    round at another rank, so its groups are added in another order, which depends on R: another R gives other bits.
# 2. Neither. The wrong gradients are summed and handed out like right ones, so all ranks keep the same parameters, and
#    the loss of other patches looks like any loss. Only a comparison with one process finds it.
# 3. With $G / R$ consecutive groups, a power of two, a rank can do all additions of the tree below its own node. It
#    then sends one sum instead of $G / R$ rows: $2 \frac{R - 1}{R} P$ numbers, as in a ring.
#
# </details>
