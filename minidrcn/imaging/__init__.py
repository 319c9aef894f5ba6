"""Photographs in and out, tiles, and how the paper measured."""
