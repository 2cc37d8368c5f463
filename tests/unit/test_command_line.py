"""Ways in and ways out of the command line: files, credentials, formats, statuses, manners."""

import html
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from junitparser import JUnitXml
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from imapcheck.cli.app import app
from imapcheck.cli.credentials import CredentialsFinder
from imapcheck.cli.orders import Orders
from imapcheck.cli.runner import run_orders
from imapcheck.definition.files import load_definition
from imapcheck.failures import FailureType
from imapcheck.login.credentials import Credentials
from imapcheck.output.formats import FORMATS
from imapcheck.output.outcome import Outcome
from imapcheck.output.screen import Screen
from support import forked
from support.certificates import Certificates
from support.dovecot import PASSWORD
from support.wire_server import Exchange, WireServer, delay, no

type Write = Callable[[str, dict[str, Any]], Path]
CREDENTIALS = {"username": "alice", "password": PASSWORD}


def imapcheck(*arguments: str | Path, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command; the environment holds no credentials but those given."""
    kept = {name: os.environ[name] for name in ("PATH", "XDG_STATE_HOME")}
    return forked.imapcheck(*arguments, stdin=stdin, environment=kept | {"COLUMNS": "120"} | environment)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(json.dumps({**CREDENTIALS, "host": "localhost"}))
    path.chmod(0o600)
    return path


def check(server: WireServer, certificates: Certificates, host: str = "localhost", **fields: Any) -> dict[str, Any]:
    return {"server": f"imaps://{host}:{server.port}/", "tls": {"ca_file": str(certificates.ca)}, **fields}


def logins(server: WireServer) -> int:
    return sum(command.startswith("AUTHENTICATE") for command in server.commands)


# --- credentials ----------------------------------------------------------------------------------------------------


def test_secret_is_read_past_the_cache_where_a_watch_asks_anew(
    monkeypatch: pytest.MonkeyPatch, write_definition: Write
) -> None:
    """Two checks of one call share what was read; a later run must see a password that was changed."""
    asked: list[bool] = []

    class Reader:
        def read(self, name: str, *, fresh: bool = False) -> Credentials:
            asked.append(fresh)
            return Credentials.from_object(CREDENTIALS, source=name)

    monkeypatch.setattr("imapcheck.aws.secrets.SecretReader", Reader)
    definition = load_definition(write_definition("mail", {"server": "mail.example.com", "secret": "imapcheck/mail"}))
    finder = CredentialsFinder(None, {})
    for each in (finder, finder, finder.anew()):
        assert each.find(definition, "mail.json") is not None
    assert asked == [False, False, True]


def test_folder_holds_credentials_for_each_check(
    server_context: Any, certificates: Certificates, write_definition: Write, tmp_path: Path
) -> None:
    """NAME.json each, without a host too; the one that is missing is told by its name, the others run."""
    folder = tmp_path / "secrets"
    folder.mkdir()
    with WireServer(tls=server_context) as server:
        paths = [
            write_definition("a", check(server, certificates)),
            write_definition("b", check(server, certificates, host="127.0.0.1")),
            write_definition("c", check(server, certificates)),
            write_definition("open", check(server, certificates, authentication="none")),
        ]
        (folder / "a.json").write_text(json.dumps({**CREDENTIALS, "host": "localhost"}))
        (folder / "b.json").write_text(json.dumps(CREDENTIALS))
        done = imapcheck("run", *paths, "--credentials", folder, "--json")
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert [result.get("available") for result in results] == [True, True, None, True]
    assert str(folder / "c.json") in results[2]["error"]
    assert "no such file" in results[2]["error"]
    assert done.returncode == 2


@pytest.mark.parametrize("where", ["file", "environment"])
def test_credentials_without_a_host_serve_one_host_a_call(
    server_context: Any, certificates: Certificates, write_definition: Write, tmp_path: Path, where: str
) -> None:
    """Of two hosts neither is tried: one of them would learn the other's password."""
    file = tmp_path / "secret"
    file.write_text(json.dumps(CREDENTIALS))
    arguments = ["--credentials", str(file)] if where == "file" else []
    given = {} if where == "file" else {"IMAPCHECK_USERNAME": "alice", "IMAPCHECK_PASSWORD": PASSWORD}
    with WireServer(tls=server_context) as server:
        one = write_definition("one", check(server, certificates))
        same = write_definition("same", check(server, certificates))
        other = write_definition("other", check(server, certificates, host="127.0.0.1"))
        assert imapcheck("run", one, same, *arguments, **given).returncode == 0
        assert logins(server) == 2
        done = imapcheck("run", one, other, *arguments, **given)
        assert logins(server) == 2
        assert done.returncode == 2
        assert "names no host, and this call has 2 (127.0.0.1, localhost)" in done.stdout
        if where == "environment":
            named = imapcheck("run", one, other, **given, IMAPCHECK_HOST="localhost")
            assert logins(server) == 3
            assert named.returncode == 2
            assert "made for host 'localhost'" in named.stdout


def test_missing_credentials_name_file_and_ways_out(write_definition: Write) -> None:
    """Where a secret would come from AWS and cannot: file, secret, and how to go on without AWS."""
    path = write_definition("mail", {"server": "localhost", "secret": "imapcheck/mail"})
    broken = "import sys\nfor name in ('boto3', 'aws_lambda_powertools'): sys.modules[name] = None\n"
    code = f"{broken}from imapcheck.cli.app import main\nmain()"
    done = subprocess.run(
        [sys.executable, "-c", code, "run", str(path)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 2
    for words in (
        str(path),
        "secret imapcheck/mail",
        "pip install 'imapcheck[aws]'",
        "--credentials",
        "IMAPCHECK_USER",
    ):
        assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("shell", "words"),
    [
        ({}, "no Region is set (AWS_DEFAULT_REGION)"),
        ({"AWS_DEFAULT_REGION": "eu-central-1"}, "no AWS credentials in this shell"),
        ({"AWS_DEFAULT_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "AKIA"}, "the AWS credentials in this shell are"),
        ({"AWS_PROFILE": "nobody"}, "there is no such AWS profile (AWS_PROFILE)"),
    ],
)
def test_shell_without_aws_is_told_what_is_missing(
    write_definition: Write, tmp_path: Path, shell: dict[str, str], words: str
) -> None:
    """Nothing was asked, so nothing is said of an answer."""
    path = write_definition("mail", {"server": "localhost", "secret": "imapcheck/mail"})
    done = imapcheck("run", path, HOME=str(tmp_path), AWS_EC2_METADATA_DISABLED="true", **shell)
    assert done.returncode == 2
    assert f"secret imapcheck/mail: cannot be read: {words}" in done.stderr
    assert "no answer" not in done.stderr


@pytest.mark.parametrize(("given", "missing"), [("USERNAME", "PASSWORD"), ("PASSWORD", "USERNAME")])
@pytest.mark.parametrize("secret_name", [None, "imapcheck/mail"])
def test_half_of_the_credentials_in_the_environment(
    write_definition: Write, secret_name: str | None, given: str, missing: str
) -> None:
    """Which one is missing is said; the secret is not tried in its place, and no value is shown."""
    path = write_definition("mail", {"server": "localhost", "secret": secret_name})
    for empty in ({}, {f"IMAPCHECK_{missing}": ""}):
        [order] = Orders([path], CredentialsFinder(None, {f"IMAPCHECK_{given}": "canary", **empty})).taken
        problem = order.outcome().error or ""
        assert problem == f"{path}: IMAPCHECK_{given} is set in the environment, and IMAPCHECK_{missing} is missing"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"user": "alice", "pass": "canary"}', 'username: missing; found "user": did you mean "username"?'),
        ('{"login": "alice", "password": "canary"}', 'username: missing; found "login": did you mean "username"?'),
        ('{"usrname": "alice", "password": "canary"}', 'found "usrname": did you mean "username"?'),
        ('{"canary-key": "alice", "password": "canary"}', "username: missing"),
        ("", "the file is empty"),
        ('{"username": "alice", /* mine */ "password": "canary-pa55word"}', "found a comment"),
        ('{"username": 7, "password": "canary-pa55word"}', "username: expected text in double quotes"),
        ('{"password": "canary-pa55word"}', "username: missing"),
        ('{"username": "", "password": "canary-pa55word"}', "username is empty"),
        ('["canary-pa55word"]', "found a list, expected a JSON object"),
        ('{"username": "alice", "password": "canary-pa55word",}', "comma after the last entry"),
    ],
)
def test_credentials_errors_name_file_and_field_in_our_words(
    write_definition: Write, tmp_path: Path, content: str, words: str
) -> None:
    """And never a value."""
    file = tmp_path / "secret"
    file.write_text(content)
    [order] = Orders([write_definition("mail", {"server": "localhost"})], CredentialsFinder(file, {})).taken
    problem = order.outcome().error or ""
    assert f"mail.json: credentials in {file}: " in problem
    assert words in problem
    assert "canary" not in problem
    assert "pydantic" not in problem.lower()


# --- files ----------------------------------------------------------------------------------------------------------


def test_standard_input_is_a_definition_or_credentials(
    server_context: Any, certificates: Certificates, write_definition: Write, secret: Path
) -> None:
    """`-`, for one of them; a byte order mark and CRLF are read."""
    with WireServer(tls=server_context) as server:
        content = json.dumps(check(server, certificates), indent=2).replace("\n", "\r\n")
        piped = imapcheck("run", "-", "--credentials", secret, "--json", stdin="\ufeff" + content)
        path = write_definition("mail", check(server, certificates))
        other = imapcheck("run", path, path, "--credentials", "-", "--json", stdin=secret.read_text())
    assert json.loads(piped.stdout)["check"] == "stdin"
    assert piped.returncode == 0, piped.stdout
    assert [json.loads(line)["available"] for line in other.stdout.splitlines()] == [True, True]
    both = imapcheck("run", "-", "--credentials", "-", stdin=content)
    assert both.returncode == 2
    assert "once" in both.stderr


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
@pytest.mark.parametrize("role", ["definition", "credentials"])
def test_what_is_no_file_is_refused_at_once(write_definition: Write, tmp_path: Path, kind: str, role: str) -> None:
    """Reading it might never end."""
    place = {"pipe": tmp_path / "pipe.json", "device": Path("/dev/zero"), "folder": tmp_path / "folder.json"}[kind]
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "folder":
        place.mkdir()
    definition = write_definition("mail", {"server": "localhost"})
    if role == "definition":
        arguments: list[Path | str] = [place]
    elif kind == "folder":
        (place / "mail.json").mkdir()
        arguments = [definition, "--credentials", place]
    else:
        arguments = [definition, "--credentials", place]
    path, *rest = arguments
    [order] = Orders([Path(path)], CredentialsFinder(Path(rest[1]) if rest else None, {})).taken
    assert ("found a folder" if kind == "folder" else "found a pipe or device") in (order.outcome().error or "")


# --- formats --------------------------------------------------------------------------------------------------------


@pytest.fixture
def three(server_context: Any, certificates: Certificates, write_definition: Write, secret: Path) -> Any:
    """Arguments of a call with one check that is fine, one that is down, one that cannot run."""
    with WireServer(tls=server_context) as good, WireServer(script={"EXAMINE": no}, tls=server_context) as bad:
        paths = [
            write_definition("fine", check(good, certificates)),
            write_definition("wrong", {"server": "ftp://x"}),
            write_definition("down", check(bad, certificates)),
        ]
        yield ["run", *paths, "--credentials", secret]


def test_nagios_format_keeps_nagios_statuses(three: list[Any]) -> None:
    """CRITICAL for an outage, UNKNOWN for what could not run, on standard output alone."""
    command, fine, wrong, down, *rest = three
    for files, status, words in (
        ([fine], 0, "IMAP OK - fine available"),
        ([fine, wrong], 3, "IMAP UNKNOWN - 2 checks: 1 could not run: wrong"),
        ([fine, wrong, down], 2, "IMAP CRITICAL - 3 checks: 1 not available: down"),
    ):
        done = imapcheck(command, *files, *rest, "--format", "nagios")
        assert done.returncode == status
        assert done.stdout.startswith(words)
        assert done.stderr == ""


def test_prometheus_format_is_read_by_prometheus(three: list[Any]) -> None:
    """The status is the command's own."""
    done = imapcheck(*three, "--format", "prometheus")
    found = {
        sample.labels["check"]: sample.value
        for family in text_string_to_metric_families(done.stdout)
        for sample in family.samples
        if sample.name == "probe_success"
    }
    assert found == {"fine": 1, "down": 0}
    assert (done.returncode, done.stderr) == (2, "")


def test_junit_format_is_read_by_junit(three: list[Any]) -> None:
    """Three cases."""
    done = imapcheck(*three, "--format", "junit")
    document = JUnitXml.fromstring(done.stdout.encode())
    assert (document.tests, document.failures, document.errors) == (3, 1, 1)
    assert (done.returncode, done.stderr) == (2, "")


@pytest.mark.parametrize("format", ["text", "json", "nagios", "prometheus", "junit"])
def test_every_format_works_in_every_locale(
    server_context: Any, certificates: Certificates, write_definition: Write, secret: Path, format: str
) -> None:
    """Words outside ASCII, in the C locale: programs get UTF-8, JSON stays JSON, and a person sees escapes."""
    from support.wire_server import reply

    script = {"EXAMINE": reply("%t NO gesperrt für heute ✗ \U0001f512".encode())}
    with WireServer(script=script, tls=server_context) as server:
        path = write_definition("mail", check(server, certificates))
        done = subprocess.run(
            [sys.executable, "-m", "imapcheck", "run", str(path), "--credentials", str(secret), "--format", format],
            capture_output=True, timeout=60, check=False,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        )  # fmt: skip
    assert done.returncode == (2 if format == "nagios" else 1)
    assert done.stderr == b""
    if format == "json":
        assert done.stdout.isascii()
        assert "gesperrt für heute ✗ \U0001f512" in json.loads(done.stdout)["failure"]["detail"]
    elif format == "prometheus":
        assert 'type="command_rejected"' in done.stdout.decode("utf-8")
    elif format == "text":
        assert r"gesperrt f\xfcr heute" in done.stdout.decode("ascii")
    else:
        shown = html.unescape(done.stdout.decode("utf-8"))
        assert "gesperrt für heute ✗ \U0001f512" in shown


def test_unknown_format_and_options_that_do_not_go_together() -> None:
    """Wrong usage, told in one line with what there is."""
    done = imapcheck("run", "x.json", "--format", "yaml")
    assert done.returncode == 2
    assert f"is not one of {', '.join(FORMATS)}" in done.stderr
    for option in (["--every", "60s"], ["--quiet"]):
        done = imapcheck("run", "x.json", "--format", "junit", *option)
        assert done.returncode == 2
        assert "only with text and json" in done.stderr
    done = imapcheck("run", "x.json", "--every", "60s", "--html", "report.html")
    assert done.returncode == 2
    assert "a report is made of one run: leave --every out" in done.stderr


@pytest.mark.parametrize(
    "options",
    [
        ["--nope"],
        ["--concurrency", "0", "x.json"],
        ["--concurrency", "101", "x.json"],
        ["--every", "5m", "x.json"],
        [],
        ["--html", "/nowhere/x", "x.json"],
    ],
)
def test_wrong_usage_is_unknown_to_nagios(options: list[str]) -> None:
    """Its 2 is CRITICAL, and a mistyped option is no outage."""
    done = imapcheck("run", "--format", "nagios", *options)
    assert done.returncode == 3
    assert done.stdout.startswith("IMAP UNKNOWN - ")
    assert done.stderr


@pytest.mark.parametrize("output", ["taken", "taken/below"])
def test_stack_that_cannot_be_written_is_told_with_its_place(
    write_definition: Write, tmp_path: Path, output: str
) -> None:
    """A file where the folder should be."""
    write_definition("one", {"server": "mail.example.com", "authentication": "none"})
    place = tmp_path.parent / f"{tmp_path.name}-out"
    place.mkdir()
    (place / "taken").touch()
    done = imapcheck("stack", tmp_path, "--output", place / output)
    assert done.returncode == 2
    assert str(place / output) in done.stderr
    assert "internal error" not in done.stderr


# --- manners --------------------------------------------------------------------------------------------------------


def test_quiet_says_nothing_unless_something_is_wrong(three: list[Any], tmp_path: Path) -> None:
    """For cron, which mails whatever is said."""
    command, fine, wrong, down, *rest = three
    done = imapcheck(command, fine, fine.with_name("fine.json"), *rest, "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert imapcheck(command, fine, *rest, "-q").stdout == ""
    done = imapcheck(command, fine, wrong, down, *rest, "--quiet")
    assert done.returncode == 2
    assert "down" in done.stdout
    assert "wrong" in done.stdout
    assert "\nfine" not in done.stdout
    assert done.stdout.splitlines()[-1] == "3 checks: 1 not available, 1 could not run, 1 available"
    assert "NOT AVAILABLE" in imapcheck(command, down, *rest, "--quiet").stdout


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ([], 2),
        (["--json"], 2),
        (["--format", "nagios"], 3),
        (["--format", "prometheus"], 2),
        (["--format", "junit"], 2),
    ],
)
def test_full_disk_is_told_and_no_success(three: list[Any], options: list[str], status: int) -> None:
    """One line on standard error, no traceback, whatever the verdict; of an outage too nobody has read."""
    command, fine, _, down, *rest = three
    for file in (fine, down):
        assert on_a_full_disk(command, file, *rest, *options) == (status, "standard output: no space left on device\n")


