"""The Regions of AWS: what people call them, and which partition they are in."""

import re

CITIES = {
    "af-south-1": "Cape Town",
    "ap-east-1": "Hong Kong",
    "ap-east-2": "Taipei",
    "ap-northeast-1": "Tokyo",
    "ap-northeast-2": "Seoul",
    "ap-northeast-3": "Osaka",
    "ap-south-1": "Mumbai",
    "ap-south-2": "Hyderabad",
    "ap-southeast-1": "Singapore",
    "ap-southeast-2": "Sydney",
    "ap-southeast-3": "Jakarta",
    "ap-southeast-4": "Melbourne",
    "ap-southeast-5": "Malaysia",
    "ap-southeast-6": "New Zealand",
    "ap-southeast-7": "Thailand",
    "ca-central-1": "Montreal",
    "ca-west-1": "Calgary",
    "cn-north-1": "Beijing",
    "cn-northwest-1": "Ningxia",
    "eu-central-1": "Frankfurt",
    "eu-central-2": "Zurich",
    "eu-north-1": "Stockholm",
    "eu-south-1": "Milan",
    "eu-south-2": "Spain",
    "eu-west-1": "Ireland",
    "eu-west-2": "London",
    "eu-west-3": "Paris",
    "eusc-de-east-1": "Brandenburg",
    "il-central-1": "Tel Aviv",
    "me-central-1": "UAE",
    "me-south-1": "Bahrain",
    "mx-central-1": "Mexico",
    "sa-east-1": "Sao Paulo",
    "us-east-1": "N. Virginia",
    "us-east-2": "Ohio",
    "us-gov-east-1": "GovCloud East",
    "us-gov-west-1": "GovCloud West",
    "us-west-1": "N. California",
    "us-west-2": "Oregon",
}
"""In ASCII, as a subject is; a Region that is newer than this table has its own name."""
REGION_PATTERN = "^[a-z]{2,4}(-[a-z]{2,10}){1,3}-[0-9]{1,2}$"
_PARTITIONS = {"cn-": "aws-cn", "us-gov-": "aws-us-gov", "eusc-": "aws-eusc"}


def city(region: str) -> str:
    """`Tokyo` of `ap-northeast-1`; the Region's own name where none is known, and nothing that is no Region's."""
    return CITIES.get(region, region if re.fullmatch(REGION_PATTERN[1:-1], region) else "an unknown place")


def partition(region: str) -> str:
    """The partition that a Region is in: no account reaches from one into another."""
    return next((name for prefix, name in _PARTITIONS.items() if region.startswith(prefix)), "aws")
