"""X and y to arrays and back."""