def test_full_disk_is_no_success_of_any_command(three: list[Any], tmp_path: Path) -> None:
    """Whatever is printed is what the command was called for."""
    command, fine, _, _, *rest = three
    kept = tmp_path / "results.jsonl"
    imapcheck(command, fine, *rest, "--append", kept)
    for call in (["summary", kept], ["validate", fine], ["schema"], ["explain"], ["--version"], ["run", "--help"]):
        assert on_a_full_disk(*call) == (2, "standard output: no space left on device\n"), call


def on_a_full_disk(*arguments: str | Path) -> tuple[int, str]:
    """Exit status and standard error."""
    with Path("/dev/full").open("w") as full:
        done = forked.imapcheck(*arguments, stdout=full.fileno())
    return done.returncode, done.stderr


@pytest.mark.parametrize("concurrency", [1, 2, 100])
def test_as_many_checks_at_once_as_asked_for(
    server_context: Any, certificates: Certificates, write_definition: Write, concurrency: int
) -> None:
    """Two checks that wait for each other end well, unless one runs after the other."""
    both = threading.Barrier(2)

    def wait_for_the_other(exchange: Exchange) -> bool:
        try:
            both.wait(30 if concurrency > 1 else 0.5)
        except threading.BrokenBarrierError:
            exchange.connection.close()
            return False
        return True

    with WireServer(script={"CAPABILITY": wait_for_the_other}, tls=server_context) as server:
        paths = [write_definition(name, check(server, certificates, authentication="none")) for name in ("a", "b")]
        done = imapcheck("run", *paths, "--concurrency", str(concurrency))
    assert done.returncode == (1 if concurrency == 1 else 0), done.stdout


