"""What our own code costs beside the bare floor: see `mailroom`."""
