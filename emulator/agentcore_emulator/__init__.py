"""Runs agents for Amazon Bedrock AgentCore Runtime, and their unmodified clients, on one machine without AWS."""

__all__ = ["__version__"]

__version__ = "0.1.0"
