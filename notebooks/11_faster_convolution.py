# %% [markdown]
# # 11. Faster convolution
#
# **You will learn** to make a network fast in the right order: first fewer operations, then faster ones. Two linear
# convolutions become one, two convolutions of the same map become one, Winograd's algorithm needs fewer multiplications
# than one would think, and threads share the work. **Time:** ten minutes. **You need:** lessons 2 and 4.
#
# Two rules. Measure every speedup: the times below differ from machine to machine, and running this page measures them
# on yours. And before you time a faster version, check that it gives the same result as the plain one.

# ## Fewer operations: two linear convolutions are one
#
# Where does the work go? A convolution from $C$ channels to $F$ takes $9\,C F$ multiplications per pixel:

# %%
import numpy as np

from minidrcn import plots

F, D = 64, 9
work = {
    "embed": 9 * F + 9 * F * F,
    "recursion": D * 9 * F * F,
    "reconstruct1": D * 9 * F * F,
    "reconstruct2": D * 9 * F,
}
plots.bars({name: value / 1000 for name, value in work.items()}, "thousand multiplications per pixel")

# %% [markdown]
# Almost half of it goes into `reconstruct1`, which turns $h_d$ into $F$ maps, only for `reconstruct2` to turn these
# into a single one. With a ReLU between the two, as in the paper's printed equations, there is no way around that. The
# authors' own code has no ReLU there, and then there is a way: everything between $h_d$ and the prediction is linear.
#
# `reconstruct2` multiplies each pixel's $F$ channels by nine columns of weights, its *taps*, then shifts the nine
# products to where they belong and adds them up. Shifting and adding is `col2im` with one channel:
#
# $$q = r\, T \qquad f = \mathrm{col2im}(q) + b_2 \qquad r = h * w_1 + b_1, \quad T: (F, 9)$$
#
# ($r$ is what `reconstruct1` makes of $h$. A prime, as in $T'$, will mean the transpose.) $r$ is needed only for
# $r\,T$, and a convolution is linear in its kernel. So we can multiply by $T$ once, in the kernel, instead of at every
# pixel:
#
# $$q = h * K + k \qquad K = w_1 T: (3, 3, F, 9) \qquad k = b_1 T: (9,)$$
#
# These are nine channels instead of $F$. The border comes out right, too: `reconstruct2` reads zeros around $r$,
# whose products with $T$ would be zero, and `col2im` adds nothing from beyond the border.

# %%
from minidrcn import DRCN
from minidrcn.ops import conv

rng = np.random.default_rng(10)
model = DRCN(filters=F, recursions=D, dtype="float64", conv="im2col")
h = rng.normal(size=(1, 12, 11, F))
p = {name: value + 0.1 * rng.normal(size=value.shape) for name, value in model.params.items()}

r, _ = conv.conv2d_forward(h, p["reconstruct1.w"], p["reconstruct1.b"])
f, _ = conv.conv2d_forward(r, p["reconstruct2.w"], p["reconstruct2.b"])

T = p["reconstruct2.w"].reshape(9, F).T[:, ::-1]  # reversed: what a tap reads on the left is sent to the right
q, _ = conv.conv2d_forward(h, p["reconstruct1.w"] @ T, p["reconstruct1.b"] @ T)
folded = conv.col2im(q.reshape(-1, 9), f.shape) + p["reconstruct2.b"]
print(f"largest difference {np.abs(folded - f).max():.0e}, of numbers up to {np.abs(f).max():.1f}")
assert np.allclose(folded, f, rtol=0, atol=1e-12 * np.abs(f).max())

# %% [markdown]
# Backward, the chain rule applies to these two products as to any other: $dw_1 = dK\,T'$, $db_1 = T\,dk$. The taps
# were used twice, in $K$ and in $k$, so their gradient is a sum: $dT = \sum_{i,j} w_1[i,j]'\, dK[i,j] + b_1\, dk'$.
# The package folds the parameters before the network runs and converts the gradients afterwards, in `fold.py`. The
# network itself stays the same, because a last layer that only shifts and adds is a convolution, too, with a kernel
# of zeros and ones.

# %%
from minidrcn.model import network
from minidrcn.model.fold import fold_backward, fold_forward

x, u = rng.random((2, 2, 12, 11, 1))
outputs = {}
for name, params in (("plain", p), ("folded", fold_forward(p)[0])):
    final, ys, cache = network.forward(params, x, model.architecture)
    _, grads = network.backward(u, np.zeros_like(ys), cache)
    outputs[name] = final, grads if name == "plain" else fold_backward(grads, p)

(final, grads), (folded_final, folded_grads) = outputs["plain"], outputs["folded"]
worst = max(np.abs(folded_grads[name] - g).max() / np.abs(g).max() for name, g in grads.items())
print(
    f"predictions differ by {np.abs(folded_final - final).max():.0e}, gradients by {worst:.0e} of their largest entry"
)
assert worst < 1e-12

