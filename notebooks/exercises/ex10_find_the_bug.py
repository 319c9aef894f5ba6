# %% [markdown]
# # Exercise 10: find the bug
#
# **3 points, about 30 minutes.** Somebody else's backward passes are broken, and you cannot see their code: all you
# have is what the checker says of them. Each report has a line for every result and every size that it was tried with.
# The sizes are chosen to tell something: with one image nothing can go wrong between images, with a kernel of one
# pixel nothing can go wrong inside the kernel, with D = 1 there is nothing to add up.
#
# Read a report like this:
#
# * **Which results are wrong, and which are right?** What is right has an alibi.
# * **For which sizes?** Where two mistakes look alike, ask of each what it would do in the smallest case.
# * **The hint**, where there is one, says what the wrong numbers look like.
#
# Below each report stand the mistakes to choose from; one of them is behind it. The functions are those of exercises
# 4, 6, 7 and 8. In the last riddle it is the backward pass of the whole network, which gets the derivatives by the
# ensemble's prediction (`dfinal`) and by each recursion's own (`dys`). There `embed1` and `embed2` come before the
# recursion, `reconstruct1` and `reconstruct2` make the prediction of each $h_d$, the input is added to it (the skip,
# so $y_d = x + ...$), and `ensemble.w` weighs the predictions.

# %% nbgrader={"grade": false, "grade_id": "ex10-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
from minidrcn import course

RIDDLES = 0
course.show_riddles(RIDDLES)


# %% nbgrader={"grade": false, "grade_id": "ex10-diagnose", "locked": false, "schema_version": 3, "solution": true, "task": false}
def diagnose(riddle):
    """The name of the mistake behind riddle 1, 2, 3, 4 or 5, as it stands in its list: a string."""
    ### BEGIN SOLUTION
    answers = {
        # dx alone is wrong, and with a single image it is right; read backwards along N it is right.
        1: "conv_dx_batch_permuted",
        # Right for D = 1, all three wrong beyond: no mean, and with D = 1 a missing mask would show.
        2: "recursion_walks_forward",
        # Wrong for D = 1 already, where nothing comes along the chain: so it is not what is added but where.
        3: "supervision_masks_too_early",
        # dys is right for alpha = 0 and zero for alpha = 1: the part that alpha weighs is missing.
        4: "whole_loss_forgets_companions",
        # The reconstruction and the ensemble are right; everything before them gets nothing at all.
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
