"""Why AWS could not be asked, or what it answered, as words that a person can act on.

Never the answer's or the exception's own text: it may quote what it was given. The last word is the code or the
exception's name, in brackets.
"""

import traceback
from urllib.parse import urlsplit

_SERVICES = {
    "GetSecretValue": "Secrets Manager",
    "GetParameter": "Parameter Store",
    "AssumeRole": "STS",
    "AssumeRoleWithWebIdentity": "STS",
    "AssumeRoleWithSAML": "STS",
    "GetSessionToken": "STS",
    "GetRoleCredentials": "IAM Identity Center",
    "CreateToken": "IAM Identity Center",
    "CreateOAuth2Token": "the login to AWS",
}
"""Who answers an operation."""
_HOSTS = {"secretsmanager": "Secrets Manager", "ssm": "Parameter Store", "sts": "STS", "kms": "KMS"}
_READING = {"GetSecretValue": "secretsmanager:GetSecretValue", "GetParameter": "ssm:GetParameter"}
_EXPIRED_LOGIN = "the login to AWS has expired (aws sso login, aws login)"
_DENIED = {
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedException",
    "ForbiddenException",
    "UnauthorizedOperation",
}
_THROTTLED = {
    "Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException", "RequestLimitExceeded",
    "RequestThrottled", "RequestThrottledException", "SlowDown", "PriorRequestNotComplete",
}  # fmt: skip
_CLOCK = "the clock of this machine is wrong: {service} refused the time of the call"
_UNKNOWN_KEYS = "AWS does not know these access keys; were they deleted or deactivated?"
_WRONG_KEY = "the AWS secret access key is wrong: {service} refused the call's signature"
_ADVICE = {
    "ResourceNotFoundException": "there is no such secret in this account and Region",
    "ParameterNotFound": "there is no such parameter in this account and Region",
    "DecryptionFailure": "its KMS key cannot decrypt it; give the stack the key's ARN",
    "InvalidRequestException": "it cannot be read in its present state; was it deleted?",
    "OptInRequired": "this account has no access to {service} in this Region",
    "RegionDisabledException": "STS is switched off in this Region; switch it on in the account settings of IAM",
    "ExpiredToken": "the AWS credentials have expired",
    "ExpiredTokenException": "the AWS credentials have expired",
    "RequestTimeTooSkewed": _CLOCK,
    "RequestExpired": _CLOCK,
    "RequestInTheFuture": _CLOCK,
    "UnrecognizedClientException": _UNKNOWN_KEYS,
    "InvalidClientTokenId": _UNKNOWN_KEYS,
    "InvalidAccessKeyId": _UNKNOWN_KEYS,
    "AuthFailure": _UNKNOWN_KEYS,
    "InvalidSignatureException": _WRONG_KEY,
    "SignatureDoesNotMatch": _WRONG_KEY,
    "IncompleteSignature": _WRONG_KEY,
}
_NOT_ASKED = {
    "NoRegionError": "no Region is set (AWS_DEFAULT_REGION)",
    "InvalidRegionError": "the Region is not one (AWS_DEFAULT_REGION, or region in the profile)",
    "NoCredentialsError": "no AWS credentials in this shell",
    "PartialCredentialsError": "the AWS credentials in this shell are incomplete",
    "ProfileNotFound": "there is no such AWS profile (AWS_PROFILE)",
    "ConfigNotFound": "the AWS configuration file is not there (AWS_CONFIG_FILE)",
    "ConfigParseError": "the AWS configuration cannot be parsed (~/.aws/config, ~/.aws/credentials)",
    "InvalidConfigError": "the AWS profile contradicts itself or lacks a setting (~/.aws/config)",
    "InfiniteLoopConfigError": "the source_profile of the AWS profile leads back to itself (~/.aws/config)",
    "UnknownCredentialError": "the AWS profile names a credential_source that does not exist (~/.aws/config)",
    "RefreshWithMFAUnsupportedError": "the AWS credentials have expired, and the profile wants a new MFA code",
    "MetadataRetrievalError": "the metadata service of this machine gave no AWS credentials",
    "EOFError": "the AWS profile asks for an MFA code, and there is nobody to type it",
    "LoginInsufficientPermissions": "the login to AWS may not fetch credentials",
    "MissingDependencyException": "the AWS profile needs a package that is not installed (botocore[crt])",
    "TokenRetrievalError": _EXPIRED_LOGIN,
    "SSOError": _EXPIRED_LOGIN,
    "SSOTokenLoadError": _EXPIRED_LOGIN,
    "UnauthorizedSSOTokenError": _EXPIRED_LOGIN,
    "NoAuthTokenError": _EXPIRED_LOGIN,
    "LoginError": _EXPIRED_LOGIN,
    "LoginRefreshRequired": _EXPIRED_LOGIN,
    "LoginTokenLoadError": _EXPIRED_LOGIN,
    "LoginAuthorizationCodeError": _EXPIRED_LOGIN,
}
"""botocore's errors, and Python's, for what is wrong on this side."""
_PROVIDERS = {
    "custom-process": "credential_process of the AWS profile",
    "sso": "the login to AWS (aws sso login)",
    "login": "the login to AWS (aws login)",
    "assume-role": "the role of the AWS profile",
    "assume-role-with-web-identity": "the web identity token (AWS_WEB_IDENTITY_TOKEN_FILE)",
    "iam-role": "the metadata service of this machine",
    "container-role": "the container's credentials endpoint",
    "env": "the environment's AWS credentials",
    "shared-credentials-file": "the file of AWS credentials (~/.aws/credentials)",
    "config-file": "the AWS configuration (~/.aws/config)",
    "AssumeRoleCredentialFetcher": "the role of the AWS profile",
    "AssumeRoleWithWebIdentityCredentialFetcher": "the web identity token (AWS_WEB_IDENTITY_TOKEN_FILE)",
    "SSOCredentialFetcher": "the login to AWS (aws sso login)",
    "InstanceMetadataFetcher": "the metadata service of this machine",
    "ContainerMetadataFetcher": "the container's credentials endpoint",
}
"""botocore's providers of credentials, by their METHOD, and what fetches for them later, by its class."""


