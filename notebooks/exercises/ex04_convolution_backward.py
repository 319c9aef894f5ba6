# %% [markdown]
# # Exercise 4: the backward pass of a convolution
#
# **4 points, about 30 minutes.** Somewhere after the convolution there is a loss L, a single number. The backward pass
# is told how L depends on the output: `dy`, the *upstream gradient*, has the shape of `y` and holds
# $\partial L / \partial y$ for every entry. The question is how L depends on the inputs. As always, `dx` is the
# derivative of L with respect to `x` and has the shape of `x`, and so on.
#
#     dx, dw, db = conv2d_backward(dy, cache)        dy (N, H, W, F), cache (x, w) of the forward pass
#                                                    dx (N, H, W, C)   dw (K, K, C, F)   db (F,)
#
# The forward pass was, with `cols = im2col(x, K)` of shape `(N*H*W, K*K*C)` and `w`, `y` reshaped to matrices,
#
# $$y_{rf} = \sum_m \mathrm{cols}_{rm}\, w_{mf} + b_f$$
#
# For every input number, ask *where it is used*. Each use contributes `dy` at the output it influences, times the
# factor it has there, and all contributions add up:
#
# * $b_f$ is added to column f of every row r. So `db` is ... (one line)
# * $w_{mf}$ is used in column f of every row r, with the factor $\mathrm{cols}_{rm}$. Written for all m and f at once,
#   the sum over r is a matrix product, whose shape must be `(K*K*C, F)`. (one line)
# * $\mathrm{cols}_{rm}$ is used in row r, once for every filter f, with the factor $w_{mf}$. Again a matrix product,
#   of shape `(N*H*W, K*K*C)`.
# * `x` is used in up to `K*K` rows of `cols`. That is exercise 2.
#
# As far as this function is concerned, the loss is a sum over all pixels and images, so there is nothing to divide by.
# Return new arrays, and leave `dy`, `x` and `w` as they are: others need them, too.

# %% nbgrader={"grade": false, "grade_id": "ex04-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
import numpy as np

from minidrcn import course

# %% [markdown]
# Replace the two lines below with your `im2col` and `col2im` from exercises 1 and 2 (or delete them if you do not need
# them):


# %% nbgrader={"grade": false, "grade_id": "ex04-helpers", "locked": false, "schema_version": 3, "solution": true, "task": false}
### BEGIN SOLUTION
def im2col(x, kernel=3):
    N, H, W, C = x.shape
    p = kernel // 2
    padded = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))
    cols = np.empty((N, H, W, kernel, kernel, C), dtype=x.dtype)
    for k in range(kernel):
        for l in range(kernel):
            cols[:, :, :, k, l] = padded[:, k : k + H, l : l + W]
    return cols.reshape(N * H * W, kernel * kernel * C)


def col2im(cols, shape, kernel=3):
    N, H, W, C = shape
    p = kernel // 2
    windows = cols.reshape(N, H, W, kernel, kernel, C)
    padded = np.zeros((N, H + 2 * p, W + 2 * p, C), dtype=cols.dtype)
    for k in range(kernel):
        for l in range(kernel):
            padded[:, k : k + H, l : l + W] += windows[:, :, :, k, l]
    return padded[:, p : p + H, p : p + W]


### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "ex04-conv2d_backward", "locked": false, "schema_version": 3, "solution": true, "task": false}
def conv2d_backward(dy, cache):
    """From dy (N, H, W, F) and the cache (x, w): dx, dw and db, in the shapes of x, w and b."""
    ### BEGIN SOLUTION
    x, w = cache
    K, _, _, F = w.shape
    rows = dy.reshape(-1, F)
    # forward: y = cols @ w + b
    db = rows.sum(axis=0)
    dw = (im2col(x, K).T @ rows).reshape(w.shape)
    dcols = rows @ w.reshape(-1, F).T
    # forward: cols = im2col(x)
    return col2im(dcols, x.shape, K), dw, db
    ### END SOLUTION


# Two filters, and a gradient of ones: db counts the pixels, 2 * 3 * 4 of them.
rng = np.random.default_rng(0)
dx, dw, db = conv2d_backward(np.ones((2, 3, 4, 2)), (rng.normal(size=(2, 3, 4, 1)), rng.normal(size=(3, 3, 1, 2))))
print(dx.shape, dw.shape, db)

# %% [markdown]
# ## Check it
#
# The next cell runs your function on several sizes and shows which results are right and which are not. If the error
# matches a known mistake, it gives a hint. You can run it as often as you like. The number in its last line is your
# score; your function may be graded later on other sizes.

# %% nbgrader={"grade": true, "grade_id": "ex04-check", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
result = course.check_conv_backward(conv2d_backward)
### BEGIN HIDDEN TESTS
result = course.check_conv_backward(conv2d_backward, seed=course.grading_seed())
### END HIDDEN TESTS
round(4 * result.fraction, 2)
