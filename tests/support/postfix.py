"""A Postfix of our own: own directory, own queue, own ports on loopback; its master runs as root only."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import pytest

from support.certificates import Certificates
from support.dovecot import Dovecot

GREY, REFUSED, LOST, HELD = (f"{name}@example.test" for name in ("grey", "refused", "lost", "held"))
"""Recipients that the server treats so; all others are the mail store's."""
_SERVICES = """
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def require_postfix() -> None:
    """Skip where Postfix is not installed or may not start, unless this machine must have it."""
    sieve = Path("/usr/lib/dovecot/modules/lib90_sieve_plugin.so").exists()
    if shutil.which("postfix") is None or not sieve or os.getuid() != 0:
        if os.environ.get("IMAPCHECK_REQUIRE_SERVERS") or os.environ.get("CI"):
            pytest.fail(
                "Postfix, Dovecot's LMTP and Sieve are not here or this is not root, and this machine must have them"
            )
        pytest.skip("needs root, postfix, dovecot-lmtpd and dovecot-sieve (scripts/install-test-servers --delivery)")


@dataclass
class Postfix:
    """Takes mail on `submission` (STARTTLS) and `submissions` (TLS), checks logins with `store` and delivers to it."""

    certificates: Certificates
    store: Dovecot
    submission: int = 0
    submissions: int = 0
    directory: Path = field(init=False)

    def __enter__(self) -> Self:
        listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        self.submission, self.submissions = (listener.getsockname()[1] for listener in listeners)
        for listener in listeners:
            listener.close()
        self.directory = Path(tempfile.mkdtemp(prefix="imapcheck-postfix-"))
        self.directory.chmod(0o755)
        for name in ("etc", "queue", "data"):
            (self.directory / name).mkdir()
        shutil.chown(self.directory / "data", "postfix")
        (self.directory / "etc/main.cf").write_text(self._main(), encoding="utf-8")
        (self.directory / "etc/master.cf").write_text(self._master(), encoding="utf-8")
        self.command("postfix", "start")
        self._wait()
        return self

    def __exit__(self, *_: object) -> None:
        self.command("postfix", "abort", check=False)
        shutil.rmtree(self.directory, ignore_errors=True)

    def command(self, name: str, *arguments: str, check: bool = True) -> str:
        """One of Postfix's own commands on this instance."""
        told = subprocess.run(
            [f"/usr/sbin/{name}", "-c", str(self.directory / "etc"), *arguments],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        if check and told.returncode:
            pytest.fail(f"{name} {' '.join(arguments)}: {told.stderr}\n{self.log}")
        return told.stdout + told.stderr

    @property
    def log(self) -> str:
        path = self.directory / "mail.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def _wait(self) -> None:
        give_up = time.monotonic() + 20
        while time.monotonic() < give_up:
            try:
                with socket.create_connection(("127.0.0.1", self.submission), 1) as sock:
                    if sock.recv(4) == b"220 ":
                        return
            except OSError:
                time.sleep(0.02)
        pytest.fail("Postfix did not start: " + self.log)

    def _master(self) -> str:
        tls = "-o smtpd_tls_wrappermode=yes"
        return (
            f"127.0.0.1:{self.submission} inet n - n - - smtpd\n"
            f"127.0.0.1:{self.submissions} inet n - n - - smtpd\n  {tls}\n{_SERVICES}"
        )

    def _main(self) -> str:
        place = self.directory
        return f"""
compatibility_level = 3.6
queue_directory = {place}/queue
data_directory = {place}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {place}/mail.log
maillog_file_prefixes = {place}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.example.test
mydestination =
mynetworks =
alias_maps =
alias_database =
local_recipient_maps =
virtual_mailbox_domains = example.test
virtual_transport = lmtp:unix:{self.store.lmtp}
transport_maps = inline:{{ {LOST}=discard: }}
smtpd_sasl_type = dovecot
smtpd_sasl_path = {self.store.auth}
smtpd_sasl_auth_enable = yes
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_tls_cert_file = {self.certificates.chain()}
smtpd_tls_key_file = {self.certificates.key("good")}
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = check_recipient_access inline:{{
  {{ {GREY} = 450 4.2.0 Greylisted, see you in five minutes }}
  {{ {REFUSED} = 550 5.1.1 User unknown }}
  {{ {HELD} = HOLD }} }}, permit_sasl_authenticated, reject
virtual_alias_maps = inline:{{ {HELD}=monitor@example.test }}
"""
