"""Access tokens for XOAUTH2 and OAUTHBEARER: as given, or fetched by a grant of OAuth 2.0 (RFC 6749).

The token endpoint is reached through the same bounded primitives as the mail server, over verified TLS,
within the run's deadline. What goes wrong there is a `CredentialsError`, never an outage of the mail server.
Why no OAuth library: docs/decisions/oauth-library.md.
"""

import contextlib
import hashlib
import http.client
import io
import json
import re
import threading
import time
from ipaddress import ip_address
from typing import Any, NamedTuple, cast
from urllib.parse import quote, urlencode, urlsplit

from imapcheck.definition.server import canonical_host
from imapcheck.errors import CheckFailure, CredentialsError
from imapcheck.login.credentials import Credentials
from imapcheck.network.resolver import is_local, resolve
from imapcheck.network.tls import ClearText, verifying_context
from imapcheck.network.transport import Wire, connect
from imapcheck.text import one_line
from imapcheck.trace import Deadline, milliseconds
from imapcheck.transcript import Redactor

_MOST_OCTETS = 1 << 18
_RENEW_BEFORE_SECONDS = 60
_MOST_OF_THE_TIME = 0.5
"""The endpoint's part of the run, so that a slow one never looks like a mail server that timed out."""
_ASSERTIONS = ("assertion", "client_assertion")
"""The form's fields that are secrets for as long as they are valid."""
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_CLIENT_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_GOOGLE = "https://oauth2.googleapis.com/token"
_MICROSOFT = "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token"


class Token(NamedTuple):
    """An access token; `milliseconds` is what fetching it took, None where nothing was fetched."""

    value: str
    milliseconds: float | None
    cached: bool


class _TokenEndpoint(NamedTuple):
    host: str
    port: int
    path: str


_lock = threading.Lock()
_cache: dict[bytes, tuple[str, float]] = {}


def access_token(credentials: Credentials, deadline: Deadline, *, refuse_local_addresses: bool = False) -> Token:
    """The access token of `credentials`, cached until shortly before it expires.

    With `access_token` it is that. Else a grant fetches one: with `refresh_token` the refresh-token grant, with
    `client_email` a service account's assertion (RFC 7523), else the client-credentials grant. Raises
    `CredentialsError`, which names field, endpoint and error code, never a value.
    """
    if credentials.access_token is not None:
        return Token(credentials.access_token.get_secret_value(), None, cached=False)
    endpoint = _endpoint(credentials)
    key = _key(credentials)
    with _lock:
        held = _cache.get(key)
    if held is not None and held[1] > time.time():
        return Token(held[0], None, cached=True)
    started = time.perf_counter()
    form = _form(credentials, _url(credentials)[0])
    status, content = _post(
        endpoint,
        urlencode(form).encode(),
        deadline.within(deadline.remaining() * _MOST_OF_THE_TIME),
        refuse_local_addresses,
    )
    secrets = (*credentials.secret_values(), *(form[name] for name in _ASSERTIONS if name in form))
    token, lifetime = _granted(endpoint, status, content, secrets)
    if lifetime > _RENEW_BEFORE_SECONDS:
        with _lock:
            _cache[key] = (token, time.time() + lifetime - _RENEW_BEFORE_SECONDS)
    return Token(token, milliseconds(time.perf_counter() - started), cached=False)


def forget(credentials: Credentials) -> None:
    """Drop a cached token that the mail server refused: it may have been revoked."""
    with _lock:
        _cache.pop(_key(credentials), None)


def _url(credentials: Credentials) -> tuple[str, str]:
    """The token endpoint, and the field that names it; `token_uri` is what Google's key file calls it."""
    if credentials.token_url is not None:
        return credentials.token_url, "token_url"
    if credentials.client_email is not None:
        return credentials.token_uri or _GOOGLE, "token_uri"
    if credentials.tenant_id is not None:
        return _MICROSOFT.format(tenant=quote(credentials.tenant_id, safe="")), "tenant_id"
    raise CredentialsError("credentials: access_token, token_url or tenant_id: missing; one of them is needed")


def _endpoint(credentials: Credentials) -> _TokenEndpoint:
    url, field = _url(credentials)
    try:
        parts = urlsplit(url)
        if parts.scheme != "https" or parts.hostname is None or "@" in parts.netloc or not url.isascii():
            raise ValueError
        return _TokenEndpoint(canonical_host(parts.hostname), parts.port or 443, _path(parts.path, parts.query))
    except ValueError:
        raise CredentialsError(f"credentials: {field}: expected an https URL without user information") from None


