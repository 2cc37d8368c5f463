"""The addresses that Perl's modules read in a message: `Mail::Address`, `Email::Address` and `Email::Address::XS`."""

import json
import shutil
import subprocess

import pytest

_MODULES = ("Mail::Address", "Email::Address", "Email::Address::XS")
_SCRIPT = """
use strict; use warnings; use JSON::PP;
my $module = shift; eval "require $module" or die;
$| = 1;
while (my $line = <STDIN>) {
    my $header = decode_json($line)->{header};
    utf8::encode($header) if utf8::is_utf8($header);
    my @found = map { $_->address } $module->parse($header);
    print JSON::PP->new->ascii->encode([@found]), "\\n";
}
"""


class PerlReader:
    """One Perl process that reads address headers with one module; a context manager ends it."""

    def __init__(self, module: str) -> None:
        self.module = module
        self._process = subprocess.Popen(
            ["perl", "-e", _SCRIPT, module], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def addresses(self, header: str) -> list[str]:
        """The addresses in a header's value, unfolded as RFC 5322 section 2.2.3 says."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"header": header.replace("\r\n", "")}) + "\n")
        self._process.stdin.flush()
        found: list[str] = json.loads(self._process.stdout.readline())
        return found

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(10)


def perl_readers() -> list[PerlReader]:
    """A reader for each module that is installed; skips where there is none."""
    found = []
    if shutil.which("perl") is not None:
        for module in _MODULES:
            asked = subprocess.run(["perl", "-MJSON::PP", f"-M{module}", "-e", "1"], capture_output=True, check=False)
            if asked.returncode == 0:
                found.append(PerlReader(module))
    if not found:
        pytest.skip("none of Perl's address modules is installed (libmailtools-perl, libemail-address-perl)")
    return found
