"""This machine's OpenSSL, and whom it trusts: without a certificate authority it cannot judge any server."""

import os
import re
import ssl
from pathlib import Path

from imapcheck.errors import NoAuthorities

_HASHED = re.compile(r"[0-9a-f]{8}\.[0-9]+")


def library_version() -> str:
    """OpenSSL's own name and version."""
    return ssl.OPENSSL_VERSION


def require_authorities(context: ssl.SSLContext) -> None:
    """Raise `NoAuthorities` where `context`, made with the system's defaults, trusts nobody.

    What stands in OpenSSL's file is loaded at once; its folder is looked into during a handshake.
    """
    if context.cert_store_stats()["x509"]:
        return
    paths = ssl.get_default_verify_paths()
    file = os.environ.get(paths.openssl_cafile_env, paths.openssl_cafile)
    folders = os.environ.get(paths.openssl_capath_env, paths.openssl_capath)
    if not any(_has_authority(Path(folder)) for folder in folders.split(os.pathsep) if folder):
        raise NoAuthorities(
            f"this machine trusts no certificate authority: there is none in {file or 'no file'} (SSL_CERT_FILE) and"
            f" {folders or 'no folder'} (SSL_CERT_DIR); install the system's ca-certificates, or set tls.ca_file"
        )


def _has_authority(folder: Path) -> bool:
    try:
        return any(_HASHED.fullmatch(entry.name) and entry.is_file() for entry in folder.iterdir())
    except OSError:
        return False
