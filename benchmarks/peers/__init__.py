"""The paper's model and training step written the plain way, to be timed beside ours."""
