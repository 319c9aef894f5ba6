# %% [markdown]
# # 4. One weight, used D times
#
# **You will learn** why the gradient of a shared weight is a sum, what goes wrong if you overwrite instead of adding,
# and how far a recursive network sees (its *receptive field*). **Time:** eight minutes. **You need:** lesson 3.
#
# The R in DRCN stands for recursive: the same convolution is applied D times, $h_d = \mathrm{relu}(w * h_{d-1} + b)$
# for $d = 1..D$ (the star is the convolution). The network gets deeper with the same kernel. The backward pass
# through this recursion is easy to get wrong when it is written by hand, which is the reason for this project.
#
# ## One number
#
# Let the "network" be $h_d = w\, h_{d-1}$ with a single number $w$, and the loss $L = h_D = w^D h_0$. The power rule
# gives the derivative: $dL/dw = D\, w^{D-1} h_0$. Where does the factor $D$ come from if we go backwards step by step?

# %%
import numpy as np

w, h0, D = 1.3, 2.0, 4
h = [h0]
for _ in range(D):
    h.append(w * h[-1])

dh, uses = 1.0, []
for d in reversed(range(D)):
    uses.append(dh * h[d])  # forward: h[d + 1] = w * h[d]; what this use of w contributes
    dh = dh * w  # what is passed back to the previous use
print("the four uses contribute", [f"{use:.4f}" for use in uses])
print(f"their sum {sum(uses):.4f}, by the power rule {D * w ** (D - 1) * h0:.4f}")
assert np.isclose(sum(uses), D * w ** (D - 1) * h0)

# %% [markdown]
# Every use contributes $w^{D-1} h_0$, and there are D of them. The rule behind it: pretend that each use has a weight
# of its own, $w_1 .. w_D$. Moving the shared weight by $\varepsilon$ moves them all by $\varepsilon$, so
#
# $$\frac{dL}{dw} = \sum_{d=1}^{D} \frac{\partial L}{\partial w_d}$$
#
# If you write `dw = ...` in the loop instead of `dw += ...`, you keep the contribution of one use alone: here, a
# quarter.
#
# ## One convolution
#
# Now with maps. Forward, each use keeps its own cache; backward, the caches are taken in reverse order. (The *norm* of
# an array is its length, with all entries taken as one vector. $h_d$ is what leaves the ReLU, so `dh` first goes back
# through the ReLU, then through the convolution.)

# %%
from minidrcn.ops.conv import conv2d_backward, conv2d_forward
from minidrcn.ops.pointwise import relu_backward, relu_forward

rng = np.random.default_rng(1)
D, F = 3, 2
h0, w, b = rng.normal(size=(2, 5, 4, F)), 0.5 * rng.normal(size=(3, 3, F, F)), rng.normal(size=F)
u = rng.normal(size=h0.shape)  # L = sum of h_D * u


def forward(ws):
    h, caches = h0, []
    for w_d in ws:
        z, conv_cache = conv2d_forward(h, w_d, b)
        h, relu_cache = relu_forward(z)
        caches.append((conv_cache, relu_cache))
    return (h * u).sum(), caches


def backward_by_use(caches):
    dh, dws = u, []
    for conv_cache, relu_cache in reversed(caches):
        dh, dw_d, _ = conv2d_backward(relu_backward(dh, relu_cache), conv_cache)
        dws.append(dw_d)
    return dws[::-1]


loss, caches = forward([w] * D)
dws = backward_by_use(caches)
for d, dw_d in enumerate(dws, start=1):
    print(f"use {d}: a gradient of norm {np.linalg.norm(dw_d):.2f}")

# %%
from minidrcn.grad_check import check_gradients

report = check_gradients(lambda params: (forward([params["w"]] * D)[0], {"w": sum(dws)}), {"w": w})
print(report)
assert report.ok

# %% [markdown]
# (*a direction*: instead of moving every entry, the check moves all of them at once along a random direction, which is
# one difference quotient for the whole kernel.) The sum is right. Each term is the gradient of one of D *untied*
# weights, which can be checked as well: move the weight of the second use alone.

# %%
untied = check_gradients(lambda params: (forward([w, params["w2"], w])[0], {"w2": dws[1]}), {"w2": w})
print(untied)
assert untied.ok

