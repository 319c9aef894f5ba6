"""The network: forward and backward pass, loss, initial weights, files."""
