"""The loop: ask for a configuration, have it evaluated, tell its score."""
