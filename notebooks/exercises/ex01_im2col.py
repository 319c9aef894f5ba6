# %% [markdown]
# # Exercise 1: im2col
#
# **2 points, about 20 minutes.** A convolution slides a small window over a map. `im2col` lays out what the window
# sees at every position, one position per row, so that the whole convolution becomes one matrix product.
#
# Maps are arrays `x` of shape `(N, H, W, C)`: N images, H rows, W columns, C channels. The window is a square with a
# side of `kernel` = K pixels, K odd, centred on a pixel. Beyond the border the map counts as zero (zero padding). Write
#
#     cols = im2col(x, kernel=3)        x (N, H, W, C)    ->    cols (N*H*W, K*K*C)
#
# * **Rows** are ordered like the pixels of `x`: image by image, in each image row by row, in each row from left to
#   right. Row `(n*H + i)*W + j` belongs to the pixel `x[n, i, j]`.
# * **A row** holds the `K*K` pixels of the window centred there, row by row, from left to right, and for each pixel its
#   C channels, one after the other. In indices, with p = K // 2, entry `(k*K + l)*C + c` is
#   `x[n, i + k - p, j + l - p, c]`, or zero if that lies outside.
#
# For example, one image of one channel, 3 rows and 4 columns:
#
#      1  2  3  4
#      5  6  7  8
#      9 10 11 12
#
# The row of pixel 1, top left, is `0 0 0  0 1 2  0 5 6`, and the row of pixel 7 is `2 3 4  6 7 8  10 11 12`.
#
# The result has the dtype of `x`, and `x` itself stays as it is.
#
# *A way to begin:* put a border of p zeros around the maps. Then the upper left pixels of all windows together are one
# slice of the padded array (a view), and so are the pixels next to them; `K*K` such slices make all of `cols`, without
# a loop over pixels. But any way will do, loops included.

# %% nbgrader={"grade": false, "grade_id": "ex01-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
import numpy as np

from minidrcn import course


# %% nbgrader={"grade": false, "grade_id": "ex01-im2col", "locked": false, "schema_version": 3, "solution": true, "task": false}
def im2col(x, kernel=3):
    """Lay the neighbourhood of every pixel out as one row: (N, H, W, C) -> (N*H*W, K*K*C)."""
    ### BEGIN SOLUTION
    N, H, W, C = x.shape
    p = kernel // 2
    padded = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))
    cols = np.empty((N, H, W, kernel, kernel, C), dtype=x.dtype)
    for k in range(kernel):
        for l in range(kernel):
            cols[:, :, :, k, l] = padded[:, k : k + H, l : l + W]
    return cols.reshape(N * H * W, kernel * kernel * C)
    ### END SOLUTION


# The example from above: the rows of pixels 1 and 7.
print(im2col(np.arange(1.0, 13.0).reshape(1, 3, 4, 1))[[0, 6]])

# %% [markdown]
# ## Check it
#
# The next cell runs your function on several sizes and shows which results are right and which are not. If the error
# matches a known mistake, it gives a hint. You can run it as often as you like. The number in its last line is your
# score; your function may be graded later on other sizes.

# %% nbgrader={"grade": true, "grade_id": "ex01-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
result = course.check_im2col(im2col)
### BEGIN HIDDEN TESTS
result = course.check_im2col(im2col, seed=course.grading_seed())
### END HIDDEN TESTS
round(2 * result.fraction, 2)
