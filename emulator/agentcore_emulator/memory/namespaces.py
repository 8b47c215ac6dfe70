"""Namespaces of records, and the templates that they are made from."""

from __future__ import annotations

__all__ = ["normalized"]


def normalized(text: str) -> str:
    """`text` with one slash at either end, `/` for the root (AWS developer guide, "Namespace format")."""
    inner = text.strip("/")
    return f"/{inner}/" if inner else "/"
