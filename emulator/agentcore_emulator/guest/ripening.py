"""Runs a zygote: forks guests that run the agent from its first line, or runs the agent here and forks where it serves.

The first is platform version V1, the second V2.
"""

import os
import socket
from typing import Any

from . import boot, channel, namespaces
from .link import Link
from .listen import Listeners
from .watch import Watch
from .zygote import Ripen, Zygote


def serve(argument: str) -> None:
    """Serve the host until it hangs up. In each forked child, run the agent to its end.

    `argument` is the descriptor of the line to the host, and after a comma `namespaces` or `plain`.
    """
    descriptor, _, isolation = argument.partition(",")
    line = socket.socket(fileno=int(descriptor))
    line.set_inheritable(False)  # It came inheritable, and is none of what an agent starts before its snapshot.
    isolated = isolation == "namespaces"
    if isolated:
        namespaces.become_init()
    zygote = Zygote(line, isolated=isolated)
    if not zygote.prepare():
        return
    order = zygote.serve()
    if isinstance(order, channel.Order):
        boot.run(order)
    elif isinstance(order, Ripen):
        _ripen(zygote, order)


def _ripen(zygote: Zygote, order: Ripen) -> None:
    from . import restore, snapshot
    from .traps import Traps

    spec = order.spec
    boot.take_standard_streams(order.log)
    boot.follow_time(spec)
    mounted = namespaces.settle(namespaces.Plan(**spec["isolation"])) if spec["isolation"] else []
    boot.take_environment(spec)
    link = Link(early=zygote.tell)

    def report(kind: str, place: str, what: str, remedy: str) -> None:
        zygote.tell({"trap": kind, "place": place, "what": what, "remedy": remedy})

    def become_guest(restored: channel.Order) -> None:
        boot.move_in(restored, link, listeners, mounted)
        restore.reopen(restored.descriptors, _moved(spec, restored.spec))

    traps = Traps(Watch(link, spec["project"]), report)
    listeners = Listeners(spec["port"], link, snapshot.Snapshot(zygote, traps, become_guest))
    snapshot.avoid_uvloop()
    boot.take_program(spec)
    # Until it stands still it does not see that the host is gone.
    zygote.die_with_host(True)
    traps.begin()
    boot.run_agent(spec, link, listeners)


def _moved(before: dict[str, Any], now: dict[str, Any]) -> dict[str, str]:
    """Where a session's files are that at the time of the snapshot were the version's."""
    pairs = [(before["folder"], now["folder"])]
    pairs += [(before["environ"][name], now["environ"][name]) for name in ("HOME", "TMPDIR") if name in now["environ"]]
    return {old: new for old, new in pairs if old != new and os.path.isabs(old)}
