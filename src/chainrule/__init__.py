"""Function transformations of NumPy programs: differentiate, batch, stage."""
