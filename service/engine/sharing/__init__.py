"""Several studies on one Ray cluster: each driver says what it wants and has, and all compute the same shares.

There is no scheduler. ``board`` holds what the drivers say, ``shares`` is the pure function that all of them apply to
it, ``member`` is a driver's side, and Ray places the lanes.
"""
