"""Who is subscribed to what, and how that changes: SNS takes one subscription of an address and topic, no more.

It refuses a second one with other attributes (Subscribe), and answers one with the same attributes by the ARN of the
first, which then goes when CloudFormation deletes the first. CloudFormation creates before it deletes.
"""

import functools
import itertools
from typing import Any, NamedTuple

import pytest

from imapcheck import CheckDefinition
from imapcheck.stack.contacts import contacts_template
from support.templates import load_template
from template.reading import read

A, B = "a@example.com", "b@example.com"
ADDRESSES: list[tuple[str, ...]] = [(), (A,), (B,), (A, B)]
STATES = list(itertools.product(["", A, B], ADDRESSES))
"""The stack's own address, and the contacts in the definitions."""


class Subscription(NamedTuple):
    topic: str
    endpoint: str
    attributes: str


@functools.cache
def subscriptions(alarm_email: str, contacts: tuple[str, ...]) -> dict[str, Subscription]:
    """The e-mail subscriptions of the stack and its nested one, by logical id, as CloudFormation resolves them."""
    check = {"name": "mail", "server": "mail.example", "schedule": {"every": "5m"}, "alarms": {"notify": [*contacts]}}
    root, nested = read("template.yaml"), load_template(contacts_template([CheckDefinition.model_validate(check)]).text)
    passed = root["Resources"]["Contacts"]["Properties"]["Parameters"]
    own, values = {"AlarmEmail": alarm_email}, {}
    for name, value in passed.items():
        values[name] = own.get(value["Ref"], value["Ref"])
    return _resolved(root, own) | _resolved(nested, values)


def _resolved(template: dict[str, Any], values: dict[str, str]) -> dict[str, Subscription]:
    found = {}
    for logical, item in template["Resources"].items():
        properties = item.get("Properties", {})
        if item["Type"] != "AWS::SNS::Subscription" or properties["Protocol"] != "email":
            continue
        if "Condition" in item and not _value(template["Conditions"][item["Condition"]], values):
            continue
        known = {name: _value(value, values) for name, value in properties.items()}
        topic, endpoint, _ = known.pop("TopicArn"), known.pop("Endpoint"), known.pop("Protocol")
        found[logical] = Subscription(topic, endpoint, str(known))
    return found


def _value(node: Any, values: dict[str, str]) -> Any:
    match node:
        case {"Ref": name}:
            return values.get(name, name)
        case {"Fn::Equals": [one, other]}:
            return _value(one, values) == _value(other, values)
        case {"Fn::Not": [inner]}:
            return not _value(inner, values)
        case dict():
            return {key: _value(inner, values) for key, inner in node.items()}
    return node


@pytest.mark.parametrize(("before", "after"), list(itertools.permutations(STATES, 2)))
def test_no_deployment_subscribes_an_address_that_is_subscribed(before: Any, after: Any) -> None:
    """Whatever becomes of the stack's address and of the contacts, at once or one by one."""
    old, new = subscriptions(*before), subscriptions(*after)
    kept = {(one.topic, one.endpoint) for one in old.values()}
    for logical, one in new.items():
        created = logical not in old or (old[logical].topic, old[logical].endpoint) != (one.topic, one.endpoint)
        assert not (created and (one.topic, one.endpoint) in kept), logical


@pytest.mark.parametrize("state", STATES)
def test_everybody_is_told_once(state: Any) -> None:
    """The stack's own address of everything, a contact of its checks; who is both has one subscription."""
    alarm_email, contacts = state
    found = subscriptions(alarm_email, contacts).values()
    told = [one.endpoint for one in found]
    assert sorted(told) == sorted({*contacts, *([alarm_email] if alarm_email else [])})
    for one in found:
        assert (one.topic == "AlarmTopic" and one.attributes == "{}") == (one.endpoint == alarm_email)
        if one.endpoint != alarm_email:
            assert one.attributes == str({"FilterPolicy": {"contacts": [one.endpoint]}})