def test_interrupt_begins_no_check_that_waits(
    server_context: Any, certificates: Certificates, write_definition: Write
) -> None:
    """The one that took the place of the one that ended may run; the other four do not."""

    def interrupt(outcome: Outcome) -> None:
        raise KeyboardInterrupt

    with WireServer(script={"CAPABILITY": delay(0.2)}, tls=server_context) as server:
        paths = [
            write_definition(f"c{number}", check(server, certificates, authentication="none")) for number in range(6)
        ]
        with pytest.raises(KeyboardInterrupt):
            run_orders(Orders(paths, CredentialsFinder(None, {})).taken, Screen(), 1, interrupt)
        for thread in threading.enumerate():
            if thread.name.startswith("check"):
                thread.join(30)
        assert 1 <= server.commands.count("CAPABILITY") <= 2


@pytest.mark.parametrize("format", ["text", "json", "nagios"])
def test_reader_that_has_gone_changes_no_verdict(three: list[Any], format: str) -> None:
    """`| head -1` closes the pipe; the status stays, and nobody sees a traceback."""
    command, fine, _, down, *rest = three
    for file, status in ((fine, 0), (down, 2 if format == "nagios" else 1)):
        reading, writing = os.pipe()
        os.close(reading)
        done = forked.imapcheck(command, file, *rest, "--format", format, stdout=writing)
        os.close(writing)
        assert (done.returncode, done.stderr) == (status, "")


