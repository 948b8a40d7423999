"""What a study will cost before it runs, what it may cost, and how well that was foreseen."""
