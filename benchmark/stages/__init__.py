"""What each stage of the loop costs a frame."""
