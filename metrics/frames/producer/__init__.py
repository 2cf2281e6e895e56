"""Production of frames into the input topic: generated, paced, sent, resumed."""