def _path(path: str, query: str) -> str:
    target = (path or "/") + (f"?{query}" if query else "")
    if not re.fullmatch(r"[\x21-\x7e]+", target):
        raise ValueError
    return target


def _form(credentials: Credentials, audience: str) -> dict[str, str]:
    """The request's fields: the grant (RFC 6749 sections 4.4.2 and 6, RFC 7523 section 2.1), and who asks."""
    if credentials.client_email is not None:
        return _of_service_account(credentials, audience)
    if credentials.client_id is None:
        raise CredentialsError("credentials: client_id: missing; a token cannot be fetched without it")
    fields = {"client_id": credentials.client_id}
    proof = _client_proof(credentials, audience)
    if credentials.refresh_token is not None:
        fields |= {"grant_type": "refresh_token", "refresh_token": credentials.refresh_token.get_secret_value()}
    elif not proof:
        what = "the client-credentials grant needs it, or private_key and certificate"
        raise CredentialsError(f"credentials: client_secret: missing; {what}")
    else:
        fields["grant_type"] = "client_credentials"
    if credentials.scope is not None:
        fields["scope"] = credentials.scope
    return fields | proof


def _of_service_account(credentials: Credentials, audience: str) -> dict[str, str]:
    """Domain-wide delegation: the account speaks for `username`."""
    if credentials.private_key is None:
        raise CredentialsError(
            "credentials: private_key: missing; client_email is a service account's, which signs by it"
        )
    if credentials.scope is None:
        raise CredentialsError("credentials: scope: missing; a service account needs it, as https://mail.google.com/")
    from imapcheck.login.assertion import user_assertion  # only those that sign pay for cryptography

    return {"grant_type": _GRANT, "assertion": user_assertion(credentials, audience)}


def _client_proof(credentials: Credentials, audience: str) -> dict[str, str]:
    """The client's secret (RFC 6749 section 2.3.1), or what its certificate signs; nothing where it has neither."""
    if credentials.certificate is None and credentials.private_key is None:
        secret = credentials.client_secret
        return {} if secret is None else {"client_secret": secret.get_secret_value()}
    missing = (
        "private_key" if credentials.private_key is None else "certificate" if credentials.certificate is None else ""
    )
    if missing:
        raise CredentialsError(
            f"credentials: {missing}: missing; a client signs with both, private_key and certificate"
        )
    from imapcheck.login.assertion import client_assertion

    return {"client_assertion_type": _CLIENT_ASSERTION, "client_assertion": client_assertion(credentials, audience)}


def _key(credentials: Credentials) -> bytes:
    fields = (
        credentials.token_url, credentials.token_uri, credentials.tenant_id, credentials.client_id, credentials.scope,
        credentials.client_email, credentials.private_key_id, credentials.certificate, credentials.username,
        *credentials.secret_values(),
    )  # fmt: skip
    return hashlib.sha256(repr(fields).encode()).digest()


def _post(endpoint: _TokenEndpoint, form: bytes, deadline: Deadline, refuse_local: bool) -> tuple[int, bytes]:
    """(status, body) of the endpoint's answer; redirects are not followed, as the secret goes nowhere else."""
    wire: Wire | None = None
    try:
        wire = _connected(endpoint, deadline, refuse_local)
        head = (
            f"POST {endpoint.path} HTTP/1.1\r\nHost: {_authority(endpoint)}\r\nAccept: application/json\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(form)}\r\n"
            "Connection: close\r\n\r\n"
        )
        wire.send(head.encode() + form)
        with contextlib.closing(http.client.HTTPResponse(cast("Any", _Received(wire)), method="POST")) as response:
            response.begin()
            return response.status, response.read(_MOST_OCTETS)
    except CheckFailure as failure:
        raise _unusable(endpoint, f"{failure.type.value}: {failure.detail}") from None
    except ClearText:
        raise _unusable(endpoint, "it does not speak TLS") from None
    except (http.client.HTTPException, ValueError) as error:
        raise _unusable(endpoint, f"no HTTP answer that can be read ({type(error).__name__})") from None
    finally:
        if wire is not None:
            wire.close()


def _authority(endpoint: _TokenEndpoint) -> str:
    """The Host header's value (RFC 9110 section 7.2)."""
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    return host if endpoint.port == http.client.HTTPS_PORT else f"{host}:{endpoint.port}"


