# %% [markdown]
# # 3. The backward pass of a convolution
#
# **You will learn** to derive the three gradients of a convolution, why one of them adds up overlapping windows, and
# how to check a gradient by finite differences, including what can go wrong with the check. **Time:** nine minutes.
# **You need:** lesson 2 and partial derivatives.
#
# Training asks the same question of every layer: given `dy`, the derivative of the loss L with respect to the layer's
# output, how does L depend on the layer's input, kernel and bias? The answers are `dx`, `dw` and `db`; `dz` always
# means the derivative of L with respect to `z`, an array of the same shape as `z`.
#
# ## Start from the matrix product
#
# $$y = \mathrm{cols} \cdot w + b \qquad\text{that is}\qquad y_{rf} = \sum_k \mathrm{cols}_{rk}\, w_{kf} + b_f$$
#
# The weight $w_{kf}$ enters column $f$ of every row $r$ of $y$, each time with the factor $\mathrm{cols}_{rk}$. By the
# chain rule its derivative is the sum over all these places, and the same goes for the other two:
#
# $$dw_{kf} = \sum_r \mathrm{cols}_{rk}\, dy_{rf} \qquad d\mathrm{cols}_{rk} = \sum_f dy_{rf}\, w_{kf}
# \qquad db_f = \sum_r dy_{rf}$$
#
# The first two sums are matrix products again, `dw = cols.T @ dy` and `dcols = dy @ w.T`; `db` is the sum over the rows
# of `dy`.

# %%
# %matplotlib inline
import inspect

import numpy as np

from minidrcn import plots
from minidrcn.course.checks.bugs import BUGS, plant
from minidrcn.grad_check import check_gradients
from minidrcn.ops import conv
from minidrcn.ops.pointwise import relu_backward, relu_forward

rng = np.random.default_rng(3)
N, H, W, C, F = 2, 4, 5, 2, 3
x, w, b = rng.normal(size=(N, H, W, C)), rng.normal(size=(3, 3, C, F)), rng.normal(size=F)
dy = rng.normal(size=(N, H, W, F))  # the upstream gradient, here random numbers

cols = conv.im2col(x)
rows_of_dy = dy.reshape(-1, F)
dw = (cols.T @ rows_of_dy).reshape(w.shape)
db = rows_of_dy.sum(axis=0)
dcols = rows_of_dy @ w.reshape(-1, F).T
print("dw", dw.shape, "db", db.shape, "dcols", dcols.shape)

# %% [markdown]
# ## From the windows back to the map
#
# `dcols` says how the loss depends on every number of every *window*. But a pixel lies in up to nine windows, so it
# influences the loss along up to nine paths, and the derivatives along all paths add up. Put every row back into the
# window it came from, and **add** where windows overlap:


# %%
def col2im_of_one_channel(cols, H, W):
    padded = np.zeros((H + 2, W + 2))
    for i in range(H):
        for j in range(W):
            padded[i : i + 3, j : j + 3] += cols[i * W + j].reshape(3, 3)
    return padded[1:-1, 1:-1]


ones = np.ones((3 * 4, 9))
counts = col2im_of_one_channel(ones, 3, 4)
plots.matrices([("one row of ones", ones[:1].reshape(3, 3), None), ("windows that each pixel lies in", counts, None)])

# %% [markdown]
# An interior pixel lies in nine windows, one at an edge in six, one in a corner in four. With `=` instead of `+=` every
# pixel would keep only what its last window says.
#
# The package's `col2im` does the same for all channels at once. Here is the whole backward pass:


# %%
def conv_backward(dy, cache):
    x, w = cache
    rows_of_dy = dy.reshape(-1, w.shape[3])
    dw = (conv.im2col(x).T @ rows_of_dy).reshape(w.shape)  # forward: y = cols @ w + b
    db = rows_of_dy.sum(axis=0)
    dcols = rows_of_dy @ w.reshape(-1, w.shape[3]).T
    return conv.col2im(dcols, x.shape), dw, db


ours, theirs = conv_backward(dy, (x, w)), conv.conv2d_backward(dy, (x, w))
for name, a, c in zip(("dx", "dw", "db"), ours, theirs, strict=True):
    assert np.allclose(a, c)
    print(name, a.shape, "as in the package")

one_channel = np.arange(1.0, 13).reshape(3, 4)
by_loop = col2im_of_one_channel(conv.im2col(one_channel[None, :, :, None]), 3, 4)
assert np.allclose(by_loop, one_channel * counts)

# %% [markdown]
# ## Is it right? Ask the loss itself
#
# A derivative says how much the loss changes when one number is moved a little. So move it (*central differences*):
#
# $$\frac{\partial L}{\partial w_k} \approx \frac{L(w_k + \varepsilon) - L(w_k - \varepsilon)}{2 \varepsilon}$$
#
# As the loss we take $L = \sum y \cdot u$ with *random* numbers $u$: then the upstream gradient is $dy = u$. (With
# $u = 1$ everywhere, many mistakes would cancel out.)


# %%
def loss(x, w, b):
    return (conv.conv2d_forward(x, w, b)[0] * dy).sum()


def numeric_derivative(index, eps):
    above, below = w.copy(), w.copy()
    above[index] += eps
    below[index] -= eps
    return (loss(x, above, b) - loss(x, below, b)) / (2 * eps)


index = (0, 2, 1, 0)
print("by hand    ", dw[index])
print("by moving w", numeric_derivative(index, 1e-5))


# %% [markdown]
# The package does that for every entry, and reports the worst:


