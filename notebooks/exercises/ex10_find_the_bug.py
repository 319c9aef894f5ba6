# %% [markdown]
# # Exercise 10: find the bug
#
# **3 points, about 30 minutes.** Somebody else's backward passes are broken, and you cannot see their code: all you
# have is what the checker says about them. Each report has a line for every result and every size that was tried. The
# sizes are chosen to be informative: with one image nothing can go wrong between images, with a kernel of one pixel
# nothing can go wrong inside the kernel, with D = 1 there is nothing to add up.
#
# Read a report like this:
#
# * **Which results are wrong, and which are right?** A right result rules out every mistake that would have spoiled it.
# * **For which sizes?** If two mistakes look alike, ask what each would do in the smallest case.
# * **The hint**, where there is one, says what the wrong numbers look like.
#
# Each report is followed by the mistakes to choose from; one of them caused it. The functions are those of exercises 4,
# 6, 7 and 8. The last riddle is about the backward pass of the whole network, which gets the derivatives with respect
# to the ensemble's prediction (`dfinal`) and to each recursion's own (`dys`). There `embed1` and `embed2` come before
# the recursion, `reconstruct1` and `reconstruct2` make the prediction from each $h_d$, the input is added to it (the
# skip, so $y_d = x + ...$), and `ensemble.w` weights the predictions.

# %% nbgrader={"grade": false, "grade_id": "ex10-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
from minidrcn import course

RIDDLES = 0
course.show_riddles(RIDDLES)


# %% nbgrader={"grade": false, "grade_id": "ex10-diagnose", "locked": false, "schema_version": 3, "solution": true, "task": false}
def diagnose(riddle):
    """The name of the mistake behind riddle 1, 2, 3, 4 or 5, as its list names it: a string."""
    ### BEGIN SOLUTION
    answers = {
        # Only dx is wrong; it is right for a single image, and when read backwards along N.
        1: "conv_dx_batch_permuted",
        # Right for D = 1, all three wrong for D > 1. A mean would leave dh_0 right; a missing mask would show at D = 1.
        2: "recursion_walks_forward",
        # Wrong for D = 1 already, where nothing comes along the chain: the mistake is not what is added but where.
        3: "supervision_masks_too_early",
        # dys is right for alpha = 0 and zero for alpha = 1: the part that alpha weights is missing.
        4: "whole_loss_forgets_singles",
        # The reconstruction and the ensemble are right; everything before them gets no gradient at all.
        5: "supervision_ends_at_reconstruction",
    }
    return answers[riddle]
    ### END SOLUTION


print([diagnose(riddle) for riddle in range(1, 6)])

# %% [markdown]
# ## Check it
#
# The next cell says which answers are right.

# %% nbgrader={"grade": true, "grade_id": "ex10-check", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
result = course.check_find_the_bug(diagnose, riddles=RIDDLES)
round(3 * result.fraction, 2)
