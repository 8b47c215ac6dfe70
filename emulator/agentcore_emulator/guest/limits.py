"""Gives a guest what a microVM has: 2 vCPUs and 8 GB (AWS, "Quotas for Amazon Bedrock AgentCore").

The memory is that of each process, and counts what it has to itself (RLIMIT_DATA): address space that is only reserved,
as Node does with many gigabytes, is free.
"""

import os
import random
import resource

_CPUS = 2
_MEMORY = 8 * 1024**3


def limit() -> None:
    """Limit this process and whatever it starts; what the system does not offer is left out."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = _MEMORY if hard == resource.RLIM_INFINITY else min(_MEMORY, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    if hasattr(os, "sched_setaffinity"):
        cpus = sorted(os.sched_getaffinity(0))
        # Not always the same two for all guests; and nothing is drawn from the generator that the agent may seed.
        os.sched_setaffinity(0, random.SystemRandom().sample(cpus, min(_CPUS, len(cpus))))
