"""The republished stream compared with the frames that were consumed."""
