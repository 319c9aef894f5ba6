"""The network: forward and backward pass, loss, start values, files."""
