"""Which host names are AWS's: requests for them are the emulator's to answer, wherever they turn up."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["AWS_DOMAINS", "is_aws_name", "meets_aws_names"]

AWS_DOMAINS: Final = (
    "amazonaws.com",
    "api.aws",
    "amazonaws.com.cn",
    "api.amazonwebservices.com.cn",
    "amazonaws.eu",
    "api.amazonwebservices.eu",
    "c2s.ic.gov",
    "api.aws.ic.gov",
    "sc2s.sgov.gov",
    "api.aws.scloud",
    "cloud.adc-e.uk",
    "api.cloud-aws.adc-e.uk",
    "csp.hci.ic.gov",
    "api.aws.hci.ic.gov",
)
"""The domains of AWS's services in every partition, and their dual-stack ones (botocore, data/partitions.json)."""

_SUFFIXES: Final = tuple(f".{domain}" for domain in AWS_DOMAINS)


def is_aws_name(host: str) -> bool:
    """Whether a host's name lies in one of `AWS_DOMAINS`, in any case, with or without the dot at its end."""
    return f".{host.lower().rstrip('.')}".endswith(_SUFFIXES)


def meets_aws_names(pattern: str) -> bool:
    """Whether an entry of NO_PROXY (`*`, `example.com`, `.example.com`, `example.com:443`) may hold for AWS names.

    Programs differ in how they match: to some, `s.com` holds for amazonaws.com.
    """
    domain = re.sub(r"^([^:]*):[0-9]+$", r"\1", pattern.strip().lower()).strip("*.")
    return is_aws_name(domain) or (pattern.strip() != "" and any(suffix.endswith(domain) for suffix in AWS_DOMAINS))
