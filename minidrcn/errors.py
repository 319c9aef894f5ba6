"""The two kinds of errors a user can cause, each with the exit status its command ends with."""


class UsageError(ValueError):
    """An invalid request: an option out of range, a scale without weights. The command exits with 2."""

    exit_status = 2


class InputError(ValueError):
    """A valid request, but invalid input: a file that is not an image. The command exits with 1."""

    exit_status = 1
