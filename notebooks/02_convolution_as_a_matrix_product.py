# %% [markdown]
# # 2. A convolution is a matrix product
#
# **You will learn** what a convolution computes, how `im2col` turns it into one matrix product, and why that is fast.
# **Time:** seven minutes. **You need:** lesson 1, and matrix products.
#
# Every layer of DRCN is a convolution: each output pixel is a weighted sum of the 3 x 3 pixels around the same place in
# the input, with the same nine weights everywhere. Let us compute one by hand, on numbers small enough to follow.

# %%
import numpy as np

from minidrcn import plots

x = np.arange(1, 13, dtype=float).reshape(3, 4)
w = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], dtype=float)
plots.matrices([("x", x, None), ("w", w, None)])

# %% [markdown]
# This kernel, the *Sobel* filter, subtracts what is to the left of a pixel from what is to the right of it: it responds
# to vertical edges. Beyond the border the map counts as zero (*zero padding*), so the output is as large as the input.


# %%
def convolve_with_loops(x, w):
    H, W = x.shape
    padded = np.pad(x, 1)
    y = np.zeros((H, W))
    for i in range(H):
        for j in range(W):
            y[i, j] = (padded[i : i + 3, j : j + 3] * w).sum()
    return y


y = convolve_with_loops(x, w)
one_pixel = np.zeros(x.shape, dtype=bool)
one_pixel[1, 2] = True
window = np.pad(np.zeros(x.shape, dtype=bool), 1)
window[1:4, 2:5] = True
plots.matrices([("x with its border", np.pad(x, 1), window), ("w", w, None), ("y", y, one_pixel)])

# %%
print("the marked pixel:", " + ".join(f"{a:g}*{b:g}" for a, b in zip(x[:, 1:4].ravel(), w.ravel(), strict=True) if b))
assert y[1, 2] == (x[:, 1:4] * w).sum()
print("their sum:       ", y[1, 2])

# %% [markdown]
# ## Windows as rows
#
# Every pixel is computed in the same way: multiply the nine numbers of its window by the nine numbers of the kernel,
# and add up. That is a *dot product*, a row times a column. So write every window as a row of a matrix (12 pixels, 12
# rows), and the kernel as a column:


# %%
def im2col_of_one_channel(x):
    padded = np.pad(x, 1)
    return np.array([padded[i : i + 3, j : j + 3].ravel() for i in range(x.shape[0]) for j in range(x.shape[1])])


cols = im2col_of_one_channel(x)
plots.im2col_step(x, cols, pixel=(1, 2))

# %%
product = cols @ w.ravel()
assert np.array_equal(product.reshape(3, 4), y)
print("cols @ w, as a map, is what the loops computed")
plots.matrices([("cols", cols, None), ("w as\na column", w.reshape(9, 1), None), ("cols\n@ w", product[:, None], None)])

# %% [markdown]
# Move the window over the map, see which row it becomes, and follow the product of that row and the kernel to the
# output:

# %%
plots.slider(lambda row, column: plots.im2col_step(x, cols, (row, column), w), row=(0, 2), column=(0, 3))

# %% [markdown]
# ## Many channels, many filters
#
# A hidden map of DRCN has F channels, not one. With C channels a window is 3 x 3 x C numbers, still one row. And there
# are F kernels, each a column:
#
# | | shape |
# |---|---|
# | maps `x` | (N, H, W, C): images, rows, columns, channels |
# | `cols = im2col(x)` | (N H W, 9 C) |
# | kernel `w` | (3, 3, C, F), as a matrix (9 C, F) |
# | `y = cols @ w + b` | (N H W, F), that is (N, H, W, F) |
#
# ## Now you
#
# Write `im2col` for any number of images and channels. Each row has the pixels of its window one after the other, and
# for each pixel its C channels. Do not loop over pixels: put a border of p = K // 2 zeros around all maps at once;
# then the upper left pixels of *all* windows are one slice of the padded array, and so are the pixels next to them. K
# * K slices make all of `cols`.


# %%
def im2col(x, kernel=3):
    """(N, H, W, C) -> (N*H*W, K*K*C); entry (k*K + l)*C + c of a row is the pixel (k, l) of its window, channel c."""
    raise NotImplementedError  # your code here


# %%
from minidrcn import course

_ = course.check_im2col(im2col)

# %% [markdown]
# <details><summary>Hint</summary>
#
# `padded[:, k : k + H, l : l + W]` has the pixel (k, l) of every window, with shape (N, H, W, C). Collect them in an
# array of shape (N, H, W, K, K, C), and reshape it at the end.
#
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def im2col(x, kernel=3):
#     N, H, W, C = x.shape
#     p = kernel // 2
#     padded = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))
#     cols = np.empty((N, H, W, kernel, kernel, C), dtype=x.dtype)
#     for k in range(kernel):
#         for l in range(kernel):
#             cols[:, :, :, k, l] = padded[:, k : k + H, l : l + W]
#     return cols.reshape(N * H * W, kernel * kernel * C)
# ```
#
# </details>
#
# (This is exercise 1; `exercises/` has it to be graded.) The package's `im2col` does the same. With it, a convolution
# is two lines, and they agree with loops over everything:

