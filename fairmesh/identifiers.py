"""Identifiers of persons, organizations, data and licenses: normalized and checked."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

ORCID = "https://orcid.org/"
ROR = "https://ror.org/"
DOI = "https://doi.org/"
SPDX = "https://spdx.org/licenses/"

_ANY_CASE = re.IGNORECASE | re.ASCII
_ORCID = re.compile(
    r"(?:(?:https?://)?(?:www\.)?orcid\.org/|orcid:)?(\d{4})-?(\d{4})-?(\d{4})-?(\d{3}[\dX])/?", _ANY_CASE
)
_DOI = re.compile(r"(?:(?:https?://)?(?:dx\.|www\.)?doi\.org/|doi:\s*)?(10\.\d{4,9}/\S+)", _ANY_CASE)
_ROR = re.compile(r"(?:(?:https?://)?(?:www\.)?ror\.org/)?(0[0-9a-hj-km-np-tv-z]{6}\d{2})/?", _ANY_CASE)
_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"  # base 32 without the letters that look like others
_WEB = re.compile(r"https?://[A-Za-z0-9][^\s<>\"{}|\\^`]*", _ANY_CASE)
_EMAIL = re.compile(r"[^\s@<>,;]+@[^\s@<>,;.]+(?:\.[^\s@<>,;.]+)+")
_CREATIVE_COMMONS = re.compile(
    r"(?:https?://)?creativecommons\.org/(?:licenses|publicdomain)/([a-z-]+)/(\d\.\d)\S*", _ANY_CASE
)
_SPDX_PAGE = re.compile(r"(?:https?://)?spdx\.org/licenses/([^/]+?)(?:\.html|\.json)?/?", _ANY_CASE)
_USUAL = {
    "apache": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache license version 2.0": "Apache-2.0",
    "mit license": "MIT",
    "the mit license": "MIT",
    "cc0": "CC0-1.0",
}


def normalize_orcid(text: str) -> str:
    """Return an ORCID as four groups of four.

    Raises
    ------
    ValueError
        If it is none, or its last character does not follow from the others (ISO 7064, mod 11-2).

    Examples
    --------
    >>> normalize_orcid("orcid.org/000000021694233x/")
    '0000-0002-1694-233X'
    """
    digits = _checked(_ORCID, text, "an ORCID", "0000-0002-1825-0097", _orcid_check).upper()
    return "-".join(digits[start : start + 4] for start in range(0, 16, 4))


def normalize_ror(text: str) -> str:
    """Return a ROR as an address.

    Raises
    ------
    ValueError
        If it is none, or its last two digits do not follow from the others (ISO 7064, mod 97-10).

    Examples
    --------
    >>> normalize_ror("0153TK833"), normalize_ror("ror.org/0153tk833/")
    ('https://ror.org/0153tk833', 'https://ror.org/0153tk833')
    """
    return ROR + _checked(_ROR, text, "a ROR", "https://ror.org/0153tk833", _ror_check).lower()


def _checked(pattern: re.Pattern[str], text: str, noun: str, example: str, check: Callable[[str], str]) -> str:
    """Return the characters of an identifier, of which the last ones follow from the others."""
    found = pattern.fullmatch(text.strip())
    if not found:
        raise ValueError(f"must be {noun} such as {example}, not {text!r}")
    characters = "".join(found.groups())
    if not characters.lower().endswith(check(characters.lower())):
        raise ValueError(f"must be {noun}; {text!r} has a mistyped character, for its check digits are wrong")
    return characters


def _orcid_check(digits: str) -> str:
    total = 0
    for digit in digits[:-1]:
        total = (total + int(digit)) * 2
    check = (12 - total % 11) % 11
    return "x" if check == 10 else str(check)


def _ror_check(characters: str) -> str:
    number = 0
    for character in characters[:-2]:
        number = number * 32 + _CROCKFORD.index(character)
    return f"{98 - number * 100 % 97:02d}"


def normalize_doi(text: str) -> str:
    """Return a DOI without an address before it.

    Raises
    ------
    ValueError
        If it is none.

    Examples
    --------
    >>> normalize_doi("DOI:10.5281/zenodo.1234567"), normalize_doi("https://dx.doi.org/10.1000/182")
    ('10.5281/zenodo.1234567', '10.1000/182')
    """
    found = _DOI.fullmatch(text.strip())
    if not found:
        raise ValueError(f"must be a DOI such as 10.5281/zenodo.1234567, not {text!r}")
    return found[1]


def normalize_url(text: str) -> str:
    """Return an address of the web; that of an organization's ROR, in any form, as `normalize_ror` returns it.

    Raises
    ------
    ValueError
        If it is none, or a wrong ROR.

    Examples
    --------
    >>> normalize_url("https://example.org/a"), normalize_url("ror.org/0153tk833")
    ('https://example.org/a', 'https://ror.org/0153tk833')
    """
    text = text.strip()
    if _ROR.fullmatch(text) or re.match(r"(?:https?://)?(?:www\.)?ror\.org/", text, _ANY_CASE):
        return normalize_ror(text)
    if not is_web_url(text):
        raise ValueError(f"must be an address that begins with https:// or http://, not {text!r}")
    return text


def is_web_url(text: str) -> bool:
    """Return whether a text is an address of the web.

    >>> is_web_url("https://example.org/a"), is_web_url("javascript:alert(1)"), is_web_url("https://example.org/a b")
    (True, False, False)
    """
    try:
        return bool(_WEB.fullmatch(text) and urlsplit(text).hostname)
    except ValueError:
        return False


def normalize_email(text: str) -> str:
    """Return an e-mail address.

    Raises
    ------
    ValueError
        If it is none.

    Examples
    --------
    >>> normalize_email("mailto:ada@example.org")
    'ada@example.org'
    """
    found = text.strip().removeprefix("mailto:")
    if not _EMAIL.fullmatch(found):
        raise ValueError(f"must be an e-mail address such as ada@example.org, not {text!r}")
    return found


def normalize_license(text: str) -> str:
    """Return a licence as SPDX writes it where that is known, else as it was given.

    >>> normalize_license("cc by 4.0"), normalize_license("Apache License 2.0"), normalize_license("https://creativecommons.org/licenses/by-sa/4.0/")
    ('CC-BY-4.0', 'Apache-2.0', 'CC-BY-SA-4.0')
    >>> normalize_license("free for all")
    'free for all'
    """
    plain = " ".join(text.split())
    commons, page = _CREATIVE_COMMONS.fullmatch(plain), _SPDX_PAGE.fullmatch(plain)
    name = f"CC-{commons[1]}-{commons[2]}" if commons else page[1] if page else plain
    name = {"CC-zero-1.0": "CC0-1.0", "CC-mark-1.0": plain}.get(name, _USUAL.get(name.lower(), name))
    return (
        spdx_identifier(name) or spdx_identifier(name.replace(" ", "-")) or spdx_identifier(_expression(name)) or plain
    )


def _expression(name: str) -> str:
    """Return a name with its words joined as SPDX does it: ``Apache 2``, ``BSD 3 Clause``."""
    joined = re.sub(r"[\s_]+", "-", name)
    return f"{joined}.0" if re.search(r"-\d$", joined) else joined


def spdx_identifier(text: str) -> str:
    """Return an SPDX licence identifier as SPDX writes it; empty if it is none, or more than one.

    >>> spdx_identifier("cc-by-4.0"), spdx_identifier("free for all"), spdx_identifier("MIT OR Apache-2.0")
    ('CC-BY-4.0', '', '')
    """
    from packaging.licenses import (  # noqa: PLC0415  a long table, which only what names a licence needs
        InvalidLicenseExpression,
        canonicalize_license_expression,
    )

    try:
        found = str(canonicalize_license_expression(text))
    except (InvalidLicenseExpression, ValueError, IndexError):
        return ""
    return "" if " " in found or found.startswith("LicenseRef-") else found
