"""MicroVMs: one operating-system process per session, behind a seam that other hosts can fill.

In the order in which a session meets them:

    host       the seam: what a host starts, and what it gives back
    fork       the host of Linux: forks sessions from a zygote that has the heavy packages imported
    zygote     the host's handle on one zygote process
    preimport  which modules a zygote imports: learnt from the first session, remembered between runs
    snapshot   the host of platform version V2: forks sessions from a zygote that runs the agent
    spawn      the host of other systems: a fresh interpreter per session
    command    the host of agents that are not Python: any executable
    isolation  how far this system can isolate guests
    process    a guest that is a process of its own from the start
    listeners  on which ports a process listens
    link       the line to one guest
    resources  what a microVM is given: sockets, folders, a log
"""
