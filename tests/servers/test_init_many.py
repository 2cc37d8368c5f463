"""`imapcheck init --from`: mailboxes from a table; what is asked, sent, written and refused."""

import json
import os
from pathlib import Path

import pytest

from support.certificates import Certificates
from support.command_line import called
from support.dovecot import PASSWORD, Dovecot
from support.wire_server import WireServer

pytestmark = pytest.mark.server
HEADER = "host,username,name,password_file\n"
NO_PLAIN_NAMES = ("/etc/passwd", "../x", "folder/../good", "..", ".", "./good", "good/", "s3cret/canary")


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("checks").mkdir()
    Path("checks/ca.pem").write_bytes(certificates.ca.read_bytes())
    for name, content in {
        "good": PASSWORD,
        "bad": "wrong-canary",
        "two": "a\nb",
        "empty": "",
        "long": "x" * 5000,
    }.items():
        Path(name).write_text(content + "\n")
    os.mkfifo("pipe")
    Path("link").symlink_to("good")
    Path("folder").mkdir()


def init(table: str, *options: str, yes: bool = True) -> tuple[int, str, str]:
    Path("mailboxes.csv").write_text(table)
    given = [
        "init",
        "--from",
        "mailboxes.csv",
        "--output",
        "checks",
        "--ca-file",
        "ca.pem",
        *options,
        *(["--yes"] if yes else []),
    ]
    done = called(*given, cwd=Path.cwd())
    return done.returncode, done.stdout, done.stderr


def written() -> list[str]:
    return sorted(path.name for path in Path("checks").glob("*.json"))


def test_from_a_table_to_green_checks(dovecot: Dovecot) -> None:
    """Each row a definition that turns green at once, with the credentials file that was asked for."""
    hosts = [f"{host}:{dovecot.imaps}" for host in ("localhost", "127.0.0.1", "LOCALHOST")]
    rows = [f"{hosts[number % 2]},monitor,mail-{number},good" for number in range(1)]
    rows += [f"{hosts[1]},monitor,,good"]
    status, output, error = init(HEADER + "\n".join(rows) + "\n", "--secrets", "secrets.json")
    assert (status, error) == (0, "")
    assert written() == ["mail-0.json", "monitor.json"]
    assert output.splitlines()[0] == "2 logins on 2 hosts:"
    assert Path("secrets.json").stat().st_mode & 0o777 == 0o600
    assert PASSWORD not in output
    done = called(
        "run", *sorted(Path("checks").glob("*.json")), "--credentials", "secrets.json", "--json", cwd=Path.cwd()
    )
    assert done.returncode == 0, done.stdout
    assert [json.loads(line)["available"] for line in done.stdout.splitlines()] == [True, True]


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("", "line 1: found nothing"),
        (HEADER, "found no mailbox"),
        ("host,username,password\na.example,u,secret-canary\n", "found the column password"),
        ("host,user\na.example,u\n", "found host, user, expected the columns"),
        (HEADER + "a b,u,,good\n", "line 2: host: found 'a b'"),
        (HEADER + "imaps://u:canary@a.example/,u,,good\n", "line 2: host: found text with an @"),
        (HEADER + "u:canary@a.example,u,,good\n", "line 2: host: found text with an @"),
        (HEADER + "a.example,,,good\n", "line 2: username: "),
        (HEADER + "a.example,u,a_b,good\n", "line 2: name: found 'a_b'"),
        (HEADER + "a.example,u,x,good\nb.example,v,x,good\n", "line 3: name: x is on an earlier line"),
        (HEADER + "a.example,u,,good\nA.example,u,,good\n", "line 3: username: the same mailbox"),
        (HEADER + "a.example,u,there,good\n", "there.json exists already"),
        (HEADER + "a.example,u,,good,more\n", "line 2: found more cells"),
        (HEADER + '"a.example,u\n', "line 2: "),
        *((HEADER + f"a.example,u,,{file}\n", f"line 2: password_file: {says}") for file, says in {
            "nothing": "found a name that no file", "s3cret-canary": "found a name that no file", "link": "link: ",
            "pipe": "pipe: is not an ordinary file", "folder": "folder: ", "long": "long: holds more than 4,096",
            "two": "two: found no line or several", "empty": "empty: found no line or several",
            **dict.fromkeys(NO_PLAIN_NAMES, "found no plain name"),
        }.items()),
    ],
)  # fmt: skip
def test_wrong_row_or_file_sends_nothing(table: str, says: str) -> None:
    """Every other row may be right: all of them are read before."""
    Path("checks/there.json").write_text("{}")
    status, output, error = init(table)
    assert (status, output) == (2, "")
    assert says in error
    assert "canary" not in error
    assert "force" not in error
    assert written() == ["there.json"]


