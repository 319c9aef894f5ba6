# %% [markdown]
# # 8. Train a small DRCN
#
# **You will learn** to put the pieces together: patches, loss, gradients, clipping, Adam, a falling rate; and to read a
# training curve. **Time:** six minutes, one of them computing. **You need:** lessons 1 to 7.
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
print(len(pairs), "photographs to learn from,", len(samples), "to be judged on")

# %% [markdown]
# ## What the network sees
#
# Patches of 43 x 43 pixels, cut anywhere, turned and mirrored in one of eight ways. Above what comes in, bicubic's
# blur; below what should come out.

# %%
x, y = draw_batch(pairs, 6, PATCH, np.random.default_rng(0))
plots.maps({f"x {n}": x[n, :, :, 0] for n in range(6)} | {f"y {n}": y[n, :, :, 0] for n in range(6)})

# %% [markdown]
# ## The network before training

# %%
model = DRCN(filters=16, recursions=6, seed=0, scale=SCALE)
print(sum(p.size for p in model.params.values()), "parameters")


def mean_psnr(model):
    return np.mean([measure(predict_luma(model, sample.x), sample).psnr for sample in samples])


bicubic = study.bicubic_quality(samples)
print(f"bicubic {bicubic:.2f} dB, the network {mean_psnr(model):.2f} dB")
assert abs(mean_psnr(model) - bicubic) < 0.05

# %% [markdown]
# The last kernel starts small, so that the skip hands the input through: the network begins where bicubic ends.
#
# ## The loop
#
# Six lines. Everything random comes from a generator made of the seed and the step.

# %%
adam = Adam()
state, log = adam.init(model.params), []
for step in range(STEPS):
    x, y = draw_batch(pairs, BATCH, PATCH, np.random.default_rng((0, step + 1)))
    lr, alpha = cosine_rate(step, STEPS, 2e-3, warmup=20), linear_alpha(step, STEPS)
    loss, grads = loss_and_grads(model, x, y, alpha)  # the images of the batch over all cores
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
# picture, on photographs that were not trained on.
#
# `minidrcn.training.step.train_step` is the same loop body, driven by a `TrainingConfig`. Same seed,
# same numbers, to the last bit:

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
# The piece of the photograph where the error fell most.

# %%
photograph = samples[0]
prediction = predict_luma(model, photograph.x)
comparison(photograph, prediction)

# %% [markdown]
# And what is still wrong in that piece: where the result is too bright (red), and where it is too dark (blue).

# %%
truth = photograph.target / 255
piece = plots.most_improved(photograph.x, prediction, truth)
errors = {"error of bicubic": photograph.x - truth, "error of the network": prediction - truth}
plots.maps({name: error[piece] for name, error in errors.items()}, symmetric=True, columns=2)

# %%
assert np.square(prediction - truth)[piece].sum() < np.square(photograph.x - truth)[piece].sum()
gain = mean_psnr(model) - bicubic
print(f"{gain:+.2f} dB against bicubic after {STEPS} updates")
assert gain > 0.7

# %% [markdown]
# ## To try
#
# 1. Ten times the rate; a tenth of it. Read the three pictures of the curve: which one tells you first?
# 2. Leave out the turning and mirroring (draw from `pairs` with your own function). With seven photographs, does it
#    matter? With 120 updates?
# 3. Set `alpha = 0` throughout. Is the ensemble worse?
# 4. `python -m minidrcn.train --filters 32 --recursions 9` trains five times as long. How much better is it?
