"""The generator: six files like the real ones, wrong records included, with the answers; and the plain reference."""
