# %% [markdown]
# # 7. Recursive supervision and the skip
#
# **You will learn** the two ideas that make DRCN trainable, where two gradients meet in its backward pass, how
# supervision cures the vanishing gradient of lesson 6, what the skip is for, and what remains of both with a good
# start. **Time:** nine minutes. **You need:** lessons 4 to 6.
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
# ($\lVert\cdot\rVert^2$ is the sum of the squares over all pixels; for a batch, take the mean over its N patches.
# Weight decay is left out.) With $\alpha = 1$ every recursion learns to predict, with 0 only the ensemble counts. The
# paper says only that $\alpha$ decays; here it falls from 1 to 0 over the first half of training.

# %%
import numpy as np

from minidrcn import plots
from minidrcn.training.schedules import linear_alpha

updates = range(0, 601, 50)
plots.lines(
    {"alpha": (updates, [linear_alpha(step, 600) for step in updates])},
    "update (of 600)",
    "weight of the individual predictions",
)

# %% [markdown]
# ## The backward pass of the loss
#
# Where is a prediction $y_d$ used? Twice: in the loss directly, and in the ensemble. So its gradient has two terms:
#
# $$dy_d = \frac{\alpha}{D N} (y_d - y) + w_d\, d\hat y \qquad d\hat y = \frac{1 - \alpha}{N} (\hat y - y)$$
#
# And where is the weight $w_d$ used? In the ensemble, at every pixel of every patch, with the factor $y_d$ there:
# $dw_d = \sum d\hat y \cdot y_d$, over all pixels and patches.
#
# ## Now you
#
# Write the loss and both gradients.


# %%
def loss_and_gradients(ys, w, y, alpha):
    """ys (D, N, H, W, 1), w (D,), the target y (N, H, W, 1): the loss, dys and dw in the shapes of ys and w."""
    raise NotImplementedError  # your code here


# %%
from minidrcn import course

_ = course.check_loss(loss_and_gradients)

# %% [markdown]
# <details><summary>Hint</summary>
#
# `np.tensordot(w, ys, axes=1)` is the ensemble. `w.reshape(-1, 1, 1, 1, 1) * dfinal` has the shape of `ys`. By hand,
# for one pixel: predictions 1 and 3, weights 0.5 and 1, target 2, alpha 0.5 give the loss 0.8125, `dys` 0.125 and 1,
# `dw` 0.75 and 2.25.
#
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def loss_and_gradients(ys, w, y, alpha):
#     D, N = len(ys), len(y)
#     final = np.tensordot(w, ys, axes=1)
#     l1 = ((ys - y) ** 2).sum() / (2 * D * N)
#     l2 = ((final - y) ** 2).sum() / (2 * N)
#     dfinal = (1 - alpha) * (final - y) / N
#     dys = alpha * (ys - y) / (D * N) + w.reshape(-1, 1, 1, 1, 1) * dfinal
#     dw = (ys * dfinal).reshape(D, -1).sum(axis=1)
#     return alpha * l1 + (1 - alpha) * l2, dys, dw
# ```
#
# </details>
#
# (Exercise 8.) The package keeps the two terms apart: `loss_backward` gives the direct one, and the backward pass of
# the ensemble, a weighted sum, the other. Together they agree with finite differences:

# %%
from minidrcn.grad_check import check_gradients
from minidrcn.model.loss import loss_backward, loss_forward
from minidrcn.ops.pointwise import weighted_sum_backward, weighted_sum_forward

rng = np.random.default_rng(6)
D, alpha = 3, 0.3
target = rng.normal(size=(2, 4, 5, 1))


def loss_and_grads(p):
    final, ensemble_cache = weighted_sum_forward(p["ys"], p["w"])
    loss, cache = loss_forward(final, p["ys"], target, alpha)
    dfinal, direct = loss_backward(cache)
    through_ensemble, dw = weighted_sum_backward(dfinal, ensemble_cache)
    return loss, {"ys": direct + through_ensemble, "w": dw}


report = check_gradients(loss_and_grads, {"ys": rng.normal(size=(D, 2, 4, 5, 1)), "w": rng.normal(size=D)})
print(report)
assert report.ok

