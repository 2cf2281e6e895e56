"""The main job: a single poll loop from frames to results."""