# %%
from minidrcn.ops import conv

rng = np.random.default_rng(0)
N, H, W, C, F = 2, 5, 6, 3, 4
maps, kernel, bias = rng.normal(size=(N, H, W, C)), rng.normal(size=(3, 3, C, F)), rng.normal(size=F)

windows = conv.im2col(maps)
print("maps", maps.shape, "-> cols", windows.shape)
y = (windows @ kernel.reshape(9 * C, F) + bias).reshape(N, H, W, F)

from_loops = np.zeros((N, H, W, F))
for n in range(N):
    for f in range(F):
        channels = [convolve_with_loops(maps[n, :, :, c], kernel[:, :, c, f]) for c in range(C)]
        from_loops[n, :, :, f] = sum(channels) + bias[f]
print(f"two lines or five loops: the largest difference is {np.abs(y - from_loops).max():.0e}")
assert np.allclose(y, from_loops)

# %% [markdown]
# Now write it as a function, one for kernels of any odd size K. It returns the output and a *cache*: what the backward
# pass of lesson 3 will need, the two arrays x and w as they are. Your `im2col`, or the package's `conv.im2col`, is the
# tool.


# %%
def conv2d_forward(x, w, b):
    """x (N, H, W, C), w (K, K, C, F), b (F,): y (N, H, W, F) and the cache (x, w)."""
    raise NotImplementedError  # your code here: two or three lines


# %%
_ = course.check_conv_forward(conv2d_forward)

# %% [markdown]
# <details><summary>Hint</summary>
#
# `w.reshape(-1, F)` is the kernel as a matrix: its rows are in the order of the columns of `cols`. The product has N H
# W rows; the maps have the shape (N, H, W, F).
#
# </details>
#
# <details><summary>Solution</summary>
#
# ```python
# def conv2d_forward(x, w, b):
#     K, _, _, F = w.shape
#     y = conv.im2col(x, K) @ w.reshape(-1, F) + b
#     return y.reshape(*x.shape[:3], F), (x, w)
# ```
#
# </details>
#
# (Exercise 3.) The package's `conv.conv2d_forward` is these lines and a check of the shapes.
#
# ## Why bother?
#
# The loops do nine multiplications at a time and spend their time in the Python interpreter. A matrix product is the
# one thing that every computer has been tuned for (its *BLAS* library).

# %%
import time


def seconds(function, *arguments, repeat=3):
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        function(*arguments)
        times.append(time.perf_counter() - start)
    return min(times)


large, three_by_three = rng.normal(size=(200, 200)), rng.normal(size=(3, 3))
slow = seconds(convolve_with_loops, large, three_by_three)
as_maps = large[None, :, :, None], three_by_three[:, :, None, None], np.zeros(1)
fast = seconds(conv.conv2d_forward, *as_maps)
plots.bars({"loops": 1000 * slow, "im2col and a matrix product": 1000 * fast}, "milliseconds for a map of 200 x 200")

# %%
assert np.allclose(conv.conv2d_forward(*as_maps)[0][0, :, :, 0], convolve_with_loops(large, three_by_three))
assert fast < slow
print(f"the same map, and the loops take {slow / fast:.0f} times as long as the matrix product")

# %% [markdown]
# ## To try
#
# 1. Choose a `w` that shifts the map one pixel to the left. Which of its nine weights is not zero?
# 2. The mean of nine pixels is a blur: `w = np.ones((3, 3)) / 9`. Why do the border pixels come out too small?
# 3. Change `im2col_of_one_channel` for 5 x 5 kernels and compare it with `conv.im2col(x[None, :, :, None], kernel=5)`.
# 4. Some books mirror the kernel before sliding it; without that, the operation is called *cross-correlation*. Show
#    with an asymmetric `w` that nothing is mirrored here.
#
# <details><summary>Answers</summary>
#
# 1. The one to the right of the middle, `w[1, 2] = 1`: each output pixel takes over its right neighbour.
# 2. Their windows reach over the border, where three or five of the nine pixels are padding zeros; the sum is still
#    divided by nine.
# 3. `np.pad(x, 2)`, windows `[i : i + 5, j : j + 5]`; rows of 25 numbers.
# 4. With `w = [[0, 0, 0], [0, 0, 1], [0, 0, 0]]` the output at (1, 1) is `x[1, 2]`, the pixel on the *same* side. A
#    mirrored kernel would take `x[1, 0]`.
#
# </details>
