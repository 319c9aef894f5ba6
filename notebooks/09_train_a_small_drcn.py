# %% [markdown]
# # 9. Train a small DRCN
#
# **You will learn** to put the pieces together: patches, loss, gradients, clipping, Adam, a falling learning rate; and
# to read a training curve. **Time:** six minutes, one of them computing. **You need:** lessons 1 to 8.
#
# `python -m minidrcn.train` does all this with checkpoints, a log and a progress bar. Here the loop is written out.

# %%
# %matplotlib inline
import numpy as np

from minidrcn import DRCN, plots
from minidrcn.data.datasets import image_paths
from minidrcn.data.patches import draw_batch, load_pair
from minidrcn.imaging.comparison import comparison
from minidrcn.imaging.protocol import load_sample, measure
from minidrcn.imaging.tiles import predict_luma
from minidrcn.parallel import loss_and_grads
from minidrcn.training import study
from minidrcn.training.config import TrainingConfig
from minidrcn.training.optim import Adam, clip_by_global_norm
from minidrcn.training.schedules import cosine_rate, linear_alpha
from minidrcn.training.step import start, train_step

SCALE, PATCH, BATCH, STEPS = 2, 43, 16, 120

pairs = [load_pair(path, SCALE, PATCH) for path in image_paths("photos")]
samples = [load_sample(path, SCALE) for path in image_paths("photos", held_out=True)]
print(len(pairs), "photographs to train on,", len(samples), "to validate on")

# %% [markdown]
# ## What the network sees
#
# Patches of 43 x 43 pixels, cut at random positions, and rotated and mirrored in one of eight ways (data augmentation).
# The upper row shows inputs, with the blur of bicubic interpolation, the lower row the targets.

# %%
x, y = draw_batch(pairs, 6, PATCH, np.random.default_rng(0))
plots.feature_maps({f"x {n}": x[n, :, :, 0] for n in range(6)} | {f"y {n}": y[n, :, :, 0] for n in range(6)})

# %% [markdown]
# ## The network before training

# %%
model = DRCN(filters=16, recursions=6, seed=0, scale=SCALE)
print(sum(p.size for p in model.params.values()), "parameters")


def mean_psnr(model):
    return np.mean([measure(predict_luma(model, sample.x), sample).psnr for sample in samples])


bicubic = study.bicubic_psnr(samples)
print(f"bicubic {bicubic:.2f} dB, the network {mean_psnr(model):.2f} dB")
assert abs(mean_psnr(model) - bicubic) < 0.05

# %% [markdown]
# The last kernel starts small, so the skip passes the input through almost unchanged: training begins at bicubic's
# quality.
#
# ## The loop
#
# Six lines. All random numbers come from a generator seeded with the seed and the step number.

# %%
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
# The loss of single batches jumps up and down: a batch of grass is harder than one of sky. What counts is the left
# plot, measured on photographs that the network was not trained on.
#
# `minidrcn.training.step.train_step` is the same loop body, driven by a `TrainingConfig`. Same seed, same numbers, to
# the last bit:

# %%
config = TrainingConfig(filters=16, recursions=6, steps=STEPS)
packaged = start(config)
for _ in range(2):
    packaged, report = train_step(packaged, config, pairs)
assert float(report.loss) == log[1]["loss"]
assert float(report.grad_norm) == log[1]["grad_norm"]
print("the second update of the package's training has the loss", float(report.loss))

# %% [markdown]
# ## Look at it
#
# This is the part of the photograph where the error fell most.

# %%
photograph = samples[0]
prediction = predict_luma(model, photograph.x)
comparison(photograph, prediction)

# %% [markdown]
# What is still wrong there: red where the result is too bright, blue where it is too dark.

# %%
truth = photograph.target / 255
piece = plots.most_improved(photograph.x, prediction, truth)
errors = {"error of bicubic": photograph.x - truth, "error of the network": prediction - truth}
plots.feature_maps({name: error[piece] for name, error in errors.items()}, symmetric=True, columns=2)

# %%
assert np.square(prediction - truth)[piece].sum() < np.square(photograph.x - truth)[piece].sum()
gain = mean_psnr(model) - bicubic
print(f"{gain:+.2f} dB against bicubic after {STEPS} updates")
assert gain > 0.7

# %% [markdown]
# ## To try
#
# 1. Try ten times the learning rate, and a tenth of it. Which of the three plots of the training curve shows the
#    problem first?
# 2. Leave out the data augmentation (draw from `pairs` with a function of your own). With seven photographs, does it
#    matter? With 120 updates?
# 3. Set `alpha = 0` throughout. Is the ensemble worse?
# 4. `python -m minidrcn.train --filters 32 --recursions 9` trains a larger network for five times as many updates. How
#    much better is it?
