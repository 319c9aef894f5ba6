# %% [markdown]
# # Exercise 6: one convolution, used D times
#
# **3 points, about 25 minutes.** The R of DRCN: the same convolution (exercise 3, written $*$) is applied again and
# again,
#
# $$h_d = \mathrm{relu}(\,w * h_{d-1} + b\,) \qquad d = 1 .. D$$
#
# The forward pass, `h_D, caches = recursion_forward(h_0, w, b, D)`, is given. It keeps a cache for each of the D uses:
#
#     h = h_0
#     caches = []
#     for _ in range(D):
#         z, conv_cache = conv2d_forward(h, w, b)
#         h, relu_cache = relu_forward(z)
#         caches.append((conv_cache, relu_cache))
#     return h, tuple(caches)
#
#     caches[d - 1] = (conv_cache, relu_cache)        conv_cache = (h_(d-1), w)    relu_cache = h_d
#
# `caches` is a tuple of D such pairs, the first use first. Write the backward pass (backpropagation through time). It
# starts from `dh`, the derivative of the loss with respect to the last map h_D:
#
#     dh_0, dw, db = recursion_backward(dh, caches)        maps (N, H, W, F)   w (K, K, F, F)   b (F,)
#
# Your tools are the backward passes of the two layers, your own from exercises 4 and 5 or the package's, which are
# imported below:
#
#     dx, dw, db = conv2d_backward(dy, conv_cache)         the gradients of one use of the convolution
#     dx = relu_backward(dy, relu_cache)
#
# Answer two questions before you write. In which order does the backward pass meet the uses? And if `w` is used D
# times, and each use contributes a gradient of its own, what is the gradient of `w`? (Think of D different kernels that
# happen to be equal: what happens to the loss if all of them change together?)
#
# Leave `dh` and the caches as they are.

# %% nbgrader={"grade": false, "grade_id": "ex06-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
import numpy as np

from minidrcn import course
from minidrcn.course.checks.recursive import recursion_forward
from minidrcn.ops.conv import conv2d_backward
from minidrcn.ops.pointwise import relu_backward


# %% nbgrader={"grade": false, "grade_id": "ex06-recursion_backward", "locked": false, "schema_version": 3, "solution": true, "task": false}
def recursion_backward(dh, caches):
    """From dh, the derivative with respect to h_D, and the D caches: dh_0, dw and db."""
    ### BEGIN SOLUTION
    dw, db = 0, 0
    for conv_cache, relu_cache in reversed(caches):
        # forward: h_d = relu(conv(h_(d-1), w, b))
        dz = relu_backward(dh, relu_cache)
        dh, dw_d, db_d = conv2d_backward(dz, conv_cache)
        dw = dw + dw_d
        db = db + db_d
    return dh, dw, db
    ### END SOLUTION


rng = np.random.default_rng(0)
h_D, caches = recursion_forward(rng.random((2, 4, 5, 3)), 0.2 * rng.normal(size=(3, 3, 3, 3)), np.ones(3), D=3)
print([gradient.shape for gradient in recursion_backward(np.ones_like(h_D), caches)])

# %% [markdown]
# ## Check it
#
# The next cell runs your function on several sizes and shows which results are right and which are not. If the error
# matches a known mistake, it gives a hint. You can run it as often as you like. The number in its last line is your
# score; your function may be graded later on other sizes.

# %% nbgrader={"grade": true, "grade_id": "ex06-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
result = course.check_recursion_backward(recursion_backward)
### BEGIN HIDDEN TESTS
result = course.check_recursion_backward(recursion_backward, seed=course.grading_seed())
### END HIDDEN TESTS
round(3 * result.fraction, 2)
