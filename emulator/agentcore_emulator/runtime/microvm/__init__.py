"""MicroVMs: one operating-system process per session, behind a seam that other hosts can fill.

In the order in which a session meets them:

    host       the seam: what a host starts, and what it gives back
    fork       the host of Linux: forks sessions from a zygote that has the heavy packages imported
    zygote     the host's handle on one zygote process
    preimport  which modules a zygote imports: learnt from the first session, remembered between runs
    spawn      the host of other systems: a fresh interpreter per session
    link       the line to one guest
    resources  what a microVM is given: sockets, folders, a log
"""