# %% [markdown]
# Now keep only the last contribution of the backward pass, that of use 1, as if it had overwritten the others:

# %%
overwritten = check_gradients(lambda params: (forward([params["w"]] * D)[0], {"w": dws[0]}), {"w": w})
print(overwritten)
assert not overwritten.ok

# %% [markdown]
# With D = 1 nobody would have noticed: **check recursive code with D of at least 2.**
#
# ## Now you
#
# Write the whole backward pass of the recursion: the gradient of $h_0$, of the kernel and of the bias. `caches` are
# those of the cell above, `caches[d - 1]` that of use d: what the convolution keeps, $(h_{d-1}, w)$, and what the ReLU
# keeps, $h_d$. `conv2d_backward` and `relu_backward` are your tools.


# %%
def recursion_backward(dh, caches):
    """From dh, the derivative with respect to h_D, and the D caches (conv_cache, relu_cache): dh_0, dw and db."""
    raise NotImplementedError  # your code here


# %%
from minidrcn import course

_ = course.check_recursion_backward(recursion_backward)

# %% [markdown]
# <details><summary>Hint</summary>
#
# It is `backward_by_use`, with two sums that start at zero. What is passed on in the end is the gradient of $h_0$.
#
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def recursion_backward(dh, caches):
#     dw, db = 0, 0
#     for conv_cache, relu_cache in reversed(caches):
#         dz = relu_backward(dh, relu_cache)  # forward: h_d = relu(z)
#         dh, dw_d, db_d = conv2d_backward(dz, conv_cache)  # forward: z = conv(h_(d-1), w, b)
#         dw = dw + dw_d
#         db = db + db_d
#     return dh, dw, db
# ```
#
# </details>
#
# (Exercise 6.)
#
# ## The same in DRCN
#
# DRCN shares more than the recursion: the two reconstruction layers are applied after *every* recursion. So each map
# between the first and the last is read twice, by the next recursion and by its own reconstruction. Now look at the
# lower half of the diagram:
#
# ![DRCN unrolled. Forward: the input x goes through two embedding convolutions to the map h_0; one shared kernel leads from
# h_0 to h_1, h_2 and so on to h_D; from each of these the same two reconstruction convolutions make a prediction y_d.
# Backward, marked 1: the gradient of h_d is a sum of what comes from the next recursion and from its own prediction.
# Marked 2: the gradient of a shared kernel is the sum over its D uses.](images/network.svg)
#
# And here is the loop of the package's backward pass, from the last recursion to the first. `dy[d]` is the derivative
# with respect to the prediction $y_d$; `layers.backward(dys, cache)` goes back through the layers that read one map and
# returns the map's gradient and their kernels' gradients; `readers(d, ...)` names these layers for $h_d$, as the
# comment says. This very loop trains the network, whichever convolution is plugged in. Find the sum marked 2:

# %%
import inspect

from minidrcn.model import network

source = inspect.getsource(network.backward)
print(
    source[source.index("    dh = None") : source.index("    dh, grads_of_use = layers.backward([dh], cache.embed2)")]
)
print(inspect.getsource(network.add))

# %% [markdown]
# It is `add(grads, ...)`. The sum marked 1, of what several readers of one map send back, is in `layers.backward`: find
# the line with `dx + dx_of_layer`. (`dys` has the derivative with respect to each reader's output.)

# %%
print(inspect.getsource(network.PlainLayers.backward))

# %% [markdown]
# What if somebody forgets the sum over the uses? Plant that bug in a small DRCN and check all gradients:

# %%
from minidrcn import DRCN
from minidrcn.course.checks.bugs import BUGS, plant

bug = next(bug for bug in BUGS if bug.name == "recursion_gradient_overwritten")
print(bug.mistake, "|", bug.wrong.splitlines()[-1].strip())
model = DRCN(filters=3, recursions=4, dtype="float64", conv="im2col")
params = {name: p + 0.1 * rng.normal(size=p.shape) for name, p in model.params.items()}
x, u4 = rng.random((2, 2, 6, 7, 1))


def f(params, backward):
    final, ys, cache = network.forward(params, x, model.architecture)
    return (final * u4).sum(), backward(u4, np.zeros_like(ys), cache)[1]


