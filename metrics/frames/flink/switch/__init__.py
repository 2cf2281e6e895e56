"""From the application to Flink, and back: no window is lost or published twice.

Forth, the group's state stays as it was when the application stopped, with a mark that Flink publishes what follows.
Back, the application's own core counts the frames since then again, up to what Flink has published, and its state
becomes the group's. So nothing of Flink's own state is needed: its savepoints are left behind.
"""
