"""The scripted tour: the reference agent in a real emulator, and what the platform does to it.

tour      the scenes, in order, and whether each went as told
stage     the emulators of the tour, and where the reference agent lies
scenes    cold and warm, streaming, memory, isolation, a crash
quirks    the five quirks, biting and remedied
board     how scenes are shown, and where their checks are kept
quirks_agent.py  the agent that runs into every quirk
pacing.yaml      the scripted model's tokens at a pace that a person can see
"""
