"""Self-grading exercises: a check for each, which takes the function that a learner wrote.

    from minidrcn import course
    result = course.check_conv_backward(my_function)    # prints a table, with a hint if it knows the mistake
    result.fraction                                     # the score in [0, 1]

Checks run the function on several sizes with random numbers in float64, im2col and its adjoint in float32 as well;
gradients are compared with finite differences. `seed` changes sizes and numbers. `checks/bugs.py` lists the mistakes
that checks must find.
"""

from .checks.cases import grading_seed
from .checks.convolution import check_col2im, check_conv_backward, check_conv_forward, check_im2col
from .checks.pointwise import check_clipping, check_loss, check_relu_backward
from .checks.recursion import check_network_backward, check_recursion_backward, check_supervision_backward
from .checks.riddles import check_find_the_bug, show_riddles
from .checks.training import check_training
