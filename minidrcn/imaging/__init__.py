"""Upscaling photographs, tiling, the evaluation protocol."""
