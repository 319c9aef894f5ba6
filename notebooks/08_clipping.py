# %% [markdown]
# # 8. Clipping
#
# **You will learn** what one exploding gradient does to a network, three ways to clip gradients, and what each of
# them does to the gradient's direction. **Time:** five minutes. **You need:** lessons 5 and 6.
#
# A recursion multiplies gradients by the same kernel D times. One bad step lifts the kernel's gain a little above one;
# then the next gradient is longer, the next step larger, and within a few updates every number is infinite. Gradient
# clipping breaks this vicious circle: it bounds the step, however long the gradient.
#
# Let it happen: train a small network by SGD with momentum (lesson 5) at three learning rates, without clipping, and
# note the length of the gradient, all parameters together, at every update. (`start` makes a network and the
# optimiser's state, `train_step` does one update; lesson 9 writes it out.)

# %%
import numpy as np

from minidrcn import plots
from minidrcn.data.datasets import image_paths
from minidrcn.data.patches import load_pair
from minidrcn.training.config import TrainingConfig
from minidrcn.training.step import start, train_step

short = {"filters": 8, "recursions": 8, "batch": 8, "steps": 40, "optimiser": "sgd", "schedule": "constant"}
pairs = [load_pair(path, 2, 43) for path in image_paths("photos")]


def gradient_lengths(**options):
    config = TrainingConfig(**(short | options))
    state, lengths = start(config), []
    with np.errstate(all="ignore"):  # the overflow is the subject of this lesson
        for _ in range(config.steps):
            state, report = train_step(state, config, pairs)
            lengths.append(float(report.grad_norm))
    return np.array(lengths)


rates = (0.0001, 0.001, 0.01)
lengths = {f"rate {lr:g}": gradient_lengths(lr=lr, clip="none") for lr in rates}
for name, values in lengths.items():
    finite = np.isfinite(values)
    end = "all finite" if finite.all() else f"no longer finite at update {np.argmin(finite) + 1}"
    print(f"not clipped, {name:10} longest gradient {values[finite].max():.1e}, {end}")

# %%
plots.lines(
    {name: (np.flatnonzero(np.isfinite(v)) + 1, v[np.isfinite(v)]) for name, v in lengths.items()},
    "update",
    "length of the gradient, not clipped",
    log="y",
)

# %% [markdown]
# Where a curve ends, the numbers have left the range of floating point.
#
# ## Three ways to clip
#
# Take the gradient of two parameters, one number each.

# %%
from minidrcn.training.optim import clip_adjustable, clip_by_global_norm, clip_by_value, global_norm

g = {"a": np.array([30.0]), "b": np.array([0.5])}


def direction(grads):
    return np.degrees(np.arctan2(grads["b"][0], grads["a"][0]))


by_norm, length = clip_by_global_norm(g, 10.0)
by_value = clip_by_value(g, 10.0)
adjustable = clip_adjustable(g, theta=0.1, lr=0.02)
for name, clipped in (
    ("not clipped", g),
    ("by global norm, 10", by_norm),
    ("by value, 10", by_value),
    ("adjustable, 0.1", adjustable),
):
    values = clipped["a"][0], clipped["b"][0]
    turned = f"length {global_norm(clipped):6.3f} at {direction(clipped):.2f} degrees"
    print(f"{name:22} ({values[0]:6.3f}, {values[1]:.3f})  {turned}")

# %% [markdown]
# * **By global norm**: all entries shrink by one factor, $\min(1, c / \lVert g \rVert)$: the step gets shorter and
#   keeps its direction. The package trains with this one.
# * **By value**: large entries are cut and small ones stay, so the direction changes.
# * **Adjustable**, the authors' way: an entry may be as large as $\theta / \mathrm{rate}$, so that a *step*, rate
#   times gradient, never moves a weight by more than $\theta$ (momentum aside; this $\theta$ is a limit, not the
#   parameters of lesson 0). As the rate falls, larger entries are let through. This, too, cuts entry by entry and
#   changes the direction.

