# %% [markdown]
# # 7. Recursive supervision and the skip
#
# **You will learn** the two ideas that make DRCN trainable, where two gradients meet in its backward pass, and what
# each idea contributes. **Time:** eight minutes. **You need:** lessons 4 to 6.
#
# ## Two ideas
#
# **The skip.** Input and output of super-resolution are nearly the same picture. So let the network predict only the
# difference, the *residual*: $y_d = x + f(h_d)$.
#
# **Recursive supervision.** Do not wait until the last recursion. Predict after *every* recursion, with the same two
# layers, and compare each prediction with the target. The final answer is a weighted sum of all of them, the
# *ensemble*, with weights $w_d$ that are learned as well:
#
# $$\hat y = \sum_{d=1}^{D} w_d\, y_d \qquad
# L = \alpha \underbrace{\frac{1}{D} \sum_d \tfrac12 \lVert y - y_d \rVert^2}_{\text{every prediction}}
# + (1 - \alpha) \underbrace{\tfrac12 \lVert y - \hat y \rVert^2}_{\text{their ensemble}}$$
#
# Training begins with $\alpha = 1$, so that every recursion learns to predict, and ends with 0, so that only the
# ensemble counts.

# %%
# %matplotlib inline
from dataclasses import replace

import numpy as np

from minidrcn import DRCN, plots
from minidrcn.data.datasets import image_paths
from minidrcn.data.patches import load_pair
from minidrcn.experiments import CONTRIBUTIONS
from minidrcn.grad_check import check_gradients
from minidrcn.imaging.protocol import load_sample
from minidrcn.model.loss import loss_backward, loss_forward
from minidrcn.training import study
from minidrcn.training.config import TrainingConfig
from minidrcn.training.schedules import linear_alpha

plots.lines(
    {"alpha": (range(0, 601, 20), [linear_alpha(step, 600) for step in range(0, 601, 20)])},
    "update (of 600)",
    "weight of the individual predictions",
)

# %% [markdown]
# ## The backward pass of the loss
#
# Every prediction $y_d$ influences the loss twice: directly, and through the ensemble. So its gradient has two terms:
#
# $$dy_d = \frac{\alpha}{D} (y_d - y) + w_d\, d\hat y \qquad d\hat y = (1 - \alpha) (\hat y - y)$$
#
# The gradient of the ensemble's weight $w_d$ is $\langle d\hat y, y_d \rangle$.

# %%
rng = np.random.default_rng(6)
D, alpha = 3, 0.3
ys, y, weights = rng.normal(size=(D, 1, 4, 5, 1)), rng.normal(size=(1, 4, 5, 1)), rng.normal(size=D)


def loss_of(ys, weights):
    final = sum(w_d * y_d for w_d, y_d in zip(weights, ys, strict=True))
    every = sum(0.5 * ((y - y_d) ** 2).sum() for y_d in ys) / D
    return alpha * every + (1 - alpha) * 0.5 * ((y - final) ** 2).sum()


def grads_of(ys, weights):
    final = sum(w_d * y_d for w_d, y_d in zip(weights, ys, strict=True))
    dfinal = (1 - alpha) * (final - y)
    dys = np.array([alpha / D * (y_d - y) + w_d * dfinal for w_d, y_d in zip(weights, ys, strict=True)])
    return dys, np.array([(dfinal * y_d).sum() for y_d in ys])


dys, dweights = grads_of(ys, weights)
report = check_gradients(
    lambda p: (loss_of(p["ys"], p["weights"]), {"ys": dys, "weights": dweights}), {"ys": ys, "weights": weights}
)
print(report)
assert report.ok

# %% [markdown]
# The package keeps the two terms apart: `loss_backward` gives the direct one, `network.backward` adds what comes
# through the ensemble.

# %%
final = np.tensordot(weights, ys, 1)
packaged_loss, cache = loss_forward(final, ys, y, alpha)
packaged_dfinal, direct = loss_backward(cache)
assert np.isclose(packaged_loss, loss_of(ys, weights))
assert np.allclose(direct + weights[:, None, None, None, None] * packaged_dfinal, dys)

# %% [markdown]
# ## Two gradients meet at $h_d$
#
# The map $h_d$ is used twice as well: by the next recursion, and by its own prediction. What the two send back adds up,
# as wherever a value is used more than once (in the code: `dx + dx_of_layer`). This is how a gradient reaches the first
# recursions without having to pass through all the later ones.
#
# How much reaches each recursion? Take four networks, with neither idea, with one of them and with both, and look at
# each before training and after 100 updates. The gradients are measured on one batch, with $\alpha = 0.5$.

# %%
setting = TrainingConfig(filters=16, recursions=10, batch=8, steps=100, reconstruction_relu=True)  # as in the paper
pairs = [load_pair(path, setting.scale, setting.patch) for path in image_paths("photos")]
samples = [load_sample(path, setting.scale) for path in image_paths("photos", held_out=True)]
bicubic = study.bicubic_psnr(samples)
batch = study.probe_batch(setting, pairs)

before, after, gains = {}, {}, {}
for name, options in CONTRIBUTIONS.items():
    config = replace(setting, **options)
    first, last = study.train_snapshots(config, pairs, every=100)
    before[name], after[name] = (study.gradient_norms(snapshot.model, batch) for snapshot in (first, last))
    gains[name] = study.mean_psnr(last.model, samples)[0] - bicubic
    print(f"{name:14} first/last recursion {before[name][0] / before[name][-1]:5.2f} at the start, "
          f"{after[name][0] / after[name][-1]:5.2f} trained; {gains[name]:+.2f} dB against bicubic")  # fmt: skip

# %%
depth = range(1, 11)
plots.lines({name: (depth, lengths) for name, lengths in after.items()}, "recursion d",
            "norm of the gradient, trained", log="y")  # fmt: skip

# %%
plots.bars(gains, "PSNR above bicubic (dB)")

# %% [markdown]
# Two things to see. With supervision the gradient *grows* on its way back to the first recursion, many times over,
# because every prediction on the way adds its share. And after short training the skip decides the quality: without it
# the network has to learn to copy the photograph first. Whether supervision helps cannot be told from one seed and a
# difference as small as the one between the last two bars: with a skip and the identity as a start, ten recursions can
# be trained without it.
#
# The figure for ten times as many updates, with two seeds, is in `results.md`; it is made by
# `python -m minidrcn.experiments contributions DIR --data t91 --scale 3 --steps 1000`.

# %%
assert gains["both"] > gains["basic"]
assert before["both"][0] > before["both"][-1]

# %% [markdown]
# ## The network with both, checked
#
# Everything together: loss, ensemble, supervision, skip, recursion. The gradient of every parameter is compared with
# finite differences.

# %%
model = DRCN(filters=3, recursions=4, dtype="float64", conv="im2col")
params = {name: p + 0.1 * rng.normal(size=p.shape) for name, p in model.params.items()}
x, target = rng.random((2, 2, 6, 7, 1))
report = check_gradients(lambda p: model.with_params(p).loss_and_grads(x, target, alpha=0.3), params)
print(report)
assert report.ok

# %% [markdown]
# ## To try
#
# 1. What is `dys` for $\alpha = 0$? Which of the recursions still receives a gradient directly?
# 2. Leave out `+ w_d * dfinal` in `grads_of`. What does the check report, and for which $\alpha$ would you not notice?
# 3. Train with `alpha="none"`. Do the individual predictions (second result of `study.mean_psnr`) still mean something?
