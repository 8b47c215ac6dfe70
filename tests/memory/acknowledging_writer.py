"""Writes events until it is killed, and prints the id of each one that was acknowledged.

Run as `python acknowledging_writer.py STATE_FILE MEMORY_ID` by test_durability.py.
"""

from __future__ import annotations

import asyncio
import os
import sys

from agentcore_emulator.clock import Clock
from agentcore_emulator.memory import MemoryPlane
from agentcore_emulator.store import Store


async def write(plane: MemoryPlane, memory: str, worker: int) -> None:
    number = 0
    while True:
        number += 1
        given = {
            "memoryId": memory,
            "actorId": "a",
            "sessionId": f"s{worker}",
            "eventTimestamp": float(number),
            "payload": [{"blob": f"{worker}/{number}" * 50}],
        }
        event = (await plane.operations["CreateEvent"](given))["event"]
        # One write(2) per line, so that a kill cannot cut an acknowledgement in two.
        os.write(sys.stdout.fileno(), f"{event['sessionId']} {event['eventId']}\n".encode())


async def main() -> None:
    file, memory = sys.argv[1:]
    plane = MemoryPlane(Store(f"sqlite:///{file}"), Clock(), "us-east-1", "123456789012")
    await asyncio.gather(*(write(plane, memory, worker) for worker in range(8)))


asyncio.run(main())