# %%
assert np.isclose(direction(by_norm), direction(g))
assert not any(np.isclose(direction(clipped), direction(g)) for clipped in (by_value, adjustable))
assert np.isclose(global_norm(by_norm), 10)
assert max(abs(value[0]) * 0.02 for value in adjustable.values()) <= 0.1
print(
    f"by norm, the direction stays at {direction(by_norm):.2f} degrees; by value it turns to {direction(by_value):.2f}, "
    f"adjustable to {direction(adjustable):.2f}"
)

# %% [markdown]
# ## Now you
#
# Write the first yourself. The length is that of *all* arrays together, as if they were one long vector. Return a new
# dict and the length before clipping, which belongs in the log.


# %%
def clip_by_global_norm(grads, max_norm):
    """Shorten a dict of gradients to max_norm if together they are longer: the new dict, and the norm before."""
    raise NotImplementedError  # your code here: three lines


# %%
from minidrcn import course

_ = course.check_clipping(clip_by_global_norm)

# %% [markdown]
# <details><summary>Hint</summary>
#
# `sum((g**2).sum() for g in grads.values())` is the square of the length. `max_norm / max(norm, max_norm)` is
# $\min(1, c / \lVert g \rVert)$, and is defined even if all gradients are zero.
#
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def clip_by_global_norm(grads, max_norm):
#     norm = np.sqrt(sum((g**2).sum() for g in grads.values()))
#     factor = max_norm / max(norm, max_norm)
#     return {name: factor * g for name, g in grads.items()}, norm
# ```
#
# </details>
#
# (Exercise 9.)

# %% [markdown]
# ## Does it help?
#
# The same three rates again, with clipping and without. The loss is measured on one batch, the same for all runs.

# %%
from minidrcn.training import study

losses = {}
probe_config = TrainingConfig(**short)
batch = study.probe_batch(probe_config, pairs)
for lr in rates:
    for clip in ("norm", "none"):
        snapshots = list(study.train_snapshots(TrainingConfig(**short, lr=lr, clip=clip), pairs, every=10))
        losses[lr, clip] = [study.probe_loss(snapshot.model, batch) for snapshot in snapshots]
        print(f"rate {lr:g}, clip {clip}: loss", " ".join(f"{value:.3g}" for value in losses[lr, clip]))

# %%
kept = {f"rate {lr:g}": (range(0, 41, 10), losses[lr, "norm"]) for lr in rates}
plots.lines(kept, "update", "loss on one batch, clipped", log="y")

# %%
assert all(np.isfinite(losses[lr, "norm"]).all() for lr in rates)
assert not np.isfinite(losses[0.01, "none"]).all()
print("with clipping all three runs stay finite, without it not all of them do")

# %% [markdown]
# Clipping does not cure a learning rate that is too high: it keeps such a run alive, but does not make it a good one.
# None of these three has learned anything in 40 updates. But a run that is alive can be saved by a lower rate: in the
# longer runs of `results.md` the loss rises to 64 and to 1.7 million at the two higher rates, and comes down again as
# the rate falls.
#
# ## To try
#
# 1. Repeat the first experiment with `optimiser="adam"`. Why does nothing explode? (What does Adam divide by?)
# 2. Clip at 1 and at 100 instead of 10 (`clip_limit`). Which rate benefits?
# 3. Which of the three ways would you choose for plain SGD without momentum, and why does momentum change the bound on
#    a step?
#
# <details><summary>Answers</summary>
#
# 1. Adam divides each gradient by its own running size, so a gradient that is a thousand times too long makes a step
#    of at most about three times the rate ($0.1 / \sqrt{0.001}$, lesson 5).
# 2. On our machine, with 1 the three runs end at losses of 0.92, 0.94 and 1.46, with 10 at 0.94, 1.35 and 35, with
#    100 at 0.99, 1.9 and 400,000: as long as gradients are clipped, a tenth of the bound does much what a tenth of
#    the rate does. The highest rate benefits most.
# 3. By global norm, which keeps the direction. With momentum 0.9 the velocity is the sum of ten steps' worth of
#    gradients, so a step can be ten times as long as the bound on one gradient says.
#
# </details>
