"""Finds what is damaged in a store, says what it costs to make it again, and makes it again."""
