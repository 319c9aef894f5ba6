# %% [markdown]
# # 9. Train a small DRCN
#
# **You will learn** to put the pieces together: patches, loss, gradients, clipping, Adam, a falling learning rate; and
# to read a training curve. **Time:** six minutes, one of them computing. **You need:** lessons 1 to 8.
#
# `python -m minidrcn.train` does all this with checkpoints, a log and a progress bar. Here the loop is written out.
#
# ## What the network sees
#
# Patches of 43 x 43 pixels, cut from the training photographs at random positions. Each is rotated and mirrored in one
# of eight ways (*data augmentation*: a turned photograph is a photograph, too, so there are eight times as many
# examples). The upper row shows inputs $x$, with the blur of bicubic interpolation, the lower row the targets $y$.

# %%
import numpy as np

from minidrcn import plots
from minidrcn.data.datasets import image_paths
from minidrcn.data.patches import draw_batch, load_pair
from minidrcn.imaging.protocol import load_sample
from minidrcn.training import study

SCALE, PATCH, BATCH, STEPS = 2, 43, 16, study.updates(120)

pairs = [load_pair(path, SCALE, PATCH) for path in image_paths("photos")]
samples = [load_sample(path, SCALE) for path in image_paths("photos", held_out=True)]
print(len(pairs), "photographs to train on,", len(samples), "to validate on")
x, y = draw_batch(pairs, 3, PATCH, np.random.default_rng(0))
plots.feature_maps(
    {f"x {n}": x[n, :, :, 0] for n in range(3)} | {f"y {n}": y[n, :, :, 0] for n in range(3)},
    alt="three small pieces of photographs, blurred in the upper row and sharp in the lower",
)

# %% [markdown]
# ## The network before training

# %%
from minidrcn import DRCN
from minidrcn.imaging.protocol import measure
from minidrcn.imaging.tiles import predict_luma

model = DRCN(filters=16, recursions=6, seed=0, scale=SCALE)
print(sum(p.size for p in model.params.values()), "parameters")


def mean_psnr(model):
    return np.mean([measure(predict_luma(model, sample.x), sample).psnr for sample in samples])


bicubic = np.mean([measure(sample.x, sample).psnr for sample in samples])
print(f"bicubic {bicubic:.2f} dB, the network {mean_psnr(model):.2f} dB")
assert abs(mean_psnr(model) - bicubic) < 0.05

# %% [markdown]
# The last kernel starts small, so the skip passes the input through almost unchanged: training begins at bicubic's
# quality.
#
# ## Two schedules
#
# The learning rate rises at first (*warm-up*, because Adam's first steps have full length whatever the gradient,
# lesson 5) and then falls to zero along half a cosine, because Adam's steps do not shrink by themselves. And
# $\alpha$, the weight of the single predictions in the loss, falls from 1 to 0 over the first half. (Lesson 7; the
# paper says only that it decays.)

# %%
from minidrcn.training.schedules import cosine_rate, linear_alpha

updates = range(0, STEPS, 4)
rates = [cosine_rate(step, STEPS, 1.0, warmup=20) for step in updates]
alphas = [linear_alpha(step, STEPS) for step in updates]
plots.lines(
    {"learning rate / its highest": (updates, rates), "alpha": (updates, alphas)},
    "update",
    "share of the highest value",
)

# %% [markdown]
# ## The loop
#
# Six lines. All random numbers come from a generator seeded with the seed and the step number.

# %%
from minidrcn.parallel import loss_and_grads
from minidrcn.training.optim import Adam, clip_by_global_norm

adam = Adam()
state, log = adam.init(model.params), []
for step in range(STEPS):
    x, y = draw_batch(pairs, BATCH, PATCH, np.random.default_rng((0, step + 1)))
    lr, alpha = cosine_rate(step, STEPS, 2e-3, warmup=20), linear_alpha(step, STEPS)
    loss, grads = loss_and_grads(model, x, y, alpha)  # the batch's images, spread over all cores
    grads, norm = clip_by_global_norm(grads, 10.0)
    params, state = adam.step(model.params, grads, state, lr, step + 1)
    model = model.with_params(params)

    row = {"step": step + 1, "loss": float(loss), "grad_norm": float(norm), "psnr": None, "psnr_bicubic": None}
    if (step + 1) % 20 == 0:
        row |= {"psnr": mean_psnr(model), "psnr_bicubic": bicubic}
        print(f"update {step + 1:3}  loss {row['loss']:.3f}  {row['psnr'] - bicubic:+.2f} dB against bicubic")
    log.append(row)