# %% [markdown]
# ## Two gradients meet at $h_d$
#
# The map $h_d$ is used twice as well: by the next recursion, and by its own prediction. What the two send back adds up.
# In the diagram it is the sum marked 1:
#
# ![DRCN unrolled. Backward: from each prediction a gradient dy_d goes up through the shared reconstruction to dh_d, and along
# the chain from dh_D to dh_0. Marked 1: at each dh_d the two add up. Marked 2: the gradients of the shared kernels are
# sums over their D uses.](images/network.svg)
#
# This is how a gradient reaches the first recursions without having to pass through all the later ones. Now you,
# again: the backward pass of $h_d = \mathrm{relu}(w * h_{d-1} + b)$ with the prediction $y_d = v * h_d + c$ after
# every recursion. It is lesson 4's, with one addition. `caches[d - 1]` has three parts: of the convolution, of the
# ReLU, and of the prediction's convolution. (From here on $w$ is the recursion's kernel again, not the ensemble's
# weights.)

# %%
from minidrcn.ops.conv import conv2d_backward
from minidrcn.ops.pointwise import relu_backward


def supervision_backward(dys, caches):
    """dys (D, N, H, W, 1), D caches (conv_cache, relu_cache, reconstruct_cache): dh_0, dw, db, dv and dc."""
    raise NotImplementedError  # your code here


# %%
_ = course.check_supervision_backward(supervision_backward)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Begin with `dh = 0`, since nothing comes after the last map. In the loop, add to `dh` what `conv2d_backward(dys[d],
# reconstruct_cache)` sends back, *before* going through the ReLU: both read $h_d$, which is what leaves the ReLU.
#
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def supervision_backward(dys, caches):
#     dh, dw, db, dv, dc = 0, 0, 0, 0, 0
#     for dy, (conv_cache, relu_cache, reconstruct_cache) in reversed(list(zip(dys, caches))):
#         dh_own, dv_d, dc_d = conv2d_backward(dy, reconstruct_cache)  # forward: y_d = conv(h_d, v, c)
#         dv, dc = dv + dv_d, dc + dc_d
#         dh = dh + dh_own  # h_d is used twice
#         dz = relu_backward(dh, relu_cache)  # forward: h_d = relu(conv(h_(d-1), w, b))
#         dh, dw_d, db_d = conv2d_backward(dz, conv_cache)
#         dw, db = dw + dw_d, db + db_d
#     return dh, dw, db, dv, dc
# ```
#
# </details>
#
# (Exercise 7.)
#
# ## The illness of lesson 6, and the cure
#
# Back to the sick start of lesson 6: 16 recursions, and a random kernel of half of He's size in the recursion (8
# filters, so that all of this takes a minute). Take four networks, with neither idea, with one of them and with both.
# How much of the gradient that the last recursion receives arrives at the first? (`CONTRIBUTIONS` has the four
# networks' options, `study.gradient_norms` notes the gradient's norm at every use of the recursion's kernel.)

# %%
from minidrcn import DRCN
from minidrcn.data.datasets import image_paths
from minidrcn.data.patches import load_pair
from minidrcn.experiments import CONTRIBUTIONS
from minidrcn.training import study
from minidrcn.training.config import TrainingConfig

# reconstruction_relu: the printed equations of the paper, with a ReLU between the reconstruction's convolutions
steps = study.updates(60)
setting = TrainingConfig(filters=8, recursions=16, batch=4, patch=25, steps=steps, reconstruction_relu=True)
pairs = [load_pair(path, setting.scale, setting.patch) for path in image_paths("photos")]
batch = study.probe_batch(setting, pairs)  # for measuring only
healthy = {name: DRCN(8, 16, reconstruction_relu=True, **options) for name, options in CONTRIBUTIONS.items()}
sick = {}
for name, network in healthy.items():
    random = study.with_he_recursion(network, seed=1)
    sick[name] = random.with_params({**random.params, "recursion.w": np.float32(0.5) * random.params["recursion.w"]})

