"""Studies as jobs on a Ray cluster: Ray's job API, what travels with a job, and a job's output.

Ray is imported where it is needed: most of what imports this package submits nothing.
"""
