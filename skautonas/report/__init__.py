"""What a search found: trials, leaderboard, progress."""
