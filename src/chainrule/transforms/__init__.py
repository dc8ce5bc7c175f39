"""Transformations: stage, jvp, linearize, transpose, batch, Taylor, and their uses."""
