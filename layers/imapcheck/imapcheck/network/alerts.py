"""TLS alerts by their names (RFC 8446 section 6), also those that OpenSSL or Python has no words for."""

import re
import ssl

_NAMES = {
    0: "close notify", 10: "unexpected message", 20: "bad record mac", 21: "decryption failed", 22: "record overflow",
    30: "decompression failure", 40: "handshake failure", 41: "no certificate", 42: "bad certificate",
    43: "unsupported certificate", 44: "certificate revoked", 45: "certificate expired", 46: "certificate unknown",
    47: "illegal parameter", 48: "unknown ca", 49: "access denied", 50: "decode error", 51: "decrypt error",
    52: "too many cids requested", 60: "export restriction", 70: "protocol version", 71: "insufficient security",
    80: "internal error", 86: "inappropriate fallback", 90: "user canceled", 100: "no renegotiation",
    109: "missing extension", 110: "unsupported extension", 111: "certificate unobtainable", 112: "unrecognized name",
    113: "bad certificate status response", 114: "bad certificate hash value", 115: "unknown psk identity",
    116: "certificate required", 117: "general error", 120: "no application protocol", 121: "ech required",
}  # fmt: skip
_PYTHONS = r"^\[SSL[^\]]*\]|\(?_?ssl\.c:\d+\)?"
"""What Python puts around the words of OpenSSL."""
_ALERTS = r"^tlsv1 (?=unsupported extension|certificate unobtainable|unrecognized name|bad certificate (?:status|hash))"
"""Alerts that OpenSSL does not call so."""


def alert_of(records: bytes) -> int | None:
    """The number of the alert that `records` end with, where it is not encrypted."""
    last = records[-7:]
    return last[6] if len(last) == 7 and last[:1] == b"\x15" and last[3:5] == b"\0\x02" else None


def reason_in_words(error: ssl.SSLError, alert: int | None = None) -> str:
    """OpenSSL's reason, such as `tlsv13 alert certificate required`; where it has none, the name of `alert`."""
    said = getattr(error, "reason", None) or re.sub(_PYTHONS, " ", error.strerror or "")
    words = re.sub(r"[^A-Za-z0-9]+", " ", str(said)).strip().lower()
    if words in ("", "unknown error", "ssl unknown error"):
        return "an alert or error that OpenSSL has no name for" if alert is None else f"alert {name_of(alert)}"
    return re.sub(_ALERTS, "tlsv1 alert ", words)


def name_of(alert: int) -> str:
    """`no application protocol`; what has no name by its number."""
    return _NAMES.get(alert, f"number {alert}")
