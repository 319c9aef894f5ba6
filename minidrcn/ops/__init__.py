"""Forward/backward pairs. They know arrays and nothing of networks.

Every pair keeps one contract:

    y, cache   = something_forward(x, ...)     cache holds references, never copies
    dx, ...    = something_backward(dy, cache) fresh arrays; dy, cache and the inputs are left as they were

No state, no mutation; a backward pass may be called twice. Arrays keep the dtype they come in: float64 for gradient
checks, float32 for training. NumPy and CuPy arrays are both welcome and are never mixed.
"""
