"""Memories outside of a store: what is in them, one JSON object a line."""
