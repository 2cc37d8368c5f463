"""Signed assertions for token endpoints (RFC 7523): of a service account for a user, and of a client for itself.

It loads `cryptography`, so only credentials with a private key load it.
"""

import base64
import json
import re
import time
import uuid
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from imapcheck.errors import CredentialsError
from imapcheck.login.credentials import Credentials

_SECONDS = 600
"""How long an assertion is valid: endpoints take an hour (Google) or recommend ten minutes (Microsoft)."""
_LEAST_BITS = 2048
_PEM_KEY = "an RSA key in PEM of at least 2048 bits, without a passphrase"


def user_assertion(credentials: Credentials, audience: str) -> str:
    """A service account speaks for `username` (RFC 7523 section 3; Google: "Using OAuth 2.0 for Server to Server").

    Raises `CredentialsError`, which shows no value.
    """
    claims = {"iss": credentials.client_email, "sub": credentials.username, "scope": credentials.scope}
    header = {} if credentials.private_key_id is None else {"kid": credentials.private_key_id}
    return _signed(_private_key(credentials), header, claims | _once() | {"aud": audience})


def client_assertion(credentials: Credentials, audience: str) -> str:
    """A client proves itself by its certificate (RFC 7523 section 2.2; Microsoft: "Certificate credentials").

    The certificate goes by its thumbprint, `x5t#S256` (RFC 7515 section 4.1.8). Raises `CredentialsError`.
    """
    key, certificate = _private_key(credentials), _certificate(credentials)
    if certificate.public_key() != key.public_key():
        raise CredentialsError("credentials: certificate: it is not the one of private_key")
    claims = {"iss": credentials.client_id, "sub": credentials.client_id}
    header = {"x5t#S256": _text(certificate.fingerprint(hashes.SHA256()))}
    return _signed(key, header, claims | _once() | {"aud": audience})


def _once() -> dict[str, int | str]:
    """From when until when it is valid, and an id of its own: endpoints may refuse one that they have seen."""
    now = int(time.time())
    return {"iat": now, "nbf": now, "exp": now + _SECONDS, "jti": str(uuid.uuid4())}


def _signed(key: rsa.RSAPrivateKey, header: dict[str, str], claims: dict[str, Any]) -> str:
    """A JWS in compact form (RFC 7515 section 3.1), by RS256 (RFC 7518 section 3.3)."""
    head = json.dumps({"alg": "RS256", "typ": "JWT"} | header).encode()
    signed = f"{_text(head)}.{_text(json.dumps(claims).encode())}"
    return f"{signed}.{_text(key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def _text(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def _private_key(credentials: Credentials) -> rsa.RSAPrivateKey:
    assert credentials.private_key is not None
    try:
        key = serialization.load_pem_private_key(_pem(credentials.private_key.get_secret_value()), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, rsa.RSAPrivateKey) or key.key_size < _LEAST_BITS:
        raise CredentialsError(f"credentials: private_key: expected {_PEM_KEY}")
    return key


def _certificate(credentials: Credentials) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(_pem(credentials.certificate or ""))
    except ValueError:
        raise CredentialsError("credentials: certificate: expected a certificate in PEM") from None


def _pem(text: str) -> bytes:
    r"""PEM as it is meant: where JSON was made by hand, line ends are often the two characters `\n`."""
    return re.sub(r"\\n", "\n", text).encode()