def test_append_keeps_a_line_for_each_run(three: list[Any], tmp_path: Path) -> None:
    """Whatever is shown; a file that cannot be written is told before anything runs."""
    file = tmp_path / "results.jsonl"
    for _ in range(2):
        imapcheck(*three, "--append", file)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert sorted(line["check"] for line in lines) == ["down", "down", "fine", "fine", "wrong", "wrong"]
    done = imapcheck(*three, "--append", tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert str(tmp_path) in done.stderr.replace("\n", "")


# --- the small commands ---------------------------------------------------------------------------------------------


def test_version_names_package_python_and_openssl() -> None:
    """What a bug report must say."""
    import platform

    from imapcheck.version import VERSION

    done = imapcheck("--version")
    assert (done.returncode, done.stderr, done.stdout.count("\n")) == (0, "", 1)
    assert done.stdout.startswith(f"imapcheck {VERSION} (Python {platform.python_version()}, OpenSSL ")


@pytest.mark.parametrize("type", FailureType)
def test_explain_knows_every_failure_type(type: FailureType) -> None:
    """From the one table that results and docs/failures.md are made from."""
    from imapcheck.cli.explain import explanation

    text = " ".join(explanation(type.value).split())
    assert type.meaning in text
    assert type.advice in text
    assert type.value in " ".join((explanation(None) + explanation(type.category.value)).split())


def test_explain_suggests() -> None:
    """A slip of the finger is wrong usage with the word that was meant."""
    done = imapcheck("explain", "authentification_failed")
    assert done.returncode == 2
    assert "did you mean authentication_failed" in done.stderr
    assert imapcheck("explain", "mailbox-not-found").returncode == 0
    assert "certificate_expired" in imapcheck("explain").stdout


@pytest.mark.parametrize("command", ["run", "init", "validate", "summary", "explain", "stack", "schema", "demo"])
def test_help_is_for_people(command: str) -> None:
    """At 80 columns, `-h` as well as `--help`, without Python's types."""
    short, long = (CliRunner().invoke(app, [command, option], env={"COLUMNS": "80"}) for option in ("-h", "--help"))
    assert short.exit_code == 0
    assert short.output == long.output
    assert "<" not in short.output
    assert "{" not in short.output
    assert all(len(line) <= 88 for line in short.output.splitlines())


def test_run_help_has_examples_statuses_and_variables() -> None:
    """What one looks up most."""
    text = CliRunner().invoke(app, ["run", "-h"], env={"COLUMNS": "80"}).output
    assert "Examples:" in text
    assert "Exit status" in text
    for name in ("IMAPCHECK_USERNAME", "IMAPCHECK_PASSWORD", "IMAPCHECK_HOST"):
        assert name in text


def test_completion_is_offered() -> None:
    """The script that a shell sources."""
    # Which shell called is told here: else it is looked for among the processes that started the tests.
    told = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    assert "_IMAPCHECK_COMPLETE" in imapcheck("--show-completion", "bash", **told).stdout


def test_schema_is_printed_as_the_page_has_it() -> None:
    """Whoever has only the package gives it to an editor."""
    done = imapcheck("schema")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (Path(__file__).parents[2] / "docs/check.schema.json").read_text(encoding="utf-8")
