# %% [markdown]
# # 3. The backward pass of a convolution
#
# **You will learn** to derive the three gradients of a convolution, why one of them adds up overlapping windows, how
# this is a convolution with the mirrored kernel, and how to check a gradient by finite differences, including what
# can go wrong with the check. **Time:** nine minutes. **You need:** lesson 2 and the chain rule.
#
# Training asks the same question of every layer: given `dy`, the derivative of the loss L with respect to the layer's
# output, how does L depend on the layer's input, kernel and bias? (The *loss* is one number that says how wrong the
# network's answer is.) The answers are `dx`, `dw` and `db`; `dz` always means the derivative of L with respect to `z`,
# an array of the same shape as `z`. `dy` comes from the layers after this one, and is called the *upstream gradient*.
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
import numpy as np

from minidrcn import course, plots
from minidrcn.ops import conv

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
# ## Now you
#
# Write `col2im` for all images and channels at once. It undoes the layout of lesson 2's `im2col`, slice by slice, but
# adds instead of copying.


# %%
def col2im(cols, shape, kernel=3):
    """(N*H*W, K*K*C) -> (N, H, W, C): every entry of every row is added to the pixel that it came from."""
    raise NotImplementedError  # your code here


# %%
_ = course.check_col2im(col2im)

# %% [markdown]
# <details><summary>Hint</summary>
#
# Begin with zeros for the maps *with* their border of p = K // 2 pixels. As an array of shape (N, H, W, K, K, C),
# `cols` has at `[:, :, :, k, l]` what belongs to the slice `[:, k : k + H, l : l + W]`. Cut the border off at the end.
#
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def col2im(cols, shape, kernel=3):
#     N, H, W, C = shape
#     p = kernel // 2
#     windows = cols.reshape(N, H, W, kernel, kernel, C)
#     padded = np.zeros((N, H + 2 * p, W + 2 * p, C), dtype=cols.dtype)
#     for k in range(kernel):
#         for l in range(kernel):
#             padded[:, k : k + H, l : l + W] += windows[:, :, :, k, l]
#     return padded[:, p : p + H, p : p + W]
# ```
#
# </details>
#
# (Exercise 2.) Now you have everything for the backward pass itself. For kernels of any odd size K, with
# `conv.im2col(x, K)` and `conv.col2im(dcols, x.shape, K)` as tools:


# %%
def conv2d_backward(dy, cache):
    """From dy (N, H, W, F) and the cache (x, w): dx, dw and db, in the shapes of x, w and b."""
    raise NotImplementedError  # your code here: the three formulas, and col2im


# %%
_ = course.check_conv_backward(conv2d_backward)

# %% [markdown]
# <details><summary>Hint</summary>
#
# The cell at the top of this page computes `dw`, `db` and `dcols` for K = 3. From `dcols` to `dx` it is one call.
#
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def conv2d_backward(dy, cache):
#     x, w = cache
#     K, _, _, F = w.shape
#     rows = dy.reshape(-1, F)
#     db = rows.sum(axis=0)
#     dw = (conv.im2col(x, K).T @ rows).reshape(w.shape)  # forward: y = cols @ w + b
#     dcols = rows @ w.reshape(-1, F).T
#     return conv.col2im(dcols, x.shape, K), dw, db  # forward: cols = im2col(x)
# ```
#
# </details>
#
# (Exercise 4.) The package's has the same lines:

# %%
dx, packaged_dw, packaged_db = conv.conv2d_backward(dy, (x, w))
assert np.allclose(packaged_dw, dw)
assert np.allclose(packaged_db, db)
assert np.allclose(dx, conv.col2im(dcols, x.shape))
print("dx", dx.shape, "dw", packaged_dw.shape, "db", packaged_db.shape, "by the package are those derived above")

# %% [markdown]
# ## The mirrored kernel
#
# There is a second way to see `dx`. Take one pixel of the input and ask *where it is used*. It is used in the output at
# the same place, with the weight in the middle. It is used in the output to its *left*, where it is the pixel on the
# right: with the weight on the *right*. Let us look at all of them. Here is a kernel, and the weight that the pixel (1,
# 2) has in each output, seen by convolving a map that is 1 at this pixel and 0 elsewhere:

# %%
numbered = np.arange(1.0, 10).reshape(3, 3)
one_pixel = np.zeros((3, 5))
one_pixel[1, 2] = 1
uses, _ = conv.conv2d_forward(one_pixel[None, :, :, None], numbered[:, :, None, None], np.zeros(1))
uses = uses[0, :, :, 0]
plots.matrices([("w", numbered, None), ("weight of pixel (1, 2) in each output", uses, uses > 0)])