# %% [markdown]
# ## Fewer passes: two convolutions of one map are one
#
# $h_d$ is read twice, by the next recursion and by its own reconstruction. With the kernels side by side it is read
# once: $[z \mid q_d] = h_d * [w \mid K] + [b \mid k]$, with $F + 9$ channels, and $h_{d+1} = \mathrm{relu}(z)$.
# Backward, $[dz \mid dq]\,[w \mid K]' = dz\, w' + dq\, K'$: the matrix product also adds up the gradients from the two
# uses of $h_d$.

# %%
w, b = p["recursion.w"], p["recursion.b"]
both, cache = conv.conv2d_forward(
    h, np.concatenate([w, p["reconstruct1.w"] @ T], axis=3), np.append(b, p["reconstruct1.b"] @ T)
)
assert np.allclose(both[..., :F], conv.conv2d_forward(h, w, b)[0])
assert np.allclose(both[..., F:], q)

dboth = rng.normal(size=both.shape)
dh, _, _ = conv.conv2d_backward(dboth, cache)
dh_next, _, _ = conv.conv2d_backward(dboth[..., :F], (h, w))
dh_own, _, _ = conv.conv2d_backward(dboth[..., F:], (h, p["reconstruct1.w"] @ T))
assert np.allclose(dh, dh_next + dh_own)
print("one convolution instead of two, and its backward pass adds up both gradients")

# %% [markdown]
# ## Fewer multiplications
#
# Two neighbouring outputs of a convolution with three weights share two of their inputs:
#
# $$y_0 = x_0 w_0 + x_1 w_1 + x_2 w_2 \qquad y_1 = x_1 w_0 + x_2 w_1 + x_3 w_2$$
#
# These are six multiplications. Winograd's algorithm needs four:
#
# $$m_1 = (x_0 - x_2)\, w_0 \quad m_2 = (x_1 + x_2) \tfrac{w_0 + w_1 + w_2}{2} \quad
# m_3 = (x_2 - x_1) \tfrac{w_0 - w_1 + w_2}{2} \quad m_4 = (x_1 - x_3)\, w_2$$
#
# $$y_0 = m_1 + m_2 + m_3 \qquad y_1 = m_2 - m_3 - m_4$$
#
# The sums of weights are computed once for many inputs, so their cost hardly counts.

# %%
BT = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]])
G = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
AT = np.array([[1, 1, 1, 0], [0, 1, -1, -1]])

inputs, weights = rng.normal(size=4), rng.normal(size=3)
y = AT @ ((G @ weights) * (BT @ inputs))  # four multiplications, in the *; BT and AT only add and subtract
assert np.allclose(y, [inputs[:3] @ weights, inputs[1:] @ weights])
print("four multiplications:", y, " six:", np.array([inputs[:3] @ weights, inputs[1:] @ weights]))
plots.matrices([("B' (of the inputs)", BT, None), ("G (of the weights)", G, None), ("A' (of the products)", AT, None)])

# %% [markdown]
# ### Where the matrices come from
#
# Look at polynomials first. The product of $a(t) = a_0 + a_1 t$ and $w(t) = w_0 + w_1 t + w_2 t^2$ has four
# coefficients, so it is known from its values at four points. And its value at a point is the product of two values:
# *one* multiplication. So evaluate both at four points, multiply, and find the coefficients of the polynomial through
# the four products. The simplest points are $0$, $1$, $-1$ and *infinity*, where the "value" is the leading
# coefficient. As matrices: $c = V_4^{-1} \left[ (V_3 w) \cdot (V_2 a) \right]$, where $V_n$ evaluates a polynomial of
# $n$ coefficients. Its row for the point $t$ is $1, t, \ldots, t^{n-1}$, and for infinity $0, \ldots, 0, 1$.
#
# Now, for a fixed $w$, what does this do to $a$? Coefficient $c_i = \sum_j a_j w_{i-j}$: each $a_j$ is multiplied by
# all of $w$ and *added to* shifted places. A filter does the reverse, it *reads from* shifted places,
# $y_j = \sum_i w_{i-j}\, x_i$: the same matrix, transposed. (You know such a pair: `col2im` adds where `im2col` reads.) And the
# transpose of a product is the product of the transposes in reverse order:
#
# $$y = \underbrace{V_2'}_{A'} \left[ (\underbrace{V_3}_{G} w) \cdot (\underbrace{V_4^{-1\prime}}_{B'} x) \right]$$


# %%
def transforms(points, outputs, taps=3):
    """A', G and B' for so many outputs of a filter with so many weights, from these points and infinity."""

    def powers(count):
        at_infinity = np.eye(count)[-1:]  # the leading coefficient
        return np.vstack([np.vander(points, count, increasing=True), at_infinity])

    return powers(outputs).T, powers(taps), np.linalg.inv(powers(outputs + taps - 1)).T


for points, outputs in (([0, 1, -1], 2), ([0, 1, -1, 2, -2], 4)):
    AT_, G_, BT_ = transforms(points, outputs)
    inputs = rng.normal(size=outputs + 2)
    y = AT_ @ ((G_ @ weights) * (BT_ @ inputs))
    assert np.allclose(y, [inputs[k : k + 3] @ weights for k in range(outputs)])
    print(
        f"{outputs} outputs of 3 weights with {len(G_)} multiplications instead of {3 * outputs}, points {points} and infinity"
    )

