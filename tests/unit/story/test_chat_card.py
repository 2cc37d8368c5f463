"""A card for chat keeps within what chat shows, whatever a server said: a longer one is dropped without a word."""

import pytest

from imapcheck.alarms.chat_card import DESCRIPTION_LIMIT, card
from imapcheck.alarms.kind import Plot
from imapcheck.alarms.kinds import UNAVAILABLE
from support.story_scenes import change


@pytest.mark.parametrize("lines", [1, 6, 40])
@pytest.mark.parametrize("length", [10, 470, 500, 4000])
@pytest.mark.parametrize("facts", [[], ["Certificate: 61 days left."], ["x" * 300] * 3])
def test_description_keeps_within_the_limit(lines: int, length: int, facts: list[str]) -> None:
    """What is ours stands whole; the server's words are cut, and their block is closed."""
    words = tuple("w" * length for _ in range(lines))
    plotted = Plot("DOWN", ("",), "since 10:12 UTC", "connect: connection_refused", words, transcript=words)
    description = card(change(UNAVAILABLE), plotted, "DOWN office", facts, [])["content"]["description"]
    assert len(description) <= DESCRIPTION_LIMIT
    assert description.startswith("since 10:12 UTC\nconnect: connection_refused\n```\n")
    assert description.count("```") == 2
    assert description.endswith(" ".join(facts) or "\n```")
