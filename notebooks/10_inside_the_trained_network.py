# %% [markdown]
# # 10. Inside the trained network
#
# **You will learn** what each recursion adds to a photograph, what the hidden feature maps look like, and why the
# ensemble beats every single prediction. **Time:** seven minutes. **You need:** lesson 7.
#
# The network that comes with the package has 64 filters and 9 recursions. Everything inside it is an array, so let us
# look.

# %%
# %matplotlib inline
import csv
from pathlib import Path

import numpy as np

from minidrcn import load, plots
from minidrcn.data.datasets import image_paths
from minidrcn.imaging.protocol import load_sample, measure
from minidrcn.model.network import forward

model = load("x2")
D = model.architecture.recursions
cat, coins = image_paths("photos", held_out=True)
sample = load_sample(cat, 2)
final, ys = model.predict(sample.x[None, :, :, None])
final, ys = final[0, :, :, 0], ys[:, 0, :, :, 0]
print("predictions", ys.shape, "ensemble", final.shape)

# %% [markdown]
# ## After every recursion
#
# The network makes nine predictions, one after every recursion, and combines them into the ensemble:

# %%
eye = slice(90, 154), slice(140, 204)
original = sample.target / 255
plots.photographs({"input": sample.x[eye]} | {f"d = {d}": y_d[eye] for d, y_d in enumerate(ys, start=1)}
            | {"ensemble": final[eye], "original": original[eye]})  # fmt: skip

# %% [markdown]
# They look alike. What each of them adds to the input, $y_d - x$, does not: blue is darker than bicubic, red is
# lighter.

# %%
added = {f"d = {d}": (y_d - sample.x)[eye] for d, y_d in enumerate(ys, start=1)}
plots.feature_maps(added | {"ensemble": (final - sample.x)[eye]}, symmetric=True, columns=5)

# %% [markdown]
# The pictures differ a lot, although all of them are made with the same kernels. Late in training only the ensemble is
# compared with the target ($\alpha = 0$), so the single predictions are free to drift: one may overdo what another
# leaves out.

# %%
psnrs = [measure(y_d, sample).psnr for y_d in ys]
ensemble_psnr, bicubic = measure(final, sample).psnr, measure(sample.x, sample).psnr
for d, value in enumerate(psnrs, start=1):
    print(f"prediction {d}: {value:.2f} dB")
print(f"ensemble: {ensemble_psnr:.2f} dB, bicubic {bicubic:.2f} dB")
assert ensemble_psnr > max(psnrs)

# %%
depth = range(1, D + 1)
plots.lines(
    {"one prediction": (depth, psnrs), "ensemble": (depth, [ensemble_psnr] * D), "bicubic": (depth, [bicubic] * D)},
    "recursion d",
    "PSNR (dB)",
)

# %% [markdown]
# The paper's figure of the ensemble shows the same on Set5: no single prediction reaches the ensemble.
#
# Move through the recursions. (The slider needs a running notebook; the first figure above shows all nine predictions.)

# %%
plots.slider(
    lambda d: plots.side_by_side(
        [("input", sample.x), (f"after recursion {d}", ys[d - 1].clip(0, 1)), ("original", original)], eye
    ),
    d=(1, D),
)

# %% [markdown]
# ## The weights of the ensemble
#
# They started at $1/D$ each. Nothing forces them to sum to one, but with the skip a sum of one passes the input through
# unchanged, and that is what they have learned.

# %%
weights = model.params["ensemble.w"]
print("weights", np.round(weights, 3), "sum", round(float(weights.sum()), 3))
assert abs(weights.sum() - 1) < 0.01
by_hand = np.tensordot(weights, ys, 1)
assert np.allclose(by_hand, final, atol=1e-5)
plots.bars({f"d = {d}": w_d for d, w_d in enumerate(weights.tolist(), start=1)}, "weight in the ensemble")

# %% [markdown]
# ## The hidden maps
#
# `forward` keeps each layer's cache, and the cache of a recursion holds its input, the map $h_d$. Here are six of the
# 64 channels, those that vary most in $h_4$, for $h_0$, $h_4$ and $h_8$.

# %%
piece = sample.x[eye][None, :, :, None]
_, _, cache = forward(model.params, piece, model.architecture)

hidden = {}
for d in (0, 4, 8):
    (_, (h, _), _), *_ = cache.hidden[d]  # the first reader of h_d: its name, its cache (h_d, w), its ReLU's cache
    hidden[d] = h[0]  # (H, W, F)
liveliest = np.argsort(-hidden[4].std(axis=(0, 1)))[:6]
plots.feature_maps({f"h_{d}, channel {f}": h[:, :, f] for d, h in hidden.items() for f in liveliest})

# %%
for d, h in hidden.items():
    print(f"h_{d}: {np.mean(h == 0):.0%} of the entries are zero, mean {h.mean():.3f}, largest {h.max():.2f}")
change = np.linalg.norm(hidden[8] - hidden[4]) / np.linalg.norm(hidden[4])
print(f"from h_4 to h_8 the map changes by {change:.0%} of its norm")
kernel = model.params["recursion.w"]
off_identity = kernel.copy()
off_identity[1, 1] -= np.eye(64, dtype=kernel.dtype)
print(f"the trained kernel is {np.linalg.norm(off_identity):.1f} away from the identity, whose norm is 8")

# %% [markdown]
# ## More recursions, better pictures?
#
# This is not measured here, because it means training eight networks. The numbers come from `python -m
# minidrcn.experiments recursions DIR --data t91 --scale 3 --steps 2000` (16 filters, two seeds, nine images held out):

# %%
with open(Path("images") / "recursions.csv", encoding="utf-8", newline="") as file:
    rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
for depth_ in sorted({row["recursions"] for row in rows}):
    mean = np.mean([row["psnr"] for row in rows if row["recursions"] == depth_])
    print(f"D = {depth_:2.0f}: {mean:.2f} dB")
plots.recursion_performance(rows)

# %% [markdown]
# The trend is the paper's, but the gain is smaller, and most of it comes with the first six recursions. The paper's
# networks have 256 filters and were trained for days.

# %%
shallow, deep = (np.mean([row["psnr"] for row in rows if row["recursions"] == depth_]) for depth_ in (1, 16))
assert deep > shallow > rows[0]["psnr_bicubic"]

# %% [markdown]
# ## To try
#
# 1. Leave one prediction out of the ensemble (and scale up the weights of the others). Which one is missed most?
# 2. Use `coins` instead of `cat`. Do the same channels vary most?
# 3. Apply the trained recursion 12 times instead of 9: copy the loop of `network.forward`, and look at the last
#    predictions.