depth = range(1, 17)
at_start = {name: study.gradient_norms(network, batch, alpha=0.5) for name, network in sick.items()}
for name, lengths in at_start.items():
    print(f"{name:14} the first recursion receives {lengths[0] / lengths[-1]:.2g} times what the last one does")
relative = {name: (depth, np.array(lengths) / lengths[-1]) for name, lengths in at_start.items()}
plots.lines(relative, "recursion d", "gradient, relative to the last", log="y")

# %%
assert at_start["basic"][0] / at_start["basic"][-1] < 1e-3
assert at_start["+ skip"][0] / at_start["+ skip"][-1] < 1e-3
assert at_start["+ supervision"][0] / at_start["+ supervision"][-1] > 0.1
assert at_start["both"][0] / at_start["both"][-1] > 0.1
print("without supervision nothing arrives at the first recursion; with it, as much as at the last")

# %% [markdown]
# This is the first idea at work. Without supervision the gradient has one way to the first recursion, through 15
# others, and loses more than half on each. With supervision the first prediction is right behind the first recursion:
# the way is short, and what comes along the longer ways is added to it. The skip alone does nothing for the gradient in
# here, because it goes *around* the network.
#
# ## Train them from there
#
# Does the gradient matter? 60 updates from the sick start, the same patches for all four. Quality is measured on a
# photograph that none of them has seen.

# %%
from dataclasses import replace

from minidrcn.imaging.protocol import load_sample

samples = [load_sample(image_paths("photos", held_out=True)[1], setting.scale)]
bicubic = study.bicubic_psnr(samples)


def trained(networks):
    """By network: dB above bicubic interpolation over the updates, the gradient's norms and the network at the end."""
    curves, last, models = {}, {}, {}
    for name, options in CONTRIBUTIONS.items():
        config = replace(setting, **options)
        snapshots = list(study.train_snapshots(config, pairs, every=20, model=networks[name]))
        gains = [study.mean_psnr(snapshot.model, samples)[0] - bicubic for snapshot in snapshots]
        curves[name] = [snapshot.step for snapshot in snapshots], gains
        models[name] = snapshots[-1].model
        last[name] = study.gradient_norms(models[name], batch)
        print(
            f"{name:14} {gains[0]:+7.2f} dB against bicubic at the start, {gains[-1]:+7.2f} after {setting.steps} updates"
        )
    return curves, last, models


from_sick, sick_end, sick_models = trained(sick)
plots.lines(from_sick, "update", "dB above bicubic, sick start")

# %% [markdown]
# The two at the top, closer:

# %%
plots.lines({name: from_sick[name] for name in ("+ skip", "both")}, "update", "dB above bicubic, sick start")

# %%
gain = {name: gains[-1] for name, (_, gains) in from_sick.items()}
assert gain["both"] > 0.02 > gain["+ skip"]
assert gain["+ supervision"] > gain["basic"]
assert sick_end["+ skip"][0] < 1e-3 * sick_end["both"][0]
of_basic = 255 * sick_models["basic"].predict(samples[0].x[None, :, :, None])[0][0, 30:-30, 30:-30, 0]
assert of_basic.std() < 1
print(f"basic paints everything grey {of_basic.mean():.0f}, give or take {of_basic.std():.2f} (away from the border)")
print(f"only with both does the network get better than bicubic interpolation: {gain['both']:+.2f} dB")
print(
    f"the first recursion's gradient is {sick_end['both'][0]:.1g} with both, {sick_end['+ skip'][0]:.1g} with the skip alone"
)

# %% [markdown]
# And inside? Follow the picture through the recursions of *basic* at its start, and count the entries that the ReLU of
# *+ skip*'s reconstruction lets through, before and after training:

# %%
from minidrcn.model.network import forward


def inside(model):
    """The maps h_0 to h_16, and what leaves the ReLU of the reconstruction after the last recursion."""
    _, _, cache = forward(model.params, batch[0], model.architecture)
    # Each layer that reads a map keeps its name, its input and kernel, and its ReLU's output.
    (_, (rectified, _), _), *_ = cache.reconstruct2[16]
    return [readers[0][1][0] for readers in cache.hidden], rectified


