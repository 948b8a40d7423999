"""What people do with studies that are there: compare, share, try again, remove, and free their checkpoints."""
