"""Generated bad studies, plans, option values and records; each must give one sentence, or be valid."""
