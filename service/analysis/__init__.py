"""What the records mean: status, statistics, summary, preview and results of a study."""
