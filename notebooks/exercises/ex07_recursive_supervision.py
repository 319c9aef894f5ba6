# %% [markdown]
# # Exercise 7: recursive supervision, where two gradients meet
#
# **4 points, about 30 minutes.** DRCN makes a prediction after *every* recursion, with one more convolution that is
# shared by all of them:
#
# $$h_d = \mathrm{relu}(\,w * h_{d-1} + b\,) \qquad y_d = v * h_d + c \qquad d = 1 .. D$$
#
# Now the map $h_d$ is used twice: by the next recursion, which computes $h_{d+1}$ from it, and by its own prediction
# $y_d$. The forward pass, `ys, caches = supervision_forward(h_0, w, b, v, c, D)`, is given:
#
#     h = h_0
#     ys, caches = [], []
#     for _ in range(D):
#         z, conv_cache = conv2d_forward(h, w, b)
#         h, relu_cache = relu_forward(z)
#         y, reconstruct_cache = conv2d_forward(h, v, c)
#         ys.append(y)
#         caches.append((conv_cache, relu_cache, reconstruct_cache))
#     return np.stack(ys), tuple(caches)
#
#     caches[d - 1] = (conv_cache, relu_cache, reconstruct_cache)
#                     conv_cache = (h_(d-1), w)    relu_cache = h_d    reconstruct_cache = (h_d, v)
#
# `ys` has the shape (D, N, H, W, 1), the first prediction first. Write the backward pass. It starts from `dys`, the
# derivatives of the loss with respect to all predictions, with the shape of `ys`:
#
#     dh_0, dw, db, dv, dc = supervision_backward(dys, caches)
#                     h_0 (N, H, W, F)   w (K, K, F, F)   b (F,)   v (K, K, F, 1)   c (1,)
#
# The tools are those of exercise 6, imported below; `conv2d_backward(dys[d - 1], reconstruct_cache)` goes back through
# the prediction y_d.
#
# It is the loop of exercise 6 with one addition. Draw the maps as a chain, with a branch from each to its prediction.
# At every $h_d$ two gradients arrive: one along the chain, from everything that comes later, and one along the branch.
# What do you do with them, and on which side of the ReLU? What comes along the chain to the last map?
#
# Leave `dys` and the caches as they are.

# %% nbgrader={"grade": false, "grade_id": "ex07-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
import numpy as np

from minidrcn import course
from minidrcn.course.checks.recursive import supervision_forward
from minidrcn.ops.conv import conv2d_backward
from minidrcn.ops.pointwise import relu_backward


# %% nbgrader={"grade": false, "grade_id": "ex07-supervision_backward", "locked": false, "schema_version": 3, "solution": true, "task": false}
def supervision_backward(dys, caches):
    """From dys, the derivatives with respect to the D predictions, and the D caches: dh_0, dw, db, dv and dc."""
    ### BEGIN SOLUTION
    dh = 0  # nothing comes after the last map
    dw, db, dv, dc = 0, 0, 0, 0
    for d in reversed(range(len(caches))):
        conv_cache, relu_cache, reconstruct_cache = caches[d]
        # forward: y_d = conv(h_d, v, c)
        dh_supervision, dv_d, dc_d = conv2d_backward(dys[d], reconstruct_cache)
        dv, dc = dv + dv_d, dc + dc_d
        # h_d is used twice
        dh = dh + dh_supervision
        # forward: h_d = relu(conv(h_(d-1), w, b))
        dz = relu_backward(dh, relu_cache)
        dh, dw_d, db_d = conv2d_backward(dz, conv_cache)
        dw, db = dw + dw_d, db + db_d
    return dh, dw, db, dv, dc
    ### END SOLUTION


rng = np.random.default_rng(0)
h_0, w, v = rng.random((2, 4, 5, 3)), 0.2 * rng.normal(size=(3, 3, 3, 3)), rng.normal(size=(3, 3, 3, 1))
ys, caches = supervision_forward(h_0, w, np.ones(3), v, np.zeros(1), D=3)
print([gradient.shape for gradient in supervision_backward(np.ones_like(ys), caches)])

# %% [markdown]
# ## Check it
#
# The next cell runs your function on several sizes and shows which results are right and which are not. If the error
# matches a known mistake, it gives a hint. You can run it as often as you like. The number in its last line is your
# score; your function may be graded later on other sizes.

# %% nbgrader={"grade": true, "grade_id": "ex07-check", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
result = course.check_supervision_backward(supervision_backward)
### BEGIN HIDDEN TESTS
result = course.check_supervision_backward(supervision_backward, seed=course.grading_seed())
### END HIDDEN TESTS
round(4 * result.fraction, 2)
