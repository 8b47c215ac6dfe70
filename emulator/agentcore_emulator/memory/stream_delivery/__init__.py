"""Events of memory records, for the Kinesis stream that a memory's `streamDeliveryResources` name."""

from agentcore_emulator.memory.stream_delivery.delivery import Delivery

__all__ = ["Delivery"]
