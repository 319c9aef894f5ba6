# %% [markdown]
# # Exercise 9: clipping by the global norm
#
# **2 points, about 15 minutes.** A gradient that goes back through D recursions is multiplied by the same kernel D
# times, and now and then it explodes: it comes out a thousand times too long. One such step undoes many good ones. The
# remedy is gradient clipping: if the gradient is too long, shorten it, and keep its direction.
#
# *The gradient* means all parameters' gradients together, as if they were one long vector. Its length is
#
# $$\mathrm{norm} = \sqrt{\textstyle\sum_{\text{all arrays}} \sum_{\text{all entries}} g^2}$$
#
# If it is longer than `max_norm`, every array is multiplied by the same factor `max_norm / norm`. If it is not, the
# gradients stay as they are: clipping never makes a step longer.
#
#     clipped, norm = clip_by_global_norm(grads, max_norm)
#
# `grads` is a dict of arrays of any shapes, `max_norm` a positive number. Return a **new** dict with the same keys, and
# the norm *before* clipping, a number that belongs in the log. The dict that comes in and its arrays stay as they are.
# And mind the case in which all gradients are zero.
#
# For example, {w: (3, 0), b: (4)} has the norm 5; clipped to 2.5 it is {w: (1.5, 0), b: (2)}.

# %% nbgrader={"grade": false, "grade_id": "ex09-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
import numpy as np

from minidrcn import course


# %% nbgrader={"grade": false, "grade_id": "ex09-clip_by_global_norm", "locked": false, "schema_version": 3, "solution": true, "task": false}
def clip_by_global_norm(grads, max_norm):
    """Shorten a dict of gradients to max_norm if together they are longer: the new dict, and the norm before."""
    ### BEGIN SOLUTION
    norm = np.sqrt(sum((g**2).sum() for g in grads.values()))
    factor = max_norm / max(norm, max_norm)
    return {name: factor * g for name, g in grads.items()}, norm
    ### END SOLUTION


# The example from above.
print(clip_by_global_norm({"w": np.array([3.0, 0.0]), "b": np.array([4.0])}, 2.5))

# %% [markdown]
# ## Check it
#
# The next cell runs your function on several sizes and shows which results are right and which are not. If the error
# matches a known mistake, it gives a hint. You can run it as often as you like. The number in its last line is your
# score; your function may be graded later on other sizes.

# %% nbgrader={"grade": true, "grade_id": "ex09-check", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
result = course.check_clipping(clip_by_global_norm)
### BEGIN HIDDEN TESTS
result = course.check_clipping(clip_by_global_norm, seed=course.grading_seed())
### END HIDDEN TESTS
round(2 * result.fraction, 2)
