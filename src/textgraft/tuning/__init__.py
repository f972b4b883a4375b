"""Hyperparameter search on validation texts: the search space, its trials, and the leaderboard."""