# %%
def loss_and_grads(params, backward=conv_backward):
    y, cache = conv.conv2d_forward(params["x"], params["w"], params["b"])
    dx, dw, db = backward(dy, cache)
    return (y * dy).sum(), {"x": dx, "w": dw, "b": db}


params = {"x": x, "w": w, "b": b}
report = check_gradients(loss_and_grads, params, elementwise=True)
print(report)
assert report.ok

# %% [markdown]
# ## Find the bug
#
# The package keeps a zoo of mistakes that people make in backward passes. Plant one of them, and see what the check
# says:

# %%
bug = next(bug for bug in BUGS if bug.name == "conv_dx_with_mirrored_kernel")
broken = plant(bug)
print(check_gradients(lambda params: loss_and_grads(params, broken), params, elementwise=True))

# %% [markdown]
# `dw` and `db` are right, `dx` is wrong: the mistake must be in `dcols`, or between `dcols` and `dx`. The ratio is not
# a simple number, so it is not a missing factor; entries are in the wrong *place*. This is what somebody did:

# %%
print(bug.mistake)
for name, function, piece in (("right", conv.conv2d_backward, bug.right), ("wrong", broken, bug.wrong)):
    line = next(line for line in inspect.getsource(function).splitlines() if piece in line)
    print(f"{name}: {line.strip()}")

# %% [markdown]
# ## How small should the step be?
#
# If the step is too large, the curve bends within it. If it is too small, the two losses agree in all digits that the
# computer keeps (*cancellation*). Where is the best step? The loss above is linear in `w` and does not bend at all, so
# let us take $(\sum y^2)^2$, scaled.


# %%
def error_of_the_quotient(eps, dtype):
    x_, w_ = x.astype(dtype), w.astype(dtype)

    def squared(kernel):
        y = conv.conv2d_forward(x_, kernel, b.astype(dtype))[0]
        return np.square(y).sum() ** 2 / 1000

    y = conv.conv2d_forward(x, w, b)[0]
    exact = conv_backward(2 * (y**2).sum() / 1000 * 2 * y, (x, w))[1][index]
    step = np.zeros_like(w_)
    step[index] = eps
    quotient = (float(squared(w_ + step)) - float(squared(w_ - step))) / (2 * eps)
    return abs(quotient - exact) / abs(exact) + 1e-17


steps = np.logspace(-12, 0, 25)
errors = {dtype: [error_of_the_quotient(eps, dtype) for eps in steps] for dtype in ("float64", "float32")}
best = {dtype: (min(values), steps[int(np.argmin(values))]) for dtype, values in errors.items()}
for dtype, (smallest, eps) in best.items():
    print(f"{dtype}: the smallest error is {smallest:.0e}, with a step of about {eps:.0e}")
plots.lines({dtype: (steps, values) for dtype, values in errors.items()}, "step eps", "relative error", log="xy")

# %% [markdown]
# On the right the error comes from the bend of the curve (*truncation*) and falls with the square of the step. On the
# left it comes from rounding and grows as the step shrinks. Between them float64 leaves room for a step that confirms a
# gradient to eight digits and more; float32 leaves hardly any. **Gradient checks are done in float64.**

# %%
assert best["float64"][0] < 1e-8 < best["float32"][0]


def one_step(exponent):
    eps = 10.0**-exponent
    points = {dtype: error_of_the_quotient(eps, dtype) for dtype in errors}
    print(f"step 1e-{exponent}: " + ", ".join(f"{dtype} is off by {error:.0e}" for dtype, error in points.items()))
    curves = {dtype: (steps, values) for dtype, values in errors.items()}
    here = {f"this step, {dtype}": ([eps], [error]) for dtype, error in points.items()}
    return plots.lines(curves | here, "step eps", "relative error", log="xy")


# %% [markdown]
# Try single steps. (The slider needs a running notebook; all of its points lie on the curves above.)

# %%
plots.slider(one_step, exponent=(0, 12))

# %% [markdown]
# ## Kinks
#
# ReLU sets what is negative to zero. It has no derivative at 0, and a difference quotient that steps *across* 0
# measures something between the two slopes. Then the check fails although the gradient is right:

# %%
values = np.array([[-1.0, 3e-6, 2.0]])


def relu_loss(v):
    return relu_forward(v)[0].sum()


_, cache = relu_forward(values)
for eps in (1e-5, 1e-7):
    move = np.array([[0, eps, 0]])
    quotient = (relu_loss(values + move) - relu_loss(values - move)) / (2 * eps)
    gradient = relu_backward(np.ones((1, 3)), cache)[0, 1]
    print(f"step {eps:g}: the quotient says {quotient:.3f}, the gradient {gradient:.0f}")

# %% [markdown]
# `check_gradients` allows for this: what disagrees is measured again at two points nearby. There the kink is out of
# reach, but a wrong gradient is still wrong.
#
# One more check needs no finite differences at all. `col2im` is the *adjoint* of `im2col`: for all maps $x$ and all
# columns $c$, $\langle \mathrm{im2col}(x), c\rangle = \langle x, \mathrm{col2im}(c)\rangle$, exactly.

# %%
c = rng.normal(size=cols.shape)
left, right = (conv.im2col(x) * c).sum(), (x * conv.col2im(c, x.shape)).sum()
print(left, right)
assert np.isclose(left, right, rtol=1e-13)

# %% [markdown]
# ## To try
#
# 1. Use `=` instead of `+=` in `col2im_of_one_channel`. What does `counts` show then, and why?
# 2. Replace the random `dy` with ones and check the planted bug again. Is it still found? Try the other bugs whose
#    target is `ops.conv:conv2d_backward`.
# 3. `dw` needs `cols`, which the forward pass has already computed. Why does the package compute it again? (How large
#    is it compared with `x`?)
