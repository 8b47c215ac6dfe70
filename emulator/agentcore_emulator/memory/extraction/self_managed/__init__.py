"""Self-managed strategies: the conversation goes to the user's own pipeline, which makes the memory records.

When a trigger strikes, what was said since the last time becomes an object in the strategy's bucket, and a notification
goes to its topic (AWS developer guide, self-managed strategy).
"""
