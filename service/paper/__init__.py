"""A study's results as a paper needs them: views of ``StudyResult``; nothing is computed here."""
