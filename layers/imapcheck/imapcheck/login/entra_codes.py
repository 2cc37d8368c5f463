"""What Microsoft's token endpoint means by its numbers: `error_codes` of an error response (AADSTS codes).

https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

from collections.abc import Iterable
from typing import Any

_MEANINGS = {
    7000222: "the client secret has expired: make a new one",
    7000215: "the client secret is wrong: its value is wanted, not its ID",
    7000216: "client_secret or client_assertion is missing",
    7000218: "client_secret or client_assertion is missing",
    7000112: "the application is disabled",
    700016: "the tenant has no such application: look at client_id and tenant_id",
    700027: "the certificate of the application is not the one that is registered",
    700082: "the refresh token has expired, as it was not used: log in once more",
    700084: "the refresh token has expired: log in once more",
    90002: "there is no such tenant: look at tenant_id",
    900023: "there is no such tenant: look at tenant_id",
    65001: "nobody has consented to what the application asks for: grant admin consent",
    65004: "the user declined to consent",
    70000: "the refresh token is not valid: log in once more",
    70008: "the refresh token has expired: log in once more",
    70011: "the scope is not valid",
    70043: "the refresh token has expired by a Conditional Access policy: log in once more",
    50034: "there is no such user in the tenant",
    50053: "the account is locked, or the address is blocked",
    50055: "the password has expired",
    50057: "the account is disabled",
    50072: "the user must enroll for multi-factor authentication",
    50076: "multi-factor authentication is required",
    50078: "multi-factor authentication has expired",
    50079: "the user must enroll for multi-factor authentication",
    50105: "the user is not assigned to the application",
    50126: "user name or password is wrong",
    50173: "the refresh token was revoked, as by a new password: log in once more",
    53000: "Conditional Access wants a compliant device",
    53001: "Conditional Access wants a joined device",
    53003: "Conditional Access blocks the token",
    530003: "Conditional Access wants a registered device",
    500011: "the tenant knows no such resource: look at scope",
    500133: "the assertion is not within its time: look at the clock",
}
_MOST_SHOWN = 3


def told(codes: object) -> Iterable[str]:
    """`AADSTS7000222, the client secret has expired`, of at most three; nothing where these are no such numbers."""
    for code in (codes if isinstance(codes, list) else [])[:_MOST_SHOWN]:
        if _is_number(code):
            meaning = _MEANINGS.get(code)
            yield f"AADSTS{code}" + (f", {meaning}" if meaning is not None else "")


def _is_number(code: Any) -> bool:
    return isinstance(code, int) and not isinstance(code, bool) and 0 < code < 10_000_000
