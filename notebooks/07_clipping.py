# %% [markdown]
# # 7. Clipping
#
# **You will learn** what one gradient that is too long does to a network, three ways to keep a step small, and what
# each of them does to the direction. **Time:** five minutes. **You need:** lesson 5.
#
# A recursion multiplies gradients by the same kernel D times. After the wrong step the kernel's gain is a little above
# one, the next gradient is longer, the step after it larger, and within a few updates every number is infinite.
# Clipping breaks this circle: it bounds the step, whatever the gradient.

# %%
# %matplotlib inline
import numpy as np

from minidrcn import plots
from minidrcn.data.datasets import image_paths
from minidrcn.data.patches import load_pair
from minidrcn.training import study
from minidrcn.training.config import TrainingConfig
from minidrcn.training.optim import clip_adjustable, clip_by_global_norm, clip_by_value, global_norm
from minidrcn.training.step import start, train_step

short = {"filters": 8, "recursions": 8, "batch": 8, "steps": 40, "optimiser": "sgd", "schedule": "constant"}
pairs = [load_pair(path, 2, 43) for path in image_paths("photos")]


def gradient_lengths(**options):
    config = TrainingConfig(**(short | options))
    state, lengths = start(config), []
    with np.errstate(all="ignore"):  # what overflows here is the subject of the lesson
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
# A curve that ends has left the numbers that a computer can write down.
#
# ## Three ways to clip
#
# Take a gradient with two parameters, one number each.

# %%
g = {"a": np.array([30.0]), "b": np.array([0.5])}


def direction(grads):
    return np.degrees(np.arctan2(grads["b"][0], grads["a"][0]))


by_norm, length = clip_by_global_norm(g, 10.0)
by_value = clip_by_value(g, 10.0)
adjustable = clip_adjustable(g, theta=0.1, lr=0.02)
for name, clipped in (
    ("as it is", g),
    ("by joint length, 10", by_norm),
    ("each entry, 10", by_value),
    ("rate times entry, 0.1", adjustable),
):
    values = clipped["a"][0], clipped["b"][0]
    turned = f"length {global_norm(clipped):6.3f} at {direction(clipped):.2f} degrees"
    print(f"{name:22} ({values[0]:6.3f}, {values[1]:.3f})  {turned}")

# %% [markdown]
# * **By joint length** all entries shrink by one factor, $\min(1, c / \lVert g \rVert)$: the step is shorter and
#   points where it pointed. This is what the package trains with.
# * **Entry by entry** the long entries are cut and the short ones stay: the direction turns.
# * **Adjustable**, the authors' way: an entry may be as long as $\theta / \mathrm{rate}$. A *step*, rate times
#   gradient, never moves a weight by more than $\theta$. As the rate falls, longer gradients are let through.

# %%
assert np.isclose(direction(by_norm), direction(g))
assert not np.isclose(direction(by_value), direction(g))
assert np.isclose(global_norm(by_norm), 10)
assert max(abs(value[0]) * 0.02 for value in adjustable.values()) <= 0.1

# %% [markdown]
# By hand, the first takes three lines:


# %%
def clip_by_hand(grads, limit):
    length = np.sqrt(sum((value**2).sum() for value in grads.values()))
    factor = min(1, limit / length)
    return {name: factor * value for name, value in grads.items()}


assert all(np.allclose(clip_by_hand(g, 10.0)[name], by_norm[name]) for name in g)
assert all(np.array_equal(clip_by_hand(g, 100.0)[name], g[name]) for name in g), "a short gradient is left alone"

# %% [markdown]
# ## Does it hold?
#
# The same three rates, once more, clipped. The loss is measured on one batch that is the same for all.

# %%
losses = {}
probe_config = TrainingConfig(**short)
batch = study.probe(probe_config, pairs)
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

# %% [markdown]
# Clipping is no cure for a rate that is too high: it keeps such a run alive, not good. None of these three has learned
# much in 40 updates, but each could still be saved by lowering its rate. Clipping is an insurance against the one
# batch in a thousand.
#
# ## To try
#
# 1. Repeat the first experiment with `optimiser="adam"`. Why does nothing explode? (What does Adam divide by?)
# 2. Clip at 1 and at 100 instead of 10 (`clip_limit`). Which rate profits?
# 3. Which of the three ways would you choose for plain SGD without momentum, and why does momentum change the bound on
#    a step?