# %% [markdown]
# A factor may move between a row of $G$, the same row of $B'$ and the same column of $A'$: the three are multiplied.
# The matrices above have it where all have simple numbers. The second set of points is what the package uses. More
# points would save more multiplications, but need larger powers, and rounding errors grow with them.
#
# In two dimensions the matrices are applied to rows and columns. For tiles of 4 x 4 outputs, which the package uses,
# the input tile is 6 x 6: 36 multiplications for each pair of channels.

# %%
print("the plain convolution takes", 4 * 4 * 3 * 3, "multiplications, Winograd's 36: a factor of", 4 * 4 * 3 * 3 / 36)

# %% [markdown]
# With many channels, each of the 36 multiplications becomes a matrix product over the channels, and the transforms
# are matrix products as well. Everything is a matrix product again. (Both are timed in one thread; more of them
# follow below. `winograd.prepare` transforms the kernel beforehand, once for all recursions.)

# %%
import time

from minidrcn.ops import winograd
from minidrcn.parallel import one_blas_thread


def seconds(function, repeat=5):
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


x, w, b = (rng.normal(size=shape).astype("float32") for shape in ((1, 128, 128, 64), (3, 3, 64, 64), (64,)))
plain, _ = conv.conv2d_forward(x, w, b)
fast, _ = winograd.conv2d_forward(x, w, b)
error = np.abs(fast - plain).max() / np.abs(plain).max()
print(f"largest difference {error:.0e} of the largest value, in float32")
assert error < 5e-5

prepared = winograd.prepare(w)
with one_blas_thread():
    plain_seconds = seconds(lambda: conv.conv2d_forward(x, w, b))
    fast_seconds = seconds(lambda: winograd.conv2d_forward(x, w, b, prepared=prepared))
print(f"a quarter of the multiplications, {plain_seconds / fast_seconds:.1f} times as fast")

# %% [markdown]
# Why not four times? The transforms take time, too, and for every 16 outputs 36 numbers have to be moved.
#
# ## Threads
#
# The images of a batch do not depend on each other. Each thread takes a few, and the gradients of all are summed: one
# more sum over uses of the same weight. Python lets only one thread at a time run Python code (the *GIL*, global
# interpreter lock), but NumPy releases that lock while it copies and multiplies, so the threads run at the same time.

# %%
from minidrcn.parallel import loss_and_grads, usable_cores

images, targets = rng.random((2, 16, 43, 43, 1)).astype("float32")
kinds = {
    "im2col": {"conv": "im2col"},
    "Winograd, with the ReLU": {"reconstruction_relu": True},
    "Winograd, linear": {},
}
step = {}
for kind, options in kinds.items():
    model = DRCN(filters=32, recursions=9, **options)
    for workers in sorted({1, usable_cores()}):
        arguments = model, images, targets, 0.5, workers
        step[f"{kind}, workers = {workers}"] = seconds(lambda a=arguments: loss_and_grads(*a), repeat=3)
plots.bars(step, "seconds for loss and all gradients of 16 patches")

# %%
one, all_of_them = (loss_and_grads(model, images, targets, 0.5, workers) for workers in (1, usable_cores()))
assert one[0] == all_of_them[0]
assert all(np.array_equal(one[1][name], all_of_them[1][name]) for name in one[1])
print("any number of threads gives the same bits: the sum is always taken in the order of the images")

# %% [markdown]
# If two workers take as long as one, the cores have no time to spare: other programs are using them, as when this page
# was recorded, or two of them are one core that the processor counts twice.
#
# `tests/benchmarks/README.md` compares the speed with PyTorch's and names the machine; `python
# tests/benchmarks/against_pytorch.py` measures both on yours.
#
# ## To try
#
# 1. Time the forward pass for 4, 16, 64 and 256 channels. From how many channels on is Winograd worth it?
# 2. Fold once more: $K$ and the shifts together are one 5 x 5 kernel from F maps to one. Compare its output with `f`,
#    in the middle and within a pixel of the border. Why is it wrong at the border?
# 3. Set `winograd.BLOCK_BYTES` and `winograd.BLOCK_TILES` to a tenth and to ten times their values, and time the last
#    bar again. What does that say about your CPU's cache, the small and fast memory between it and the main memory?
# 4. Get the three matrices for three outputs of a filter with three weights from `transforms` and check them. How
#    many points does it take?
#
# <details><summary>Answers</summary>
#
# 1. It depends on the machine. With few channels the transforms cost more than the multiplications they save; the
#    package takes Winograd's algorithm from 8 channels on.
# 2. In the middle they agree. At the border, `reconstruct2` sees zeros around $r$, while the 5 x 5 kernel sees what $r$
#    would have been there, had it been computed from pixels beyond the border.
# 3. A block that is too large no longer fits the cache, one that is too small makes matrix products that are too thin.
# 4. Three outputs and three weights: products with 3 + 3 - 1 = 5 coefficients, so four points and infinity, for example
#    `transforms([0, 1, -1, 2], 3)`.
#
# </details>
