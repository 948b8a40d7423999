"""What a stopping policy would do: studies replayed through the very functions of the policies, on curves."""
