# %% [markdown]
# # Exercise 5: ReLU, and where the mask comes from
#
# **1 point, about 10 minutes.** A ReLU lets a number through if it is positive, and replaces it with zero otherwise:
# $y = \max(x, 0)$, entry by entry. In the backward pass, the gradient passes where the signal has passed, and is
# stopped where the signal was stopped.
#
# So the gradient is multiplied by a *mask*. What is the mask made from? Not from the gradient that comes back: the
# forward pass decided where the signal passed. Nor do we have to keep `x` for it: the output shows the same. So here
# the cache is the output:
#
#     y, cache = relu_forward(x)           the cache is y itself
#     dx = relu_backward(dy, cache)        arrays of any shape, all the same
#
# Write `relu_backward`. At x = 0, where ReLU has no derivative, take 0.
#
# For example, with x = (-2, 3, 0, 5) the output is (0, 3, 0, 5), and a gradient dy = (10, -20, 30, 40) comes back as
# (0, -20, 0, 40). Note the second number: negative gradients pass like any other.
#
# `dy` must stay as it is. In a network with recursive supervision the same gradient is used in two places, and a
# function that masks it in place corrupts it for the other one.

# %% nbgrader={"grade": false, "grade_id": "ex05-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
import numpy as np

from minidrcn import course


# %% nbgrader={"grade": false, "grade_id": "ex05-relu_backward", "locked": false, "schema_version": 3, "solution": true, "task": false}
def relu_backward(dy, cache):
    """From dy and the forward pass's output y: dx, all of the same shape."""
    ### BEGIN SOLUTION
    y = cache
    return dy * (y > 0)
    ### END SOLUTION


# The example from above.
print(relu_backward(np.array([10.0, -20.0, 30.0, 40.0]), np.array([0.0, 3.0, 0.0, 5.0])))

# %% [markdown]
# ## Check it
#
# The next cell runs your function on several sizes and shows which results are right and which are not. If the error
# matches a known mistake, it gives a hint. You can run it as often as you like. The number in its last line is your
# score; your function may be graded later on other sizes.

# %% nbgrader={"grade": true, "grade_id": "ex05-check", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
result = course.check_relu_backward(relu_backward)
### BEGIN HIDDEN TESTS
result = course.check_relu_backward(relu_backward, seed=course.grading_seed())
### END HIDDEN TESTS
round(1 * result.fraction, 2)