# %%
plots.training_curve(log)

# %% [markdown]
# The loss of single batches (grey) jumps up and down: a batch of grass is harder than one of sky. Their running mean
# (blue) shows the trend. In the first half, $\alpha$ also changes what this loss measures. What counts is the first
# plot, measured on photographs that the network was not trained on: if the loss falls and this one does not rise, the
# network is overfitting. The third is the length of the gradient: in the first 25 updates or so it is above 10 and is
# clipped, later it is left as it is.
#
# `minidrcn.training.step.train_step` is the same loop body, driven by a `TrainingConfig`. Same seed, same numbers, to
# the last bit:

# %%
from minidrcn.training.config import TrainingConfig
from minidrcn.training.step import start, train_step

config = TrainingConfig(filters=16, recursions=6, steps=STEPS)
packaged = start(config)
for _ in range(2):
    packaged, report = train_step(packaged, config, pairs)
assert float(report.loss) == log[1]["loss"]
assert float(report.grad_norm) == log[1]["grad_norm"]
print(f"the second update of the package's training has the loss {float(report.loss)}, as in the loop above")

# %% [markdown]
# ## Look at it
#
# This is the part of the photograph where the error fell most.

# %%
from minidrcn.imaging.comparison import comparison

photograph = samples[1]
prediction = predict_luma(model, photograph.x)
comparison(photograph, prediction)

# %% [markdown]
# What is still wrong there: red where the result is too bright, blue where it is too dark.

# %%
truth = photograph.target / 255
piece = plots.most_improved(photograph.x, prediction, truth)
errors = {"error of bicubic": photograph.x - truth, "error of the network": prediction - truth}
plots.feature_maps(
    {name: error[piece] for name, error in errors.items()},
    symmetric=True,
    columns=2,
    alt="the error of bicubic interpolation, strong red and blue rims along every edge, and the paler one of the network",
)

# %%
assert np.square(prediction - truth)[piece].sum() < np.square(photograph.x - truth)[piece].sum()
gain = mean_psnr(model) - bicubic
print(f"{gain:+.2f} dB against bicubic after {STEPS} updates")
assert gain > 0.7

# %% [markdown]
# ## Now you
#
# Write the training yourself, as short as can be: go through the `batches` once, with Adam at a rate of 0.003, alpha
# 0.5, and the gradients clipped at length 10. `model.with_params(p)` is the network with other parameters, and
# `.loss_and_grads(x, y, alpha=0.5)` gives its loss and gradients. Exercise 11 asks for the same with *your* convolution
# in the network: `DRCN(..., conv=(conv2d_forward, conv2d_backward))`.


# %%
def train(params, batches):
    """From the parameters of a DRCN(filters=8, recursions=3) and pairs (x, y): the trained parameters."""
    raise NotImplementedError  # your code here


# %%
from minidrcn import course

_ = course.check_training(train)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def train(params, batches):
#     model = DRCN(filters=8, recursions=3)
#     adam = Adam()
#     state = adam.init(params)
#     for step, (x, y) in enumerate(batches, start=1):
#         _, grads = model.with_params(params).loss_and_grads(x, y, alpha=0.5)
#         grads, _ = clip_by_global_norm(grads, 10.0)
#         params, state = adam.step(params, grads, state, 0.003, step)
#     return params
# ```
#
# </details>
#
# ## To try
#
# 1. Try ten times the learning rate, and a tenth of it. Which of the three plots of the training curve shows the
#    problem first?
# 2. Leave out the data augmentation (draw from `pairs` with a function of your own). With seven photographs, does it
#    matter? With 120 updates?
# 3. Set `alpha = 0` throughout. Is the ensemble worse?
# 4. `python -m minidrcn.train --filters 32 --recursions 9` trains a larger network for five times as many updates. How
#    much better is it?
#
# <details><summary>Answers</summary>
#
# 1. On our machine, ten times the rate ends at +0.01 dB, a tenth at +0.50, instead of +1.01. The first plot shows it
#    at once; in the loss of single batches both are hard to tell from chance.
# 2. With 120 updates, hardly: 1920 random patches of seven photographs overlap, but few are seen twice. It matters when
#    training goes on for hours.
# 3. No: +1.00 dB. But the first prediction by itself is 0.25 dB below bicubic instead of 0.70 above.
# 4. +1.61 dB, the quick start of the README.
#
# </details>
