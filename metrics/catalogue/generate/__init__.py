"""The generator of six sample files, wrong records included, with the answers; and the plain reference."""
