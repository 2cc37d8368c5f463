"""The full check on pymap, the embedded server of the demo: an IMAP implementation that is not Dovecot."""

import tempfile
from pathlib import Path

import trustme
from imapcheck import run_check
from imapcheck.demo import demo_credentials, demo_definition, embedded_server
from support.mailbox_probe import Probe


def test_full_check_on_pymap_appends_one_message_and_changes_nothing_else() -> None:
    """Steps that pymap does not offer are skipped; the mailbox is otherwise as before."""
    authority = trustme.CA()
    with tempfile.TemporaryDirectory() as directory, embedded_server(authority) as port:
        authority.cert_pem.write_to_path(str(Path(directory, "ca.pem")))
        credentials = demo_credentials()
        assert credentials.password is not None
        probe = Probe(
            "localhost",
            port,
            str(Path(directory, "ca.pem")),
            credentials.username,
            credentials.password.get_secret_value(),
        )
        before = probe.snapshot()
        result = run_check(demo_definition(port, directory), credentials)
        after = probe.snapshot()
        probe.close()
    assert result.available, result.failure
    assert result.new_message is not None
    new = {(box, uid) for box in after for uid in after[box]} - {(box, uid) for box in before for uid in before[box]}
    assert new == {("Sent", result.new_message.uid)}
    assert all(after[box][uid] == message for box in before for uid, message in before[box].items())
    namespace = result.step("namespace")
    assert namespace is not None
    assert namespace.status == "skipped"
