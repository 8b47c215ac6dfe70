"""PutRecords of the Kinesis behind the emulator's own front door, or with `--passthrough` of the real one."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from botocore.exceptions import ClientError
from starlette.types import ASGIApp

from agentcore_emulator.front_door import PATIENCE_SECONDS, ServiceClient

__all__ = ["Kinesis"]

# Of one request, which takes 5 MiB with the partition keys (Kinesis API reference).
_MOST_BYTES: Final = 4_000_000


class Kinesis:
    """Calls Kinesis of `app`, the whole emulator as an ASGI app, in the region of each stream."""

    def __init__(self, app: ASGIApp) -> None:
        self._in_region = functools.cache(functools.partial(ServiceClient, app, "kinesis"))

    async def put(
        self, stream_arn: str, events: Sequence[tuple[str, Mapping[str, Any]]]
    ) -> tuple[list[int], str | None]:
        """Put partition keys and events, 500 at most, into a stream.

        Returns the places of those that it has taken, and why it has not taken all of them.
        """
        client = self._in_region(stream_arn.split(":")[3])
        taken: list[int] = []
        place = 0
        for records in _requests(events):
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    answer = await client.call("PutRecords", StreamARN=stream_arn, Records=records)
            except TimeoutError:
                return taken, f"no answer within {PATIENCE_SECONDS:.0f} seconds"
            except ClientError as error:
                return taken, _said(dict(error.response["Error"]), "Code", "Message")
            failed = [result for result in answer["Records"] if "ErrorCode" in result]
            taken += [place + number for number, result in enumerate(answer["Records"]) if "ErrorCode" not in result]
            if failed:
                return taken, _said(failed[0], "ErrorCode", "ErrorMessage")
            place += len(records)
        return taken, None


def _requests(events: Sequence[tuple[str, Mapping[str, Any]]]) -> Iterator[list[dict[str, Any]]]:
    """As many records at a time as one request takes."""
    records: list[dict[str, Any]] = []
    size = 0
    for partition_key, event in events:
        data = json.dumps(event, ensure_ascii=False).encode()
        if records and size + len(data) > _MOST_BYTES:
            yield records
            records, size = [], 0
        records.append({"Data": data, "PartitionKey": partition_key})
        size += len(data)
    yield records


def _said(error: Mapping[str, Any], code: str, message: str) -> str:
    return ": ".join(filter(None, (error.get(code), error.get(message)))).rstrip(".")
