"""What is kept: records, the store that holds them, and what is known about a study from them."""
