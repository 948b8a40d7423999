"""A first study of one's own images: a look at the data, and a study file that runs on this machine."""
