"""AWS services that the emulator does not build itself."""
