"""What the camera sees, for the model: a V4L2 camera, a file or the snapshot of a network camera."""
