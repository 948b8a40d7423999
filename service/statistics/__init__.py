"""What may be concluded from a handful of seeds: one linear model, one simultaneous procedure, one verdict a contrast.

Pure functions of numbers: nothing here reads a store. ``model.py`` fits arms and seeds, ``simultaneous.py`` corrects
all contrasts of a study together, ``power.py`` says what more seeds would do, ``verdict.py`` is what everything else
shows. ``docs/statistics.md`` states what is assumed and what was measured.
"""
