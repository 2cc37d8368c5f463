"""What the pages say of AWS where it does otherwise than one expects; nothing here can be tried without an account."""

import re

import pytest

from support.artifact import ROOT

SAID = {
    "README.md": ["--authenticate-on-unsubscribe true"],
    "docs/alarms.md": ["--authenticate-on-unsubscribe true", "--token TOKEN"],
    "docs/operations.md": [
        "ROLLBACK_COMPLETE",
        "Allow always",
        "report no end",
        "lists a nested stack as `Modify`",
        "arm64",
        "logs:StartQuery",
        "European Sovereign Cloud",
        "aws-iso",
        "mail scanner",
        "SubnetIds= ",
    ],
    "docs/fleet.md": ["request-service-quota-increase --service-code lambda --quota-code L-B99A9384"],
    "docs/command-line.md": ["HTTPS_PROXY", "PATH=/usr/local/bin"],
    "docs/providers.md": ["consumers/oauth2/v2.0/token", "*Internal*"],
}
NOT_SAID = {
    "docs/operations.md": ["says that there is nothing to do", "one execution must remain", "for 15 minutes: nothing"],
    "docs/fleet.md": ["leave at least one", "execution free"],
    "docs/install.md": ["python3 -m zipfile"],
}


def words(page: str) -> str:
    """The page's text with every line end a blank."""
    return " ".join((ROOT / page).read_text(encoding="utf-8").split())


@pytest.mark.parametrize("page", SAID)
def test_page_says_it(page: str) -> None:
    assert [text for text in SAID[page] if text.strip() not in words(page)] == []


@pytest.mark.parametrize("page", NOT_SAID)
def test_page_no_longer_says_what_is_wrong(page: str) -> None:
    assert [text for text in NOT_SAID[page] if " ".join(text.split()) in words(page)] == []


def test_links_into_pages_lead_to_a_chapter() -> None:
    """As GitHub makes anchors of headings."""
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        for target, anchor in re.findall(r"\]\(([\w./-]+\.md)#([\w-]+)\)", page.read_text(encoding="utf-8")):
            headings = re.findall(r"(?m)^#+ (.+)$", (page.parent / target).read_text(encoding="utf-8"))
            anchors = [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]
            assert anchor in anchors, f"{page.name}: {target}#{anchor}"
