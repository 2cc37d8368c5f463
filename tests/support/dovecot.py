"""A Dovecot of our own: own directory, own ports, own users; as root or as an ordinary user."""

import base64
import getpass
import grp
import hashlib
import hmac
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import pytest

from support.certificates import Certificates

PASSWORD = "canary-pa55word"
USERS = {
    "monitor": PASSWORD,
    "bystander": PASSWORD,
    "full": PASSWORD,
    "nosent": PASSWORD,
    "white space": 'spa ce "quo\\te" pw',
    "per%cent(x)*": "{12}",
    "üser": "pässwörd ✓",
}
EXTRA = {"full": "userdb_quota_rule=*:storage=1K"}
TOKEN_KEY = b"key-for-tests-0123456789abcdef"


def require_dovecot() -> None:
    """Skip where Dovecot is not installed, unless this machine must have it."""
    if shutil.which("dovecot") is None:
        if os.environ.get("IMAPCHECK_REQUIRE_SERVERS") or os.environ.get("CI"):
            pytest.fail("Dovecot is not installed, and IMAPCHECK_REQUIRE_SERVERS or CI says it must be")
        pytest.skip("Dovecot is not installed (dovecot-imapd)")


@dataclass
class Dovecot:
    """`imap` and `imaps` are its ports on `listen`; a context manager starts and stops it."""

    certificates: Certificates
    certificate: str = "good"
    listen: str = "127.0.0.1"
    require_tls: bool = False
    plugins: str = "quota"
    receives: bool = False
    """By LMTP, through Sieve; logins of a submission server are checked for it. Sockets: `lmtp`, `auth`."""
    imap: int = 0
    imaps: int = 0
    users: dict[str, str] = field(default_factory=lambda: dict(USERS))
    directory: Path = field(init=False)
    _process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.imap, self.imaps = _free_ports(2)
        self.start()
        return self

    def start(self) -> None:
        """Start it, with empty mailboxes, on the ports that it has."""
        # Not below pytest's own folder: another pytest would take the permission away that Dovecot's users need.
        self.directory = Path(tempfile.mkdtemp(prefix="imapcheck-dovecot-"))
        for name in ("etc", "run", "state", "mail", "keys/default/HS256"):
            (self.directory / name).mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o755)
        if os.getuid() == 0:
            shutil.chown(self.directory / "mail", "nobody", "nogroup")
        (self.directory / "keys/default/HS256/default").write_bytes(base64.b64encode(TOKEN_KEY))
        self.write_users()
        (self.directory / "etc/dovecot.conf").write_text(self._configuration(), encoding="utf-8")
        (self.directory / "etc/oauth2.conf.ext").write_text(
            "introspection_mode = local\n"
            f"local_validation_key_dict = fs:posix:prefix={self.directory}/keys/\n"
            "username_attribute = sub\n"
        )
        with (self.directory / "output").open("wb") as output:
            self._process = subprocess.Popen(
                ["dovecot", "-F", "-c", str(self.directory / "etc/dovecot.conf")],
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._wait()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Kill it and forget its mailboxes; stopped already is well."""
        if self._process is None:
            return
        # A polite stop takes Dovecot more than a second, and nothing of it is needed afterwards.
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(10)
        self._process = None
        shutil.rmtree(self.directory, ignore_errors=True)

    def write_users(self) -> None:
        """Write the password file; Dovecot reads it anew when it changes."""
        lines = [f"{user}:{{PLAIN}}{word}::::::{EXTRA.get(user, '')}" for user, word in self.users.items()]
        (self.directory / "etc/users").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def change_password(self, user: str, word: str) -> None:
        """Give `user` another password and come back once Dovecot, which looks once a second, has seen it."""
        self.users[user] = word
        self.write_users()
        later = time.time() + 2
        os.utime(self.directory / "etc/users", (later, later))
        time.sleep(1.1)

    def _wait(self) -> None:
        give_up = time.monotonic() + 20
        while time.monotonic() < give_up:
            try:
                with socket.create_connection((self.listen, self.imap), 1) as sock:
                    if sock.recv(4) == b"* OK":
                        return
            except OSError:
                time.sleep(0.02)
        pytest.fail("Dovecot did not start: " + (self.directory / "output").read_text())

    def _configuration(self) -> str:
        root = os.getuid() == 0
        me, group = getpass.getuser(), grp.getgrgid(os.getgid()).gr_name
        internal, login, internal_group = ("dovecot", "dovenull", "dovecot") if root else (me, me, group)
        mail_user, mail_group = ("nobody", "nogroup") if root else (me, group)
        place, chain = self.directory, self.certificates.chain(self.certificate)
        key = self.certificates.key(self.certificate)
        return f"""
base_dir = {place}/run
state_dir = {place}/state
log_path = {place}/log
instance_name = imapcheck-{self.imap}
protocols = imap
listen = {self.listen}
default_internal_user = {internal}
default_login_user = {login}
default_internal_group = {internal_group}
first_valid_uid = 1
shutdown_clients = yes
ssl = {"required" if self.require_tls else "yes"}
ssl_cert = <{chain}
ssl_key = <{key}
disable_plaintext_auth = {"yes" if self.require_tls else "no"}
auth_mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256 xoauth2 oauthbearer
auth_failure_delay = 0
auth_username_chars =
auth_cache_size = 0
mail_max_userip_connections = 200
passdb {{
  driver = passwd-file
  mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256
  args = scheme=PLAIN username_format=%u {place}/etc/users
}}
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {place}/etc/oauth2.conf.ext
}}
userdb {{
  driver = passwd-file
  args = username_format=%u {place}/etc/users
  default_fields = uid={mail_user} gid={mail_group} home={place}/mail/%Hu
}}
mail_location = maildir:~/Maildir
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Sent {{
    auto = subscribe
    special_use = \\Sent
  }}
  mailbox Trash {{
    auto = subscribe
    special_use = \\Trash
  }}
  mailbox Gesendetö {{
    auto = create
  }}
}}
mail_plugins = {self.plugins}
protocol imap {{
  mail_plugins = quota imap_quota
}}
plugin {{
  quota = maildir:User quota
  quota_rule = *:storage=500M
}}
service imap-login {{
  chroot =
  process_min_avail = 1
  service_count = 0
  inet_listener imap {{
    port = {self.imap}
  }}
  inet_listener imaps {{
    port = {self.imaps}
    ssl = yes
  }}
}}
service imap {{
  process_min_avail = 2
  service_count = 100
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service auth {{
  client_limit = 4000
}}
service stats {{
  chroot =
}}
{self._receiving() if self.receives else ""}
"""

    def _receiving(self) -> str:
        place = self.directory
        return f"""
protocols = imap lmtp
service lmtp {{
  unix_listener {place}/lmtp {{
    mode = 0666
  }}
}}
protocol lmtp {{
  auth_username_format = %n
  postmaster_address = postmaster@example.test
  mail_plugins = quota sieve
}}
service auth {{
  unix_listener {place}/auth {{
    mode = 0666
  }}
}}
plugin {{
  sieve = file:{place}/filter.sieve
}}
namespace inbox {{
  mailbox Junk {{
    auto = create
    special_use = \\Junk
  }}
}}
"""

    @property
    def lmtp(self) -> Path:
        return self.directory / "lmtp"

    @property
    def auth(self) -> Path:
        return self.directory / "auth"

    def filter(self, script: str) -> None:
        """Let this Sieve script decide where mail goes from now on."""
        (self.directory / "filter.sieve").write_text(script, encoding="utf-8")


def bearer_token(subject: str, expires_in: float = 600) -> str:
    """A token that Dovecot's local validation accepts until it expires."""
    now = int(time.time())
    header = _segment({"alg": "HS256", "typ": "JWT", "kid": "default"})
    body = _segment({"sub": subject, "iat": now - 5, "exp": int(now + expires_in)})
    signed = header + b"." + body
    signature = base64.urlsafe_b64encode(hmac.new(TOKEN_KEY, signed, hashlib.sha256).digest()).rstrip(b"=")
    return (signed + b"." + signature).decode()


def _segment(content: dict[str, object]) -> bytes:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=")


def _free_ports(count: int) -> list[int]:
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports
