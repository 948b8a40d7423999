"""Checks that an author of a part runs in tests of their own; each raises ``AssertionError`` and says what is wrong.

``networks`` is for what a network is made of, ``metrics`` for metrics, ``training`` for whole trials with any part:
resumed to the same bits, and with two workers. Policies have ``service.conformance.policies``.
"""
