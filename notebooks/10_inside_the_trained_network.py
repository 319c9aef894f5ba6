# %% [markdown]
# # 10. Inside the trained network
#
# **You will learn** what each recursion adds to a photograph, why the ensemble beats every single prediction, and what
# the hidden feature maps look like. **Time:** eight minutes. **You need:** lesson 7.
#
# The network that comes with the package has 64 filters and 9 recursions. Everything inside it is an array, so let us
# look.

# %%
import numpy as np

from minidrcn import load, plots
from minidrcn.data.datasets import image_paths
from minidrcn.imaging.protocol import load_sample, measure

model = load("x2")
D = model.architecture.recursions
cat, coins = image_paths("photos", held_out=True)
sample = load_sample(coins, 2)
original = sample.target / 255
final, ys = model.predict(sample.x[None, :, :, None])
final, ys = final[0, :, :, 0], ys[:, 0, :, :, 0]
print("predictions", ys.shape, "ensemble", final.shape)

# %% [markdown]
# ## After every recursion
#
# The network makes nine predictions, one after every recursion, and combines them into the ensemble. Here are the first
# and the last, where the network improves the photograph most:

# %%
crop = plots.most_improved(sample.x, final, original)
shown = {"input": sample.x, "d = 1": ys[0], "d = 9": ys[8], "ensemble": final, "original": original}
plots.photographs(
    {name: picture[crop] for name, picture in shown.items()},
    alt="one coin: blurred in the input, sharper in the predictions, most like the original in the ensemble",
)

# %% [markdown]
# They look much alike. What each of them adds to the input, $y_d - x$, does not: blue is darker than bicubic, red is
# lighter.

# %%
added = {f"d = {d}": (ys[d - 1] - sample.x)[crop] for d in (1, 3, 5, 7, 9)}
plots.feature_maps(
    added | {"ensemble": (final - sample.x)[crop]},
    symmetric=True,
    alt="red and blue rims around a coin, strong after recursion 1, weaker and finer with every recursion",
)

# %%
missing = original - sample.x
share = [((y_d - sample.x) * missing).sum() / (missing**2).sum() for y_d in (*ys, final)]
print("how much of what is missing each one adds:", " ".join(f"{value:.2f}" for value in share[:-1]))
print(f"the ensemble: {share[-1]:.2f}")
assert share[0] > share[-1] > share[D - 1]

# %% [markdown]
# A share of 1 would be all that is missing. It counts only what goes in the right direction: a prediction may add
# much that is right, and much that is wrong besides. The predictions differ a lot, although all of them are made with
# the same kernels. Late in training only the ensemble is compared with the target ($\alpha = 0$), so the single
# predictions are free to drift: here the first ones add more, the last ones less than the ensemble. As single
# predictions, how good are they?

# %%
psnrs = [measure(y_d, sample).psnr for y_d in ys]
ensemble_psnr, bicubic = measure(final, sample).psnr, measure(sample.x, sample).psnr
depth = range(1, D + 1)
plots.lines(
    {"one prediction": (depth, psnrs), "ensemble": (depth, [ensemble_psnr] * D), "bicubic": (depth, [bicubic] * D)},
    "recursion d",
    "PSNR (dB)",
)

# %%
print("single predictions:", " ".join(f"{value:.2f}" for value in psnrs), "dB")
print(f"ensemble: {ensemble_psnr:.2f} dB, bicubic {bicubic:.2f} dB")
assert ensemble_psnr > max(psnrs)

# %% [markdown]
# The paper's figure of the ensemble shows the same on Set5: no single prediction reaches the ensemble. Move through the
# recursions, and watch what each adds, what is still wrong after it, and its PSNR:


# %%
def step(d):
    picture = ys[d - 1] if d <= D else final
    name = f"d = {d}" if d <= D else "ensemble"
    maps = {
        f"{name}: adds": picture - sample.x,
        f"still wrong, {measure(picture, sample).psnr:.2f} dB": picture - original,
    }
    words = f"what {name} adds to the input, and its error, in red and blue around a coin"
    return plots.feature_maps({title: m[crop] for title, m in maps.items()}, symmetric=True, columns=2, alt=words)