def test_every_wrong_row_is_a_line() -> None:
    _, _, error = init(HEADER + "a b,u,,\na.example,,,\na.example,ok,,\n")
    assert [line.split(": ")[1] for line in error.splitlines()] == ["line 2", "line 3"]


def test_nobody_confirmed_and_nothing_was_sent(server_context: object) -> None:
    with WireServer(tls=server_context) as server:  # type: ignore[arg-type]
        status, output, error = init(HEADER + f"localhost:{server.port},alice,,good\n", yes=False)
        assert (status, server.connections) == (2, 0)
    assert f"localhost:{server.port}  1, 1 with a password" in output
    assert "--yes confirms" in error
    assert written() == []


def test_refused_password_is_tried_once_and_the_others_are_written(server_context: object) -> None:
    """The host is looked at once, too; a server that is not there costs its rows only."""
    with WireServer(tls=server_context) as server:  # type: ignore[arg-type]
        host = f"localhost:{server.port}"
        rows = [f"{host},alice,a,good", f"{host},bob,b,bad", f"{host},carol,c,bad", f"{host},dave,d,"]
        rows.append("localhost:1,erin,e,good")
        status, output, error = init(HEADER + "\n".join(rows) + "\n", "--secrets", "s.json", "--no-message")
        logins = [line for line in server.commands if line.startswith("AUTHENTICATE")]
    assert status == 1
    assert written() == ["a.json", "d.json"]
    assert len(logins) == 2
    lines = error.splitlines()
    assert lines[0].startswith("b: not written: authenticate: authentication_failed")
    assert lines[1] == "c: not tried, as the same password was refused for b"
    assert lines[2].startswith("e: not written: connect: connection_refused")
    assert output.splitlines()[-2] == "checks: 2 definitions written, 3 not"
    assert set(json.loads(Path("s.json").read_text())["checks"]) == {"a"}
    assert "canary" not in output + error


def test_names_come_from_user_names_and_are_never_taken_twice(server_context: object) -> None:
    with WireServer(tls=server_context) as server:  # type: ignore[arg-type]
        host = f"localhost:{server.port}"
        users = ["monitor@example.com", "Monitor.Example@com", "monitor-at-example-com", "x" * 60, "x" * 61, "日本"]
        assert init("host,username\n" + "".join(f"{host},{user}\n" for user in users))[0] == 0
    assert written() == sorted(
        f"{name}.json" for name in (
            "monitor-at-example-com", "monitor-example-at-com", "monitor-at-example-com-2", "x" * 40,
            "x" * 38 + "-2", "mail",
        )
    )  # fmt: skip


def test_definitions_extend_the_folders_defaults(server_context: object) -> None:
    """Where they are there: the schedule is theirs then."""
    Path("checks/_defaults.json").write_text('{"schedule": {"every": "1h"}}')
    with WireServer(tls=server_context) as server:  # type: ignore[arg-type]
        assert init(f"host;username\nlocalhost:{server.port};alice\n")[0] == 0
    content = json.loads(Path("checks/alice.json").read_text())
    assert content["extends"] == "_defaults.json"
    assert "schedule" not in content


def test_definition_that_the_defaults_make_wrong_is_none(server_context: object) -> None:
    """It is not left behind, not counted, and its credentials are not kept."""
    Path("checks/_defaults.json").write_text('{"timeuot": 5}')
    with WireServer(tls=server_context) as server:  # type: ignore[arg-type]
        status, output, error = init(f"host;username\nlocalhost:{server.port};alice\n", "--secrets", "s.json")
    assert status == 1
    assert "timeuot" in error
    assert output.splitlines()[-1] == "checks: 0 definitions written, 1 not"
    assert written() == ["_defaults.json"]
    assert not Path("s.json").exists()


def test_table_of_one_user_name_on_many_hosts_is_read_in_linear_time() -> None:
    """Counted, not timed: each name is found at once."""
    from imapcheck.cli.mailbox_table import _free

    class Counted(dict[str, int]):
        asked = 0

        def __contains__(self, key: object) -> bool:
            Counted.asked += 1
            return super().__contains__(key)

    names = Counted()
    for _ in range(1000):
        names.setdefault(_free("monitor", names), 1)
    assert len(names) == 1000
    assert Counted.asked < 5000


def test_secrets_file_is_never_written_over() -> None:
    Path("secrets.json").write_text("mine")
    status, _, error = init(HEADER + "a.example,u,,good\n", "--secrets", "secrets.json")
    assert status == 2
    assert "exists already" in error
    assert Path("secrets.json").read_text() == "mine"
