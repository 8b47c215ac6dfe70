"""Writes events until it is killed, and prints the id of each one that was acknowledged.

Run as `python acknowledging_writer.py STORE MEMORY_ID CLIENTS` by test_durability.py.
"""

from __future__ import annotations

import asyncio
import os
import sys

from agentcore_emulator.clock import Clock
from agentcore_emulator.memory import MemoryPlane
from agentcore_emulator.store import Store


async def write(plane: MemoryPlane, memory: str, client: int) -> None:
    number = 0
    while True:
        number += 1
        given = {
            "memoryId": memory,
            "actorId": "a",
            # A new one now and then, so that sessions too are made when the kill comes.
            "sessionId": f"s{client}-{number // 10}",
            "eventTimestamp": float(number),
            "payload": [{"blob": f"{client}/{number}" * 50}],
            "metadata": {"client": {"stringValue": str(client)}, "number": {"stringValue": str(number)}},
        }
        event = (await plane.operations["CreateEvent"](given))["event"]
        # One write(2) per line, so that a kill cannot cut an acknowledgement in two.
        os.write(sys.stdout.fileno(), f"{event['sessionId']} {event['eventId']}\n".encode())


async def main() -> None:
    url, memory, clients = sys.argv[1:]
    plane = MemoryPlane(Store(url), Clock(), "us-east-1", "123456789012")
    await asyncio.gather(*(write(plane, memory, client) for client in range(int(clients))))


asyncio.run(main())
