"""For exercises: `bugs` is the list of mistakes that gradient checks must find."""
