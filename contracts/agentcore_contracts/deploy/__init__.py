"""`agentcore-contracts deploy` and `destroy`: what the contracts run on, made in an AWS account and taken away again.

Everything is found again by its name and the tag `TAG`, and by nothing that this machine would have to remember.
"""
