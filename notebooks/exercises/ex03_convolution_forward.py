# %% [markdown]
# # Exercise 3: the forward pass of a convolution
#
# **2 points, about 15 minutes.** Compute
#
# $$y[n, i, j, f] = b[f] + \sum_{k=0}^{K-1} \sum_{l=0}^{K-1} \sum_{c=0}^{C-1} x[n,\, i + k - p,\, j + l - p,\, c]\; w[k, l, c, f]
# \qquad p = K // 2$$
#
# where `x` counts as zero outside its borders, so that `y` has the height and width of `x`. As everywhere in deep
# learning, the kernel is *not* mirrored (this is a cross-correlation).
#
#     y, cache = conv2d_forward(x, w, b)        x (N, H, W, C)   w (K, K, C, F)   b (F,)    ->    y (N, H, W, F)
#
# **The cache** is what the backward pass will need: the tuple `(x, w)`. Return these two arrays themselves, not copies.
# Keeping the columns would be a waste: they take `K*K` times the memory of `x` and are quickly computed again.
#
# The kernel is square, with an odd side; the bias is one number per filter. Inputs stay as they are.
#
# *A way to begin:* use your `im2col` from exercise 1. `cols` is a matrix with `K*K*C` columns, and `w`, reshaped, is a
# matrix with `K*K*C` rows, in the same order, and F columns.

# %% nbgrader={"grade": false, "grade_id": "ex03-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
import numpy as np

from minidrcn import course

# %% [markdown]
# Replace the two lines below with your `im2col` from exercise 1 (or delete them if you do not need it):


# %% nbgrader={"grade": false, "grade_id": "ex03-helpers", "locked": false, "schema_version": 3, "solution": true, "task": false}
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


### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "ex03-conv2d_forward", "locked": false, "schema_version": 3, "solution": true, "task": false}
def conv2d_forward(x, w, b):
    """Convolve maps (N, H, W, C) with a kernel (K, K, C, F), add a bias (F,): y (N, H, W, F) and the cache (x, w)."""
    ### BEGIN SOLUTION
    K, _, _, F = w.shape
    cols = im2col(x, K)
    y = cols @ w.reshape(-1, F) + b  # (N*H*W, K*K*C) @ (K*K*C, F)
    return y.reshape(*x.shape[:3], F), (x, w)
    ### END SOLUTION


# A kernel that is 1 in the middle and 0 elsewhere, and a bias of 10: it adds 10 to every number.
middle = np.zeros((3, 3, 1, 1))
middle[1, 1] = 1
print(conv2d_forward(np.arange(6.0).reshape(1, 2, 3, 1), middle, np.array([10.0]))[0][0, :, :, 0])

# %% [markdown]
# ## Check it
#
# The next cell runs your function on several sizes and shows which results are right and which are not. If the error
# matches a known mistake, it gives a hint. You can run it as often as you like. The number in its last line is your
# score; your function may be graded later on other sizes.

# %% nbgrader={"grade": true, "grade_id": "ex03-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
result = course.check_conv_forward(conv2d_forward)
### BEGIN HIDDEN TESTS
result = course.check_conv_forward(conv2d_forward, seed=course.grading_seed())
### END HIDDEN TESTS
round(2 * result.fraction, 2)
