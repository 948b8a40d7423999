"""Checks that the author of a stopping policy runs in tests of their own."""
