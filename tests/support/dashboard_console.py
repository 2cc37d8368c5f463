"""A small twin of the CloudWatch console: shows a custom widget, fills in its form, follows its `cwdb-action`s.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/add_custom_widget_dashboard_interactivity.html
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

type Invoke = Callable[[dict[str, Any]], Any]

_VOID = {"input", "br", "img", "hr", "meta", "link"}


@dataclass
class Element:
    """An element with its text and what follows it."""

    tag: str
    attributes: dict[str, str | None]
    parent: "Element | None" = None
    children: "list[Element | str]" = field(default_factory=list)

    @property
    def text(self) -> str:
        parts = (child if isinstance(child, str) else f" {child.text} " for child in self.children if _is_shown(child))
        return " ".join("".join(parts).split())

    def all(self, tag: str) -> "list[Element]":
        """Every element of that name within, in the order of the document."""
        found = []
        for child in self.children:
            if isinstance(child, Element):
                found += [child] if child.tag == tag else []
                found += child.all(tag)
        return found

    @property
    def before(self) -> "Element | None":
        """The element just before this one, which a cwdb-action acts on."""
        assert self.parent is not None
        elements = [child for child in self.parent.children if isinstance(child, Element)]
        place = next(index for index, element in enumerate(elements) if element is self)
        return elements[place - 1] if place else None


def _is_shown(child: Element | str) -> bool:
    return isinstance(child, str) or child.tag not in ("style", "cwdb-action")


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = self.at = Element("root", {})

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs), self.at)
        self.at.children.append(element)
        if tag not in _VOID:
            self.at = element

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID:
            assert self.at.tag == tag, f"</{tag}> closes <{self.at.tag}>"
            assert self.at.parent is not None
            self.at = self.at.parent

    def handle_data(self, data: str) -> None:
        self.at.children.append(data)


def parse(html: str) -> Element:
    """The document; an element that is closed out of turn is an error."""
    builder = _Builder()
    builder.feed(html)
    builder.close()
    assert builder.at is builder.root, f"<{builder.at.tag}> is not closed"
    return builder.root


class DashboardConsole:
    """One widget on a dashboard: `shown` is its content, `popup` what a click opened last."""

    def __init__(self, invoke: Invoke, endpoint: str, *, start: int, end: int, **context: Any) -> None:
        self._invoke = invoke
        self._endpoint = endpoint
        self._context = {
            "dashboardName": "imapcheck",
            "widgetId": "widget-1",
            "theme": "light",
            "params": {},
            "timeRange": {"mode": "absolute", "start": start, "end": end},
            "forms": {"all": {}},
            **context,
        }
        self.form: dict[str, str] = {}
        self.popup: Element | None = None
        self.shown = self.refresh()

    def refresh(self) -> Element:
        """As the console does at first and whenever the time range changes."""
        self.shown = parse(self._call(dict(self._context["params"])))
        return self.shown

    def click(self, text: str, *, number: int = 0) -> Element:
        """Click the element whose text begins so; returns what it opened, in the pop-up or in the widget's place."""
        actions = [
            action
            for action in self.shown.all("cwdb-action")
            if action.before is not None and action.before.text.startswith(text)
        ]
        action = actions[number]
        assert action.attributes["action"] == "call"
        assert action.attributes["endpoint"] == self._endpoint
        answer = parse(self._call(json.loads("".join(map(str, action.children)))))
        if action.attributes["display"] == "popup":
            self.popup = answer
        else:
            self.shown = answer
        return answer

    def _call(self, payload: Mapping[str, Any]) -> str:
        event = {**payload, "widgetContext": {**self._context, "forms": {"all": self._fields() | self.form}}}
        answer = self._invoke(json.loads(json.dumps(event)))
        assert isinstance(answer, str)
        return str(json.loads(json.dumps(answer)))

    def _fields(self) -> dict[str, str]:
        """The values of the inputs that stand in the widget."""
        if not hasattr(self, "shown"):
            return {}
        inputs = {item.attributes["name"] or "": item.attributes.get("value") or "" for item in self.shown.all("input")}
        for item in self.shown.all("select"):
            options = item.all("option")
            chosen = next((option for option in options if "selected" in option.attributes), options[0])
            inputs[item.attributes["name"] or ""] = chosen.attributes.get("value") or ""
        return inputs
