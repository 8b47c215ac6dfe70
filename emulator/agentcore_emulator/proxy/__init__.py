"""AWS's host names on this machine: a proxy that answers for them itself, and tunnels every other host untouched.

Clients that insist on `https://…amazonaws.com` or `wss://…amazonaws.com` reach it by HTTPS_PROXY, and trust it by a
certificate authority of this machine's own.
"""
