"""How good a candidate is: training and scoring, run in a worker."""