# %% [markdown]
# It is the kernel turned by 180 degrees, mirrored up-down and left-right. In indices: pixel $(i, j)$ is used in the
# output $(i + 1 - k,\, j + 1 - l)$ with the weight $w_{kl}$. Every use contributes `dy` there, times that weight:
#
# $$dx_{ij} = \sum_{k=0}^{2} \sum_{l=0}^{2} dy_{i+1-k,\, j+1-l}\; w_{kl}
# = \sum_{k'=0}^{2} \sum_{l'=0}^{2} dy_{i-1+k',\, j-1+l'}\; w_{2-k',\, 2-l'}$$
#
# with $k' = 2 - k$, $l' = 2 - l$. The right side is an ordinary convolution of `dy`, **with the mirrored kernel**. With
# channels, input channel c is used for every filter f, so the two swap their places as well:

# %%
mirrored = w[::-1, ::-1].swapaxes(2, 3)  # (3, 3, F, C)
as_convolution, _ = conv.conv2d_forward(dy, mirrored, np.zeros(C))
print(f"col2im and the mirrored convolution differ by {np.abs(as_convolution - dx).max():.0e}")
assert np.allclose(as_convolution, dx)

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
assert np.isclose(dw[index], numeric_derivative(index, 1e-5))

# %% [markdown]
# The package does that for every entry, and reports the worst:

# %%
from minidrcn.grad_check import check_gradients


def loss_and_grads(params, backward=conv.conv2d_backward):
    y, cache = conv.conv2d_forward(params["x"], params["w"], params["b"])
    dx, dw, db = backward(dy, cache)
    return (y * dy).sum(), {"x": dx, "w": dw, "b": db}


params = {"x": x, "w": w, "b": b}
report = check_gradients(loss_and_grads, params, elementwise=True)
print(report)
assert report.ok

# %% [markdown]
# A row for each parameter: the largest error, relative to the largest entry, where it is, what the backward pass says
# there (*analytic*), what moving the entry says (*numeric*), and the ratio of the two.
#
# ## Find the bug
#
# The package keeps a zoo of mistakes that people make in backward passes. Plant one of them, and see what the check
# says:

# %%
from minidrcn.course.checks.bugs import BUGS, plant

bug = next(bug for bug in BUGS if bug.name == "conv_dx_with_mirrored_kernel")
broken = plant(bug)
found = check_gradients(lambda params: loss_and_grads(params, broken), params, elementwise=True)
print(found)
assert [row.name for row in found.rows if not row.ok] == ["x"]

# %% [markdown]
# `dw` and `db` are right, `dx` is wrong: the mistake must be in `dcols`, or between `dcols` and `dx`. A missing
# factor would show in the ratio, as 2 or as 0.5; this one says nothing so simple. The shapes are right as well, so
# perhaps right numbers are in the wrong *place*. This is what somebody did:

# %%
import inspect

print(bug.mistake)
for name, function, piece in (("right", conv.conv2d_backward, bug.right), ("wrong", broken, bug.wrong)):
    line = next(line for line in inspect.getsource(function).splitlines() if piece in line)
    print(f"{name}: {line.strip()}")

# %% [markdown]
# `col2im` puts every number back to where it came from, and that *is* the mirroring of the section above. Mirroring the
# kernel as well undoes it. The wrong gradient has the right shape and plausible numbers: only a check finds it.
#
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
    exact = conv.conv2d_backward(2 * (y**2).sum() / 1000 * 2 * y, (x, w))[1][index]
    step = np.zeros_like(w_)
    step[index] = eps
    quotient = (float(squared(w_ + step)) - float(squared(w_ - step))) / (2 * eps)
    return abs(quotient - exact) / abs(exact) + 1e-17  # a logarithmic axis has no zero


steps = np.logspace(-12, 0, 25)
errors = {dtype: [error_of_the_quotient(eps, dtype) for eps in steps] for dtype in ("float64", "float32")}
best = {dtype: (min(values), steps[int(np.argmin(values))]) for dtype, values in errors.items()}
for dtype, (smallest, eps) in best.items():
    print(f"{dtype}: the smallest error is {smallest:.0e}, with a step of about {eps:.0e}")
plots.lines({dtype: (steps, values) for dtype, values in errors.items()}, "step eps", "relative error", log="xy")

# %% [markdown]
# On the right the error comes from the bend of the curve (*truncation*) and falls with the square of the step. On the
# left it comes from rounding and grows as the step shrinks. Between them float64, which keeps 16 digits, leaves room
# for a step that confirms a gradient to eight digits and more; float32, with seven, leaves hardly any. **Gradient
# checks are done in float64.**

