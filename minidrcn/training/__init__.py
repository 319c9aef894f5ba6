"""One update of the weights, the loop around it, its options, and what a run leaves behind."""
