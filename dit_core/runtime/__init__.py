"""What every room of dit_core runs on: randomness, processes, precision, compilation."""
