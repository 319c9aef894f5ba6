"""The two kinds of errors a user can cause, each with the exit status its command ends with."""


class UsageError(ValueError):
    """What was asked for cannot be: an option out of range, a scale without weights. The command exits with 2."""

    exit_status = 2


class InputError(ValueError):
    """What was asked for is sound, what was found is not: a file that is no image. The command exits with 1."""

    exit_status = 1
