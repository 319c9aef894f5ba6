# %% [markdown]
# # Exercise 2: col2im, the adjoint
#
# **2 points, about 20 minutes.** `im2col` (exercise 1) copies every pixel into up to `K*K` rows, one for each window
# that contains it. In the backward pass each of these copies brings a gradient, and the gradients of all copies of a
# pixel add up. `col2im` does this: it puts every number of every row back where it came from, and **adds**.
#
#     x = col2im(cols, shape, kernel=3)        cols (N*H*W, K*K*C), shape (N, H, W, C)    ->    x (N, H, W, C)
#
# The layout is that of `im2col`: with p = K // 2, entry `(k*K + l)*C + c` of row `(n*H + i)*W + j` belongs to the pixel
# `(n, i + k - p, j + l - p, c)`. If that pixel lies outside the map, the number is dropped: outside there are only
# padding zeros, and nobody needs their gradient.
#
# In terms of linear algebra, `col2im` is the *adjoint* of `im2col`: for all maps x and all columns c
#
# $$\langle \mathrm{im2col}(x),\, c\rangle = \langle x,\, \mathrm{col2im}(c)\rangle$$
#
# where the angle brackets are the inner product: multiply entry by entry and sum. The adjoint is not the inverse: with
# columns full of ones, each pixel gets the number of windows that contain it. For one image of 3 rows and 4 columns and
# K = 3 that is
#
#     4 6 6 4
#     6 9 9 6
#     4 6 6 4
#
# The result has the dtype of `cols`, and `cols` stays as it is.
#
# *A way to begin:* start from zeros with a border of p pixels on every side, look at `cols` as an array of shape `(N,
# H, W, K, K, C)`, and add one slice for each of the `K*K` places in the window. Cut the border off at the end.

# %% nbgrader={"grade": false, "grade_id": "ex02-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
import numpy as np

from minidrcn import course


# %% nbgrader={"grade": false, "grade_id": "ex02-col2im", "locked": false, "schema_version": 3, "solution": true, "task": false}
def col2im(cols, shape, kernel=3):
    """Add every entry of every row back to its pixel: (N*H*W, K*K*C) -> (N, H, W, C)."""
    ### BEGIN SOLUTION
    N, H, W, C = shape
    p = kernel // 2
    windows = cols.reshape(N, H, W, kernel, kernel, C)
    padded = np.zeros((N, H + 2 * p, W + 2 * p, C), dtype=cols.dtype)
    for k in range(kernel):
        for l in range(kernel):
            padded[:, k : k + H, l : l + W] += windows[:, :, :, k, l]
    return padded[:, p : p + H, p : p + W]
    ### END SOLUTION


# The example from above: how many windows contain each pixel.
print(col2im(np.ones((12, 9)), (1, 3, 4, 1))[0, :, :, 0])

# %% [markdown]
# ## Check it
#
# The next cell runs your function on several sizes and shows which results are right and which are not. If the error
# matches a known mistake, it gives a hint. You can run it as often as you like. The number in its last line is your
# score; your function may be graded later on other sizes.

# %% nbgrader={"grade": true, "grade_id": "ex02-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
result = course.check_col2im(col2im)
### BEGIN HIDDEN TESTS
result = course.check_col2im(col2im, seed=course.grading_seed())
### END HIDDEN TESTS
round(2 * result.fraction, 2)
