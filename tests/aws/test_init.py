"""INIT has a whole processor, and leaves little for the first run: modules, contexts, connections, the secret."""

import ast
import threading
from pathlib import Path
from typing import Any

import boto3
import pytest

from aws.conftest import Deploy, PutSecret, Start
from aws.test_artifact import after_init
from conftest import NEW_MESSAGE
from imapcheck.aws import ahead
from imapcheck.aws.ahead import ask_ahead
from imapcheck.aws.invocation import Invocation
from imapcheck.aws.pause_table import PauseTable
from imapcheck.aws.secrets import SecretReader
from imapcheck.aws.settings import Settings
from imapcheck.errors import DefinitionError
from support.dovecot import Dovecot

pytestmark = pytest.mark.server

CONTEXT = "types.SimpleNamespace(aws_request_id='x', get_remaining_time_in_millis=lambda: 60_000)"
LOADED = f"""(types := __import__('types'), before := set(sys.modules),
 result := handler.handler({{'check': 'mail'}}, {CONTEXT}),
 (sorted(set(sys.modules) - before), result['available']))[3]"""


def test_first_run_loads_no_module(
    environment: Start, deploy: Deploy, put_secret: PutSecret, mail_server: str, dovecot: Dovecot
) -> None:
    """But for the codecs of a secret's spellings, which Python loads by itself."""
    folder = deploy("mail", server=mail_server, secret=put_secret(), new_message=NEW_MESSAGE | {"keep_for": "1d"})
    loaded, available = ast.literal_eval(after_init(environment(folder), LOADED))
    assert available
    assert [name for name in loaded if not name.startswith("encodings.")] == []


def invocation(folder: Path) -> Invocation:
    return Invocation(Settings(definitions=folder, stack="stack", allow_local_addresses=True))


def test_secret_that_init_has_read_is_not_asked_for_again(
    deploy: Deploy, put_secret: PutSecret, secrets_manager: Any, mail_server: str, dovecot: Dovecot
) -> None:
    """The first run finds it, though it is gone from the store."""
    name = put_secret()
    ready = invocation(deploy("mail", server=mail_server, secret=name))
    ready.prepare()
    secrets_manager.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    assert ready.run({"check": "mail"}, 60).result.available


def test_what_is_wrong_with_a_definition_is_for_its_own_run_to_tell(
    deploy: Deploy, put_secret: PutSecret, mail_server: str, dovecot: Dovecot
) -> None:
    """INIT passes it over, and prepares the others."""
    folder = deploy("mail", server=mail_server, secret=put_secret())
    deploy("a", server=mail_server, tls={"ca_file": "not-there.pem"}, secret="imapcheck/not-there")
    (folder / "b.json").write_text("{")
    ready = invocation(folder)
    ready.prepare()
    assert ready.run({"check": "mail"}, 60).result.available
    with pytest.raises(DefinitionError, match=r"b\.json"):
        ready.run({"check": "b"}, 60)


def test_question_that_fails_or_hangs_ends_no_init(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The hanging one would hold it up for ever."""
    monkeypatch.setattr(ahead, "_MOST_SECONDS", 0.05)
    over, asked = threading.Event(), threading.Event()

    def fail() -> None:
        raise ValueError("canary")

    with caplog.at_level("INFO", logger="imapcheck"):
        ask_ahead([over.wait, fail, asked.set])
        assert asked.wait(10)
    over.set()
    assert "canary" not in caplog.text


def test_version_is_that_of_the_threads_own_answer(put_secret: PutSecret, secrets_manager: Any) -> None:
    """What INIT still waits for may come while the first run reads another secret."""
    name = put_secret()
    other = secrets_manager.create_secret(Name=f"{name}-other", SecretString='{"username": "x", "password": "y"}')
    reader, inside = SecretReader(), threading.Event()

    def meanwhile(**_: Any) -> None:
        if not inside.is_set():
            inside.set()
            thread = threading.Thread(target=reader.read, args=(f"{name}-other",))
            thread.start()
            thread.join()

    client = reader.connect("AWS Secrets Manager").client
    client.meta.events.register("after-call.secrets-manager.GetSecretValue", meanwhile)
    reader.read(name)
    assert inside.is_set()
    assert reader.version(f"{name}-other") == other["VersionId"]
    assert reader.version(name) == secrets_manager.describe_secret(SecretId=name)["VersionIdsToStages"].popitem()[0]


def test_table_is_asked_for_nobodys_item(secrets_manager: Any) -> None:
    """In INIT; an answer that does not come is no reason to leave the table alone in the run that follows."""
    table = PauseTable("not-there")
    with pytest.raises(boto3.client("dynamodb").exceptions.ResourceNotFoundException):
        table.open()
    assert table._left_alone_until == 0