plots.slider(step, d=(1, D + 1))

# %% [markdown]
# ## Why the ensemble wins
#
# Let $e_d = y_d - y$ be the error of prediction d, a picture, and $\hat e$ the ensemble's. If the weights sum to one,
# then $\hat e = \sum_d w_d e_d$: the errors are averaged, too. Where one is too bright and another too dark, they
# cancel. How much of that happens depends on how alike they are, and that is a number, the *correlation*: 1 if two
# errors are the same but for a factor, 0 if they have nothing to do with each other.

# %%
errors = 255 * (ys.astype(float) - original).reshape(D, -1)
correlation = np.corrcoef(errors)
plots.matrices([("correlation of the errors of predictions 1 to 9", np.round(correlation, 2), correlation < 0.8)])

# %% [markdown]
# The ensemble's mean squared error follows from how each error goes with each other one,
# $C_{dd'} = \mathrm{mean}\, e_d e_{d'}$:
#
# $$\mathrm{mean}\, \hat e^2 = \mathrm{mean} \Bigl(\sum_d w_d e_d\Bigr)^2 = \sum_d \sum_{d'} w_d w_{d'}\, C_{dd'}$$

# %%
products = errors @ errors.T / errors.shape[1]  # on the diagonal, each prediction's mean squared error
weights = model.params["ensemble.w"].astype(float)
of_ensemble = np.mean((255 * (final - original)) ** 2)
print(f"mean squared errors of the predictions: {np.diag(products).min():.1f} to {np.diag(products).max():.1f}")
print(f"of the ensemble: {of_ensemble:.1f}, by the formula: {weights @ products @ weights:.1f}")
assert np.isclose(of_ensemble, weights @ products @ weights, rtol=0.01)
assert of_ensemble < np.diag(products).min()

# %% [markdown]
# Neighbours make nearly the same errors; the first and the last prediction have much less in common (marked). If all
# correlations were 1 and the errors equally large, nothing would cancel, and an ensemble would be no better than its
# members. There is a short formula for what is won (Krogh and Vedelsby 1995), exact if the weights sum to one:
#
# $$\underbrace{\mathrm{mean}\, \hat e^2}_{\text{ensemble}} =
# \underbrace{\textstyle\sum_d w_d\, \mathrm{mean}\, e_d^2}_{\text{a member, on average}} -
# \underbrace{\textstyle\sum_d w_d\, \mathrm{mean}\, (y_d - \hat y)^2}_{\text{how far they differ}}$$

# %%
average = weights @ np.diag(products)
spread = weights @ np.mean((255 * (ys - final).reshape(D, -1)) ** 2, axis=1)
print(f"{average:.1f} - {spread:.1f} = {average - spread:.1f}, the ensemble's mean squared error is {of_ensemble:.1f}")
assert np.isclose(average - spread, of_ensemble, rtol=0.01)

# %% [markdown]
# The more the members differ, the better, as long as each is good. Training sees to both: $\alpha$ asks for good
# members at first, and then leaves them free to differ.
#
# ## The weights of the ensemble
#
# They started at $1/D$ each, a sum of one, which with the skip passes the input through unchanged. Nothing forces
# them to keep that sum, but they have kept it.

# %%
assert abs(weights.sum() - 1) < 0.01
assert np.allclose(np.tensordot(weights, ys, 1), final, atol=1e-5)
print(f"the weights sum to {weights.sum():.3f}, and the weighted sum of the predictions is the ensemble")
plots.bars({f"d = {d}": w_d for d, w_d in enumerate(weights.tolist(), start=1)}, "weight in the ensemble")

# %% [markdown]
# ## The hidden maps
#
# `forward` keeps each layer's cache, and the cache of a recursion holds its input, the map $h_d$. It has 64 channels,
# each a picture. Because of the ReLU, many entries are exactly zero, and some channels are zero everywhere: such a
# channel is *dead* for this piece of the photograph, and would be black here. Three of the others, at the start, in
# the middle and near the end (their square roots, so that the faint parts show):

# %%
from minidrcn.model.network import forward

_, _, cache = forward(model.params, sample.x[crop][None, :, :, None], model.architecture)

