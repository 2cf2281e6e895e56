from hashlib import blake2b

from metrics.views.core.digest import DIGEST_BYTES, event_digest


def test_a_digest_is_the_same_for_ever() -> None:
    # Rows of `seen` are compared with it: another digest would count every event again.
    assert event_digest("3f2504e0-4f89-11d3-9a0c-0305e82c3301").hex() == "1051d6050a5aaecb99f9a7a67800f2e2"


def test_a_digest_has_128_bits_of_the_text_in_utf_8() -> None:
    assert event_digest("Käuze 🦉") == blake2b("Käuze 🦉".encode(), digest_size=DIGEST_BYTES).digest()
    assert DIGEST_BYTES == 16