def _connected(endpoint: _TokenEndpoint, deadline: Deadline, refuse_local: bool) -> Wire:
    try:
        addresses = [ip_address(endpoint.host)]
    except ValueError:
        addresses = resolve(endpoint.host, deadline).addresses
    if refuse_local:
        addresses = [address for address in addresses if not is_local(address)]
        if not addresses:
            raise _unusable(endpoint, "its address is loopback, link-local or unspecified")
    wire = Wire(connect(addresses, endpoint.port, deadline).socket, deadline)
    try:
        wire.start_tls(verifying_context(), endpoint.host)
    except BaseException:
        wire.close()
        raise
    return wire


class _Received(io.RawIOBase):
    """What `http.client` reads from: the wire, with its deadline."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def makefile(self, *_: object, **__: object) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._wire.receive(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _granted(endpoint: _TokenEndpoint, status: int, content: bytes, secrets: tuple[str, ...]) -> tuple[str, float]:
    """(token, seconds it lives) of a successful answer (RFC 6749 section 5.1)."""
    answer = _parsed(content)
    token = answer.get("access_token")
    if status == http.HTTPStatus.OK and isinstance(token, str) and re.fullmatch(r"[\x21-\x7e]+", token):
        lifetime = answer.get("expires_in")
        try:
            return token, min(float(lifetime), 86_400.0) if isinstance(lifetime, int | float | str) else 0.0
        except (ValueError, OverflowError):
            return token, 0.0
    code, numbers = answer.get("error"), _numbers(answer, secrets)
    if isinstance(code, str) and re.fullmatch(r"[A-Za-z0-9_.-]{1,60}", code) and not _holds_secret(code, secrets):
        raise _unusable(endpoint, f"it refused with {code} (HTTP {status}){numbers}")
    raise _unusable(endpoint, f"HTTP {status} without a token{numbers}")


_MEANINGS = {
    50034: "there is no such user in the tenant",
    50053: "the account is locked after too many wrong passwords",
    50055: "the password has expired",
    50057: "the account is disabled",
    50076: "multi-factor authentication is demanded, as by Conditional Access",
    50079: "the user has to enroll for multi-factor authentication",
    50126: "wrong user name or password",
    50158: "Conditional Access demands another step",
    50173: "the refresh token was revoked, as by a changed password",
    53000: "Conditional Access demands a compliant device",
    53001: "Conditional Access demands a device of the domain",
    53003: "blocked by Conditional Access",
    65001: "nobody has consented to this application",
    70000: "the refresh token is not valid",
    70008: "the refresh token has expired",
    70043: "the refresh token has expired by the sign-in frequency of Conditional Access",
    90002: "there is no such tenant",
    135011: "the device is disabled",
    500011: "the tenant does not know the resource of the scope",
    530034: "blocked by Conditional Access",
    700003: "the device is not known",
    700016: "the tenant does not know this client_id",
    700027: "the client's certificate is not the registered one, or has expired",
    700082: "the refresh token has expired, as it was not used",
    900023: "tenant_id is neither a name nor an id of a tenant",
    7000112: "the application is disabled",
    7000215: "wrong client_secret: the value is wanted, not its id",
    7000218: "client_secret is missing",
    7000222: "the client_secret has expired",
}
"""Microsoft Entra's error codes (AADSTS..), as far as they say what to change."""
_MOST_NUMBERS = 3


def _numbers(answer: dict[str, Any], secrets: tuple[str, ...]) -> str:
    """Microsoft's own `error_codes` and what they mean: small integers, and none that stands in a secret."""
    given = answer.get("error_codes")
    codes = [code for code in given if type(code) is int and 0 < code < 10**8] if isinstance(given, list) else []
    words = [
        f"AADSTS{code}: {_MEANINGS[code]}" if code in _MEANINGS else f"AADSTS{code}"
        for code in codes[:_MOST_NUMBERS]
        if code in _MEANINGS or not _holds_secret(str(code), secrets)
    ]
    return f", {'; '.join(words)}" if words else ""


def _parsed(content: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _holds_secret(code: str, secrets: tuple[str, ...]) -> bool:
    """An error code that repeats a secret, or a piece of one, in whatever spelling."""
    return Redactor(secrets).clean_text(code) != code or any(code in value for value in secrets)


def _unusable(endpoint: _TokenEndpoint, what: str) -> CredentialsError:
    return CredentialsError(f"credentials: token endpoint {endpoint.host}: {one_line(what)}")