hidden = {}
for d in (0, 4, 8):
    (_, (h, _), _), *_ = cache.hidden[d]  # the first reader of h_d: its name, its cache (h_d, w), its ReLU's cache
    hidden[d] = h[0]  # (H, W, F)
liveliest = np.argsort(-np.min([h.std(axis=(0, 1)) for h in hidden.values()], axis=0))[:3]
plots.feature_maps(
    {f"h_{d}, channel {f}": np.sqrt(h[:, :, f]) for d, h in hidden.items() for f in liveliest},
    alt="three channels of three hidden maps, each with the outline of the coin, bright on other edges in every one",
)

# %%
for d, h in hidden.items():
    dead = int((h.max(axis=(0, 1)) == 0).sum())
    print(f"h_{d}: {np.mean(h == 0):.0%} of the entries are zero, {dead} of 64 channels dead; mean {h.mean():.3f}")
    assert all(h[:, :, f].max() > 0 for f in liveliest)
kernel = model.params["recursion.w"]
to_itself = np.diag(kernel[1, 1]).mean()
print(
    f"a channel's weight to itself, in the middle: {to_itself:.2f} on average; all weights: {np.abs(kernel).mean():.2f}"
)
assert to_itself > 0.8

# %%
live = [f for f in range(64) if min(hidden[4][:, :, f].std(), hidden[8][:, :, f].std()) > 0]
alike = np.corrcoef(hidden[4][:, :, live].reshape(-1, len(live)).T, hidden[8][:, :, live].reshape(-1, len(live)).T)
alike = alike[: len(live), len(live) :]  # row: a channel of h_4, column: a channel of h_8
same, others = np.diag(alike).mean(), alike[~np.eye(len(live), dtype=bool)].mean()
print(f"correlation of h_4 and h_8: {same:.2f} for the same channel, {others:.2f} for two different ones")
assert same > 0.5 > others + 0.3

# %% [markdown]
# A channel keeps its theme from recursion to recursion. That is the legacy of the start: the identity hands each
# channel on to itself, and in the trained kernel these weights are still the largest by far.
#
# ## More recursions, better pictures?
#
# This is not measured here, because it means training eight networks. The numbers come from `python -m
# minidrcn.experiments recursions DIR --data t91 --scale 3 --steps 2000` (16 filters, two seeds, nine images held out):

# %%
import csv
from pathlib import Path

with open(Path("images") / "recursions.csv", encoding="utf-8", newline="") as file:
    rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
for depth_ in sorted({row["recursions"] for row in rows}):
    mean = np.mean([row["psnr"] for row in rows if row["recursions"] == depth_])
    print(f"D = {depth_:2.0f}: {mean:.2f} dB")
plots.recursion_performance(rows)

# %% [markdown]
# The trend is the paper's, but the gain is smaller, and most of it comes with the first six recursions; from six on,
# a step gains less than two seeds can differ by. The paper's networks have 256 filters and were trained for days.

# %%
shallow, deep = (np.mean([row["psnr"] for row in rows if row["recursions"] == depth_]) for depth_ in (1, 16))
assert deep > shallow > rows[0]["psnr_bicubic"]
print(f"from one recursion to sixteen: {deep - shallow:+.2f} dB")

# %% [markdown]
# ## To try
#
# 1. Leave one prediction out of the ensemble (and scale up the weights of the others). Which one is missed most?
# 2. Use `cat` instead of `coins`. Are the errors more alike, or less? What does that mean for the ensemble?
# 3. Apply the trained recursion 12 times instead of 9: copy the loop of `network.forward`, and look at the last
#    predictions.
#
# <details><summary>Answers</summary>
#
# 1. The first and the ninth, those least like the others: 30.19 dB instead of 30.23. Without the third it is even a
#    thousandth of a decibel better.
# 2. More alike: the lowest correlation is 0.77 instead of 0.54, because there is less to find in fur. The ensemble
#    wins less: differing takes 1.2 off the mean squared error and leaves 14.4, while for the coins it takes off 10.8
#    and leaves 60.9.
# 3. The PSNR falls: 29.44 dB after the ninth, then 29.14, 28.78 and 28.45. The recursion does not settle; it was
#    trained for nine.
#
# </details>
