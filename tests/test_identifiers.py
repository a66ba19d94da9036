"""Identifiers of persons, organisations, data and licences, as people write them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairmesh import identifiers
from fairmesh.errors import InputError
from fairmesh.schema import Node
from fairmesh.schema.model import load_model
from fairmesh.study.settings import Publisher

ADA = "0000-0002-1825-0097"


@pytest.mark.parametrize(
    ("read", "text", "usual"),
    [
        (identifiers.normalize_orcid, f"https://orcid.org/{ADA}", ADA),
        (identifiers.normalize_orcid, f"http://orcid.org/{ADA}/", ADA),
        (identifiers.normalize_orcid, f" orcid.org/{ADA} ", ADA),
        (identifiers.normalize_orcid, "0000000218250097", ADA),
        (identifiers.normalize_orcid, "0000-0002-1694-233x", "0000-0002-1694-233X"),
        (identifiers.normalize_doi, "DOI:10.5281/zenodo.7", "10.5281/zenodo.7"),
        (identifiers.normalize_doi, "doi: 10.5281/zenodo.7", "10.5281/zenodo.7"),
        (identifiers.normalize_doi, "http://dx.doi.org/10.5281/zenodo.7", "10.5281/zenodo.7"),
        (identifiers.normalize_doi, "doi.org/10.5281/zenodo.7", "10.5281/zenodo.7"),
        (identifiers.normalize_ror, "0153TK833", "https://ror.org/0153tk833"),
        (identifiers.normalize_ror, "http://ror.org/0153tk833/", "https://ror.org/0153tk833"),
        (identifiers.normalize_url, "ror.org/0153tk833", "https://ror.org/0153tk833"),
        (identifiers.normalize_url, " https://example.org/a?b#c ", "https://example.org/a?b#c"),
        (identifiers.normalize_email, "mailto:ada@example.org", "ada@example.org"),
        (identifiers.normalize_license, "cc by 4.0", "CC-BY-4.0"),
        (identifiers.normalize_license, "Apache License, Version 2.0", "Apache-2.0"),
        (identifiers.normalize_license, "https://creativecommons.org/licenses/by-sa/4.0/deed.en", "CC-BY-SA-4.0"),
        (identifiers.normalize_license, "https://spdx.org/licenses/BSD-3-Clause.html", "BSD-3-Clause"),
        (identifiers.normalize_license, "our own terms", "our own terms"),
    ],
)
def test_known_forms_become_one(read: Callable[[str], str], text: str, usual: str) -> None:
    assert read(text) == usual
    assert read(usual) == usual


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (identifiers.normalize_orcid, "0000-0002-1825-0098"),
        (identifiers.normalize_orcid, "0000-0002-1825-009"),
        (identifiers.normalize_orcid, "https://example.org/0000-0002-1825-0097"),
        (identifiers.normalize_orcid, "\u0660\u0660\u0660\u0660-0002-1825-0097"),
        (identifiers.normalize_doi, "11.5281/zenodo.7"),
        (identifiers.normalize_doi, "10.5281/"),
        (identifiers.normalize_ror, "0153tk834"),
        (identifiers.normalize_url, "https://ror.org/0153tk834"),
        (identifiers.normalize_url, "javascript:alert(1)"),
        (identifiers.normalize_url, "https://"),
        (identifiers.normalize_url, "www.example.org"),
        (identifiers.normalize_email, "ada@example"),
        (identifiers.normalize_email, "Ada <ada@example.org>"),
    ],
)
def test_wrong_ones_are_refused(read: Callable[[str], str], text: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        read(text)


@given(st.integers(0, 10**15 - 1), st.integers(0, 14), st.integers(1, 9))
def test_every_mistyped_digit_of_an_orcid_is_found(number: int, place: int, more: int) -> None:
    digits = f"{number:015d}"
    (right,) = [found for check in "0123456789X" if (found := _read(digits + check))]
    assert right.replace("-", "")[:15] == digits
    wrong = digits[:place] + str((int(digits[place]) + more) % 10) + digits[place + 1 :]
    assert not _read(wrong + right[-1])


def _read(text: str) -> str:
    try:
        return identifiers.normalize_orcid(text)
    except ValueError:
        return ""


@pytest.mark.parametrize(
    ("publisher", "said"),
    [
        ({"authors": [{"name": "A", "orcid": "0000-0002-1825-0098"}]}, "'authors[0].orcid' must be an ORCID; "),
        ({"authors": [{"name": "A", "ror": "x"}]}, "'authors[0].ror' must be a ROR such as "),
        ({"authors": [{"name": "A", "type": "organisation", "orcid": ADA}]}, "'authors[0].orcid' is for persons"),
        ({"authors": [{"name": "A", "orcid": ADA, "ror": "0153tk833"}]}, "'authors[0].ror' is for organizations"),
        ({"dois": {"quick": "zenodo.7"}}, "'dois.quick' must be a DOI such as "),
        ({"organisation_url": "uva"}, "'organisation_url' must be an address that begins with https:// or http://"),
        ({"contact": {"email": "ada"}}, "'contact.email' must be an e-mail address"),
    ],
)
def test_a_wrong_one_in_a_file_is_named_with_its_key(publisher: dict[str, object], said: str) -> None:
    with pytest.raises(InputError) as raised:
        load_model(Publisher, Node.from_value(publisher), "config.yaml")
    assert str(raised.value).startswith(f"config.yaml: {said}")
