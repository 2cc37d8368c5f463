"""What else may speak on a port: a first line that is not what was expected says which protocol it is."""

import re


def name_protocol(line: bytes, expected: str) -> str:
    """Words for a first line that is no greeting of `expected` (`IMAP` or `SMTP`)."""
    found = _protocol_of(line)
    if found == "TLS":
        scheme = f"{expected.lower()}s://"
        return f"the server speaks TLS on a port where clear text was expected; use {scheme} or tls.mode implicit"
    if found is None:
        return f"the server does not speak {expected}"
    return f"the server speaks {found}" + ("" if found == expected else f", not {expected}")


def _protocol_of(line: bytes) -> str | None:
    if line.startswith(b"* "):
        return "IMAP"
    if re.match(rb"HTTP/\d|<!doctype|<html", line, re.IGNORECASE):
        return "HTTP"
    if re.match(rb"(220|421|554)[ -]", line):
        return "FTP" if speaks_ftp(line) else "SMTP"
    if line.startswith((b"+OK", b"-ERR")):
        return "POP3"
    if line.startswith(b"SSH-"):
        return "SSH"
    return "TLS" if re.match(rb"[\x14-\x17]\x03[\x00-\x04]", line) else None


def speaks_ftp(line: bytes) -> bool:
    """FTP greets with 220 as SMTP does; a host's name may have `ftp` in it, and an SMTP server says what it speaks."""
    return b"FTP" in line.upper() and b"SMTP" not in line.upper()