def reason(error: BaseException) -> str:
    """What kept `error`'s call from being answered, or who refused it and why."""
    code, message, status = _answer(error)
    kind = code or type(error).__name__
    words = _refusal(error, code, message, status) if code else _trouble(error, kind)
    return f"{words} ({kind})"


def _answer(error: BaseException) -> tuple[str, str, object]:
    """Code, message and HTTP status that a service answered; empty where none did."""
    response = getattr(error, "response", None)
    if not isinstance(response, dict):
        return "", "", ""
    content, metadata = response.get("Error") or {}, response.get("ResponseMetadata") or {}
    return str(content.get("Code") or ""), str(content.get("Message") or ""), metadata.get("HTTPStatusCode", "")


def _refusal(error: BaseException, code: str, message: str, status: object) -> str:
    operation = str(getattr(error, "operation_name", None) or "")
    service = _SERVICES.get(operation, f"AWS, asked for {operation}," if operation else "AWS")
    low = message.lower()
    if "signature" in low and ("not yet current" in low or "expired" in low):
        return _CLOCK.format(service=service)
    if "KMS" in code or (code in _DENIED and "kms" in low):
        return "its KMS key may not be used; give the stack the key's ARN, or allow your AWS user kms:Decrypt"
    if code in _DENIED and operation in _READING:
        return (
            "the function may not read it; is its name under the secret prefix? On a laptop your AWS user needs"
            f" {_READING[operation]}"
        )
    if code in _DENIED:
        what = "the role" if operation.startswith("AssumeRole") else "the call"
        return f"{service} refused {what} that the AWS credentials come from"
    if code in _THROTTLED:
        return f"{service} throttled the call"
    if operation == "GetRoleCredentials" or (operation.startswith("Create") and operation in _SERVICES):
        return _EXPIRED_LOGIN if status in (400, 401) else f"{service} answered {status}"
    return _ADVICE.get(code, "{service} answered {status}").format(service=service, status=status)


def _trouble(error: BaseException, kind: str) -> str:
    """What is wrong before anything was answered: on this side, or on the way."""
    provider = _provider(error)
    if (words := _NOT_ASKED.get(kind)) is not None:
        return words
    if kind == "CredentialRetrievalError":
        return f"{provider or 'what gives the AWS credentials'} failed"
    if (service := _unanswered(error)) is not None:
        return f"no answer from {service}"
    if provider is not None:
        return f"{provider} gave no AWS credentials that can be read"
    if kind == "ValueError" and "endpoint" in str(error).lower():
        return "the endpoint is not a URL; it begins with https:// (AWS_ENDPOINT_URL)"
    return "AWS could not be asked with this machine's configuration (AWS_* in the environment, ~/.aws/config)"


def _unanswered(error: BaseException) -> str | None:
    """Who did not answer, where that is the error: by the host that was called."""
    from botocore.exceptions import ConnectionError as CannotConnect
    from botocore.exceptions import HTTPClientError, IncompleteReadError

    if not isinstance(error, CannotConnect | HTTPClientError | IncompleteReadError):
        return None
    url = getattr(error, "kwargs", {}).get("endpoint_url")
    try:
        host = (urlsplit(str(url)).hostname or "") if url else ""
    except ValueError:
        host = ""
    if type(error).__name__ == "ProxyConnectionError":
        return "the proxy (HTTPS_PROXY)"
    return _HOSTS.get(host.partition(".")[0]) or _asked(error) or _provider(error) or "AWS"


def _asked(error: BaseException) -> str | None:
    """The service whose client made the call: the innermost, as a call may first fetch what it is signed with."""
    names = [frame.f_locals.get("operation_name") for frame, _ in traceback.walk_tb(error.__traceback__)]
    return next((_SERVICES[name] for name in reversed(names) if isinstance(name, str) and name in _SERVICES), None)


def _provider(error: BaseException) -> str | None:
    """Which of botocore's providers of credentials was at work when the error was raised; it alone knows."""
    found = None
    for frame, _ in traceback.walk_tb(error.__traceback__):
        worker = frame.f_locals.get("self")
        method = getattr(worker, "METHOD", None)
        found = _PROVIDERS.get(method if isinstance(method, str) else type(worker).__name__, found)
    return found
