"""What generated images are compared with: statistics of real images, from data, files and a cache."""
