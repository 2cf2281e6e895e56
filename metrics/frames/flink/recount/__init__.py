"""Recount of the frames that a job has read, plainly, compared with what Flink has published.

As `verify` does it for the main job: the same recount of windows, and the same comparison with the records. But frames
are judged by what the SQL says instead of the application's core; and records are compared as bytes, too.
"""