wrong = check_gradients(lambda p: f(p, plant(bug)), params)
print("with the bug, wrong:", [row.name for row in wrong.rows if not row.ok])
right = check_gradients(lambda p: f(p, network.backward), params)
print("without the bug, wrong:", [row.name for row in right.rows if not row.ok])
assert right.ok
assert not wrong.ok

# %% [markdown]
# `reconstruct2` is shared as well, but stays right: the first `add` of the loop sums its uses, and the bug is in the
# second, where the gradients of `recursion` and `reconstruct1` are summed.
#
# ## How far does it see?
#
# A 3 x 3 convolution sees one pixel in every direction, two in a row see two, and so on. Between the input and the
# prediction after recursion $d$ there are $d + 4$ convolutions (two to embed, $d$ recursions, two to reconstruct). So
# depth widens the *receptive field*, and recursion adds depth and hardly any parameters: only `ensemble.w` grows, by
# one number for each recursion.
#
# The backward pass can show it: the gradient of *one* output pixel with respect to the input is zero wherever the input
# does not matter. To get it, send a gradient back that is 1 at this pixel and 0 everywhere else. Here it is for the
# network that comes with the package (9 recursions), on a piece of a photograph.

# %%
from minidrcn import load, plots
from minidrcn.data.datasets import image_paths
from minidrcn.imaging.protocol import load_sample

shipped = load("x2")
model = DRCN.from_params(shipped.params, shipped.architecture, conv="im2col")
cat, _ = image_paths("photos", held_out=True)
piece = load_sample(cat, 2).x[100:141, 150:191][None, :, :, None]
final, ys, cache = model.forward(piece)


def seen(d):
    """The gradient of the middle pixel of y_d, d counted from 1, with respect to the input."""
    dys = np.zeros_like(ys)
    dys[d - 1, 0, 20, 20, 0] = 1
    dx, _ = model.backward(np.zeros_like(final), dys, cache)
    return dx[0, :, :, 0]


fields = {d: seen(d) for d in range(1, 10)}


def picture(d):
    """The logarithm of the influence of every input pixel: white much, black none."""
    return np.log10(np.abs(fields[d]) + 1e-9)


plots.feature_maps(
    {f"d = {d}": picture(d) for d in (1, 5, 9)},
    alt="a bright spot that fades outwards inside a black frame; the square it fills grows with the recursion",
)

# %%
for d, field in fields.items():
    width = int((np.abs(field).max(axis=0) > 0).sum())
    near = np.abs(field[15:26, 15:26]).sum() / np.abs(field).sum()
    print(f"recursion {d}: {width} pixels wide; {near:.0%} of the influence comes from at most 5 pixels away")
    assert width == 2 * (d + 4) + 1
print("radius d + 4, as counted")

# %% [markdown]
# The pictures are on a logarithmic scale. The rim of the field is faint, because few paths lead there. Nearby pixels
# matter most, so widening the field brings less and less. With the paper's 16 recursions the field is 41 pixels wide,
# like this piece, and like the patches that the paper trained on.
#
# Move through the recursions:

# %%
plots.slider(
    lambda d: plots.feature_maps(
        {"the photograph": piece[0, :, :, 0], f"what recursion {d} sees": picture(d)},
        columns=2,
        alt=f"a piece of a photograph, and a bright square of {2 * d + 9} pixels, the field after recursion {d}",
    ),
    d=(1, 9),
)

# %% [markdown]
# ## To try
#
# 1. In the first cell set `w = 0.5` and `D = 20`. How large is the gradient? And with `w = 2`? (Lesson 6.)
# 2. In `backward_by_use`, go through the caches in forward order. What does the check say?
# 3. The bias `b` is shared as well. Compute its gradient and check it.
# 4. In `seen`, choose a pixel at the border. Why is the field cut off there?
#
# <details><summary>Answers</summary>
#
# 1. $20 \cdot 0.5^{19} \cdot 2 = 0.00008$, and with $w = 2$ it is $20 \cdot 2^{19} \cdot 2 \approx 21$ million.
# 2. All contributions are wrong: the first use gets the gradient that belongs behind the last one, and so on.
# 3. `conv2d_backward` returns it as its third result; its gradient is the sum over the uses, too.
# 4. Beyond the border there are only padding zeros, which do not depend on the input.
#
# </details>
