"""Sessions without end, and whether the emulator is as it was after them: `python -m soak`."""
