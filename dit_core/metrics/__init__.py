"""Scores of generated images. To add one: a new file with a ``Metric`` and one line in ``dit_core.parts.METRICS``."""
