"""One form of an address."""

import pytest

from libs.mail.address import AddressInvalid, normalised


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("Ada.Lovelace@Example.ORG", "ada.lovelace@example.org"),
        ("ada+list@example.org", "ada+list@example.org"),
        ("zoe\u0308@example.org", "zo\u00eb@example.org"),
        ("ada@XN--BCHER-KVA.example.org", "ada@b\u00fccher.example.org"),
    ],
)
def test_the_same_address_has_one_form(typed: str, address: str) -> None:
    assert normalised(typed) == address
    assert normalised(address) == address


def test_look_alikes_are_other_addresses() -> None:
    # Cyrillic a; full-width a; dotless i.
    for typed in ("\u0430da@example.org", "\uff41da@example.org", "ad\u0131@example.org"):
        try:
            assert normalised(typed) not in ("ada@example.org", "adi@example.org")
        except AddressInvalid:
            continue


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "ada",
        "@example.org",
        "ada@",
        "ada@localhost",
        "ada@[127.0.0.1]",
        "a@b@example.org",
        "ada@example.org,eve@example.org",
        '["ada@example.org","eve@example.org"]',
        "Ada <ada@example.org>",
        "ada@example.org\nBcc: eve@example.org",
        "ada\0@example.org",
        "ada\u202e@example.org",
        "ada@exa mple.org",
        f"{'a' * 250}@example.org",
    ],
)
def test_what_is_no_single_address_is_refused(typed: str) -> None:
    with pytest.raises(AddressInvalid) as refusal:
        normalised(typed)
    assert refusal.value.violations[0].field == "address"
