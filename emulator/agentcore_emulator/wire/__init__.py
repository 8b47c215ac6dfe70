"""AWS REST-JSON on the wire: routes, validation, serialisation, event streams and error envelopes.

Everything is read from botocore's own service models, so a client and the emulator cannot disagree on a shape.
Nothing is imported here: botocore is loaded when the first service is.
"""
