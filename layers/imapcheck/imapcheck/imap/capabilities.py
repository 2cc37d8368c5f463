"""What the server says it can do (RFC 9051 section 7.2.2), wherever it says it."""

_REV2_IMPLIES = {"NAMESPACE", "ESEARCH", "LIST-EXTENDED", "SPECIAL-USE", "SASL-IR", "UIDPLUS", "MOVE"}


class Capabilities:
    """The latest list, and how many lists there were (`lists`): so a command knows whether one came with its answer."""

    def __init__(self) -> None:
        self.lists = 0
        self._names: frozenset[str] = frozenset()

    def learn(self, names: bytes) -> None:
        """Take the list of a CAPABILITY response or response code; it replaces the one before."""
        self._names = frozenset(names.decode("ascii", "replace").upper().split())
        self.lists += 1

    def forget(self) -> None:
        """What was said in clear text counts for nothing once TLS is up (RFC 9051 section 6.2.1)."""
        self._names = frozenset()

    def names(self) -> frozenset[str]:
        """All of them, in upper case."""
        return self._names

    def offers(self, capability: str) -> bool:
        """The server advertises it, or IMAP4rev2, which implies it (RFC 9051 appendix E)."""
        if capability in self._names:
            return True
        return "IMAP4REV2" in self._names and capability in _REV2_IMPLIES

    def offers_kind(self, prefix: str) -> bool:
        """The server advertises some capability that begins so, such as `QUOTA=RES-STORAGE`."""
        return any(name.startswith(prefix) for name in self._names)

    def mechanisms(self) -> list[str]:
        """The SASL mechanisms on offer, at most ten."""
        return sorted(name[5:] for name in self._names if name.startswith("AUTH="))[:10]
