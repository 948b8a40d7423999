"""Tuned arms: what their values are chosen from, how they are asked for, and in which groups they are compared."""
