"""Modules that Python loads by itself when names are looked up and certificates are read for the first time."""

import ssl


def load_codecs() -> None:
    """The encoder of host names, and the parser of a certificate's dates."""
    "localhost".encode("idna")
    ssl.cert_time_to_seconds("Jan  1 00:00:00 2026 GMT")
