"""From where on samples are called copies of training images."""

SUSPICIOUS = -3.0
"""A statistic below this many standard deviations is called copying, as Meehan et al. (arXiv 2004.05675) do."""
