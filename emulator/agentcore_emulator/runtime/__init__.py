"""The runtime plane: sessions, each in a microVM of its own, and the operations that reach them."""
