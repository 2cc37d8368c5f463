"""A throw-away public key infrastructure with every fault that a certificate can have."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

NAMES = ("localhost", "127.0.0.1", "127.0.0.5", "::1")


@dataclass(frozen=True)
class Certificates:
    """`ca` is the authority's PEM file; `chain(name)` and `key(name)` belong to one of the leafs."""

    directory: Path

    @property
    def ca(self) -> Path:
        return self.directory / "ca.pem"

    def chain(self, name: str = "good") -> Path:
        return self.directory / f"{name}.pem"

    def key(self, name: str = "good") -> Path:
        return self.directory / f"{name}.key"


def make_certificates(directory: Path) -> Certificates:
    """Leafs named good, soon, expired, not-yet-valid, wrong-host and untrusted."""
    authority, stranger = trustme.CA(), trustme.CA()
    now = datetime.now(UTC)
    authority.cert_pem.write_to_path(str(directory / "ca.pem"))
    leafs = {
        "good": authority.issue_cert(*NAMES, common_name="localhost", not_after=now + timedelta(days=90)),
        "soon": authority.issue_cert(*NAMES, not_after=now + timedelta(days=3)),
        "expired": authority.issue_cert(*NAMES, not_before=now - timedelta(9), not_after=now - timedelta(2)),
        "not-yet-valid": authority.issue_cert(*NAMES, not_before=now + timedelta(2), not_after=now + timedelta(9)),
        "wrong-host": authority.issue_cert("mail.other.example"),
        "untrusted": stranger.issue_cert(*NAMES),
    }
    for name, leaf in leafs.items():
        leaf.private_key_pem.write_to_path(str(directory / f"{name}.key"))
        chain = b"".join(blob.bytes() for blob in leaf.cert_chain_pems)
        (directory / f"{name}.pem").write_bytes(chain)
    return Certificates(directory)
