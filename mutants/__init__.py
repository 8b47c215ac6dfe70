"""Whether the contract suite can fail: deliberate faults in the emulator, each of which it must catch.

`python -m mutants`.
"""