# %%
assert best["float64"][0] < 1e-8 < best["float32"][0]
print("float64 confirms a gradient to more than eight digits, float32 does not")


def one_step(exponent):
    eps = 10.0**-exponent
    points = {dtype: error_of_the_quotient(eps, dtype) for dtype in errors}
    print(f"step 1e-{exponent}: " + ", ".join(f"{dtype} is off by {error:.0e}" for dtype, error in points.items()))
    curves = {dtype: (steps, values) for dtype, values in errors.items()}
    here = {f"this step, {dtype}": ([eps], [error]) for dtype, error in points.items()}
    return plots.lines(curves | here, "step eps", "relative error", log="xy")


# %% [markdown]
# Try single steps:

# %%
plots.slider(one_step, exponent=(0, 12))

# %% [markdown]
# ## ReLU, and kinks
#
# After most convolutions of DRCN comes a ReLU: $y = \max(x, 0)$, what is negative becomes zero. Its backward pass asks
# the same question, *where is x used?* Where $x$ was positive, $y = x$, so the gradient passes unchanged. Where it was
# not, $y$ is zero whatever $x$ does, so nothing passes. The gradient is multiplied by a *mask* of zeros and ones. Write
# it; the cache is the output $y$, which is positive exactly where $x$ was:


# %%
def relu_backward(dy, cache):
    """From dy and the forward pass's output y: dx, all of one shape."""
    raise NotImplementedError  # your code here: one line


# %%
_ = course.check_relu_backward(relu_backward)

# %% [markdown]
# <details><summary>Solution</summary>
#
# ```python
# def relu_backward(dy, cache):
#     return dy * (cache > 0)
# ```
#
# The mask comes from the signal, not from `dy`: a negative gradient passes like any other. And `dy *= ...` would change
# an array that others still need.
#
# </details>
#
# (Exercise 5.) At 0 a ReLU has a kink, and no derivative. A difference quotient that steps *across* 0 measures
# something between the two slopes. Then the check fails although the gradient is right:

# %%
from minidrcn.ops import pointwise

values = np.array([[-1.0, 3e-6, 2.0]])


def relu_loss(v):
    return pointwise.relu_forward(v)[0].sum()


_, cache = pointwise.relu_forward(values)
gradient = pointwise.relu_backward(np.ones((1, 3)), cache)[0, 1]
for eps in (1e-5, 1e-7):
    move = np.array([[0, eps, 0]])
    quotient = (relu_loss(values + move) - relu_loss(values - move)) / (2 * eps)
    print(f"step {eps:g}: the quotient says {quotient:.3f}, the gradient {gradient:.0f}")
assert np.isclose(quotient, gradient)

# %% [markdown]
# `check_gradients` allows for this: what disagrees is measured again at two points nearby. There the kink is out of
# reach, but a wrong gradient is still wrong.
#
# One more check needs no finite differences at all. `col2im` is the *adjoint* of `im2col`: for all maps $x$ and all
# columns $c$, $\langle \mathrm{im2col}(x), c\rangle = \langle x, \mathrm{col2im}(c)\rangle$, exactly, where
# $\langle u, v \rangle$ is the sum of the products of all entries.

# %%
c = rng.normal(size=cols.shape)
left, right = (conv.im2col(x) * c).sum(), (x * conv.col2im(c, x.shape)).sum()
print(f"{left:.12f} = {right:.12f}")
assert np.isclose(left, right, rtol=1e-13)

# %% [markdown]
# ## To try
#
# 1. Use `=` instead of `+=` in `col2im_of_one_channel`. What does `counts` show then, and why?
# 2. Replace the random `dy` with ones and print `broken(dy, (x, w))[0] - conv.conv2d_backward(dy, (x, w))[0]`, what
#    the planted bug changes. At which pixels is it not zero, and why only there?
# 3. `dw` needs `cols`, which the forward pass has already computed. Why does the package compute it again? (How large
#    is it compared with `x`?)
#
# <details><summary>Answers</summary>
#
# 1. Ones everywhere: each pixel has what the last of its windows brought, and nothing of the others.
# 2. At the border only. Inside, a pixel is used with all nine weights, and with `dy` = 1 everywhere their order does
#    not matter: the sum of the mirrored kernel is that of the kernel. Hence the random upstream gradient.
# 3. It is nine times as large as `x`. Kept for each of D recursions it would need far more memory than all maps
#    together, and making it again is quick.
#
# </details>
