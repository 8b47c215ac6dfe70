"""Parity: what one target answered, recorded; what another answers, held against it; and the report of both."""
