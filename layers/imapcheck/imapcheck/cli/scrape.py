"""`run --every .. --listen`: the newest outcome of each check, for Prometheus to fetch, and whether the watch lives."""

import re
import time
from collections.abc import Iterable
from datetime import timedelta
from http import HTTPStatus
from ipaddress import ip_address
from typing import NamedTuple

import typer

from imapcheck.network.page_server import Page, PageServer
from imapcheck.output.outcome import Outcome
from imapcheck.output.prometheus import render
from imapcheck.wording import elapsed

_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Listening(NamedTuple):
    """Where to listen."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Only this machine gets there."""
        return ip_address(self.host).is_loopback


def parse_listening(text: str) -> Listening:
    """`127.0.0.1:9814`, `[::1]:9814`, `localhost:9814`. Raises `typer.BadParameter`."""
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]]+)):([0-9]{1,5})", text)
    try:
        if match is None or int(match[3]) > 65_535:
            raise ValueError
        host = match[1] or match[2].replace("localhost", "127.0.0.1")
        return Listening(str(ip_address(host)), int(match[3]))
    except ValueError:
        what = f"{text!r} is not an address and port, such as 127.0.0.1:9814"
        raise typer.BadParameter(what, param_hint="--listen") from None


class ScrapeTarget:
    """Serves `/metrics` and `/healthz`; `take` learns of each outcome, `patience` is how many seconds none may come."""

    def __init__(self, where: Listening, checks: Iterable[str], patience: float) -> None:
        self._newest: dict[str, Outcome | None] = dict.fromkeys(checks)
        self.patience, self._heard_at = patience, time.monotonic()
        try:
            self.server = PageServer(*where, {"/metrics": self._metrics, "/healthz": self._health})
        except OSError as error:
            reason = (error.strerror or "cannot be listened at").lower()
            raise typer.BadParameter(f"{where.host}:{where.port}: {reason}", param_hint="--listen") from None

    @property
    def url(self) -> str:
        """Of the server, without a path."""
        host, port = self.server.address
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def take(self, outcome: Outcome) -> None:
        """The newest outcome of its check."""
        self._newest[outcome.check], self._heard_at = outcome, time.monotonic()

    def _metrics(self) -> Page:
        """Of every check that has run."""
        newest = [outcome for outcome in self._newest.values() if outcome is not None]
        return Page(HTTPStatus.OK, render(newest), _METRICS_TYPE)

    def _health(self) -> Page:
        silent = time.monotonic() - self._heard_at
        if silent <= self.patience:
            return Page(HTTPStatus.OK, "ok\n")
        words = f"no check has ended for {elapsed(timedelta(seconds=silent))}\n"
        return Page(HTTPStatus.SERVICE_UNAVAILABLE, words)