hidden, _ = inside(sick["basic"])
size = {d: np.sqrt(np.mean(hidden[d] ** 2)) for d in (0, 1, 16)}
print("basic at the start, rms of the maps:", ", ".join(f"h_{d} {rms:.2g}" for d, rms in size.items()))
share = [np.mean(inside(networks["+ skip"])[1] > 0) for networks in (sick, sick_models)]
print(f"+ skip, entries that the ReLU lets through: {share[0]:.0%} at the start, {share[1]:.0%} trained")
assert size[16] < 1e-5 * size[0]
assert share[0] > 0.1 > share[1]

# %% [markdown]
# * **basic**: the picture fades on its way forward as the gradient does on its way back, so $h_{16}$ holds next to
#   nothing of it. The network finds a single grey for everything and stays there.
# * **+ supervision** is still learning to copy the photograph, which it has to do before it can improve it.
# * **+ skip** stands where it began, at bicubic interpolation. The signal that arrives in its reconstruction is so weak
#   that the ReLU there is soon closed everywhere, and then no gradient comes through at all.
# * **both** has the input for free and the gradient where it is needed. It is the one that learns.
#
# ## What a good start changes
#
# The paper starts the recursion from the identity, which passes signal and gradient on unchanged (lesson 6). The same
# again from there:

# %%
healthy_start = {name: study.gradient_norms(network, batch) for name, network in healthy.items()}
from_identity, identity_end, _ = trained(healthy)
plots.lines(from_identity, "update", "dB above bicubic, identity start")

# %%
print("gradient at the first recursion, as a multiple of the last's")
for name in CONTRIBUTIONS:
    before, after = (norms[name][0] / norms[name][-1] for norms in (healthy_start, identity_end))
    print(f"{name:14} {before:5.2f} at the start, {after:5.2f} trained")
assert all(norms[0] > 0.5 * norms[-1] for norms in healthy_start.values())
gain = {name: gains[-1] for name, (_, gains) in from_identity.items()}
assert min(gain["+ skip"], gain["both"]) > 0 > max(gain["basic"], gain["+ supervision"])
print("nothing vanishes any more, in any of the four; and now the skip alone is enough to be better than bicubic")

# %% [markdown]
# With a good start nothing vanishes to begin with, so there is nothing for supervision to heal, and the skip decides:
# without it a network has to learn to copy the photograph first. Whether supervision helps *then* cannot be told from
# one seed and 60 updates. With it, the gradient even grows on its way back, because every prediction adds its share.
#
# So what is recursive supervision for? It makes training depend less on a lucky start: whatever the kernel does to
# gradients, at first or later, the way to each recursion stays short. And it gives D predictions for the parameters
# of one network (the work nearly doubles, lesson 11), and their ensemble is better than each of them (lesson 10).
#
# The figure for 1000 updates, with two seeds, is in `results.md`; it is made by `python -m minidrcn.experiments
# contributions DIR --data t91 --scale 3 --steps 1000`.
#
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
# Can you tell a mistake by what the checker says about it? `course.show_riddles()` shows reports on five broken
# backward passes, each with the mistakes to choose from. Write a function `diagnose(riddle)` that returns the name of
# the mistake for riddle 1 to 5; `course.check_find_the_bug(diagnose)` checks it. (Exercise 10.)
#
# ## To try
#
# 1. What is `dys` for $\alpha = 0$? Which predictions still receive a gradient?
# 2. Leave out the term with `dfinal` in `dys`. What does the check report, and for which $\alpha$ would you not notice?
# 3. Start the network with both from a recursion of *twice* He's size. Does supervision keep the gradient from
#    exploding?
#
# <details><summary>Answers</summary>
#
# 1. $w_d\, d\hat y$: every prediction still gets its share through the ensemble, as long as its weight is not zero.
# 2. `dys` is wrong for every $\alpha$ but 1, where the ensemble has no weight in the loss.
# 3. No: it adds short ways, but takes none of the long ones away, and those explode. Hence the clipping of lesson 8.
#
# </details>
