# %% [markdown]
# # Exercise 8: the whole loss
#
# **4 points, about 30 minutes.** There are D predictions $y_d$ of the same image. The final one, the *ensemble*, is
# their weighted sum, with weights that are learned:
#
# $$\hat y = \sum_{d=1}^{D} w_d\, y_d$$
#
# The weights are unconstrained: they need not be positive or sum to one. The loss compares every prediction, and the
# ensemble as well, with the target $y$. N is the number of images; $\lVert\cdot\rVert^2$ is the sum of the squares over
# all pixels of an image.
#
# $$\ell_1 = \sum_{d=1}^{D} \frac{1}{2 D N} \sum_{n=1}^{N} \lVert y^{(n)} - y_d^{(n)} \rVert^2 \qquad
# \ell_2 = \frac{1}{2 N} \sum_{n=1}^{N} \lVert y^{(n)} - \hat y^{(n)} \rVert^2 \qquad
# L = \alpha\, \ell_1 + (1 - \alpha)\, \ell_2$$
#
# Write the loss and its derivatives with respect to the predictions and the weights, in one function:
#
#     loss, dys, dw = loss_and_gradients(ys, w, y, alpha)
#
#     ys (D, N, H, W, 1)    w (D,)    y (N, H, W, 1), the target    alpha in 0..1
#     loss, a number        dys and dw with the shapes of ys and w
#
# Each prediction is used twice: in $\ell_1$ directly, and in $\ell_2$ through the ensemble. Inputs stay as they are.
#
# *A check by hand:* one image of one pixel, D = 2, predictions 1 and 3, weights 0.5 and 1, target 2, alpha = 0.5. The
# ensemble is 3.5. $\ell_1 = \frac{1}{4}(1 + 1) = 0.5$, $\ell_2 = \frac{1}{2} \cdot 1.5^2 = 1.125$, so L = 0.8125. The
# derivative of L with respect to the ensemble is 0.5 * 1.5 = 0.75; with respect to the weights, 0.75 and 2.25; with
# respect to the predictions, 0.5 * (-1)/2 + 0.5 * 0.75 = 0.125 and 0.5 * 1/2 + 1 * 0.75 = 1.

# %% nbgrader={"grade": false, "grade_id": "ex08-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
import numpy as np

from minidrcn import course


# %% nbgrader={"grade": false, "grade_id": "ex08-loss_and_gradients", "locked": false, "schema_version": 3, "solution": true, "task": false}
def loss_and_gradients(ys, w, y, alpha):
    """The loss of D predictions and their ensemble, and its derivatives: loss, dys (D, N, H, W, 1), dw (D,)."""
    ### BEGIN SOLUTION
    D, N = len(ys), len(y)
    final = np.tensordot(w, ys, axes=1)
    l1 = ((ys - y) ** 2).sum() / (2 * D * N)
    l2 = ((final - y) ** 2).sum() / (2 * N)
    loss = alpha * l1 + (1 - alpha) * l2

    # forward: l2 = sum (final - y)^2 / (2 N)
    dfinal = (1 - alpha) * (final - y) / N
    # forward: final = sum_d w_d ys_d
    dw = (ys * dfinal).reshape(D, -1).sum(axis=1)
    dys_ensemble = w.reshape(-1, 1, 1, 1, 1) * dfinal
    # forward: l1 = sum_d sum (ys_d - y)^2 / (2 D N)
    dys = alpha * (ys - y) / (D * N) + dys_ensemble
    return loss, dys, dw
    ### END SOLUTION


# The check by hand: 0.8125, 0.125 and 1, 0.75 and 2.25.
ys, y = np.array([1.0, 3.0]).reshape(2, 1, 1, 1, 1), np.full((1, 1, 1, 1), 2.0)
loss, dys, dw = loss_and_gradients(ys, np.array([0.5, 1.0]), y, 0.5)
print(loss, dys.ravel(), dw)

# %% [markdown]
# ## Check it
#
# The next cell runs your function on several sizes and shows which results are right and which are not. If the error
# matches a known mistake, it gives a hint. You can run it as often as you like. The number in its last line is your
# score; your function may be graded later on other sizes.

# %% nbgrader={"grade": true, "grade_id": "ex08-check", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
result = course.check_loss(loss_and_gradients)
### BEGIN HIDDEN TESTS
result = course.check_loss(loss_and_gradients, seed=course.grading_seed())
### END HIDDEN TESTS
round(4 * result.fraction, 2)
