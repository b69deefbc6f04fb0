"""Encrypted payloads: unreadable without their key, readable through a rotation, never silently wrong."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DefaultFailureConverter, DefaultFailureConverterWithEncodedAttributes

from runtime.payloads import ENCRYPTED, KEY_ID, PayloadCipher, PayloadError, data_converter, is_encrypted
from runtime.settings import Settings

OLD, NEW, OTHER = (Fernet.generate_key().decode() for _ in range(3))
PLAIN = Payload(metadata={"encoding": b"json/plain"}, data=b'{"order_number":"SO700310"}')


def cipher(*keys: str, encrypts: bool = True) -> PayloadCipher:
    return PayloadCipher(SecretStr(",".join(keys)), encrypts=encrypts)


async def test_what_is_encrypted_shows_nothing_and_opens_with_its_key() -> None:
    (sealed,) = await cipher(OLD).encode([PLAIN])
    assert sealed.metadata["encoding"] == ENCRYPTED
    assert b"SO700310" not in sealed.SerializeToString()
    assert b"json/plain" not in sealed.SerializeToString()
    assert await cipher(OLD).decode([sealed]) == [PLAIN]


async def test_the_same_value_is_never_encrypted_the_same_way_twice() -> None:
    first, second = await cipher(OLD).encode([PLAIN, PLAIN])
    assert first.data != second.data


async def test_the_first_key_encrypts_and_all_decrypt() -> None:
    (old,) = await cipher(OLD).encode([PLAIN])
    rotated = cipher(NEW, OLD)
    (new,) = await rotated.encode([PLAIN])
    assert await rotated.decode([old, new]) == [PLAIN, PLAIN]
    assert await cipher(NEW).decode([new]) == [PLAIN]
    assert old.metadata[KEY_ID] != new.metadata[KEY_ID]


async def test_a_lacking_key_is_named_with_what_is_there() -> None:
    (sealed,) = await cipher(OLD).encode([PLAIN])
    with pytest.raises(PayloadError, match="THREEWAY_PAYLOAD_KEYS of this process lacks") as caught:
        await cipher(OTHER).decode([sealed])
    assert cipher(OLD).key_ids[0] in str(caught.value)
    assert cipher(OTHER).key_ids[0] in str(caught.value)
    assert OTHER not in str(caught.value)


@given(place=st.integers(0, 10_000), bit=st.integers(0, 7))
async def test_one_altered_bit_is_noticed(place: int, bit: int) -> None:
    (sealed,) = await cipher(OLD).encode([PLAIN])
    altered = bytearray(sealed.data)
    altered[place % len(altered)] ^= 1 << bit
    sealed.data = bytes(altered)
    with pytest.raises(PayloadError, match="was altered"):
        await cipher(OLD).decode([sealed])


async def test_a_payload_that_was_cut_off_is_noticed() -> None:
    (sealed,) = await cipher(OLD).encode([PLAIN])
    for length in (0, 5, 12, 20):
        with pytest.raises(PayloadError, match="was altered"):
            await cipher(OLD).decode([Payload(metadata=sealed.metadata, data=sealed.data[:length])])


async def test_a_payload_under_the_name_of_another_key_does_not_open() -> None:
    (sealed,) = await cipher(OLD).encode([PLAIN])
    sealed.metadata[KEY_ID] = cipher(NEW).key_ids[0].encode()
    with pytest.raises(PayloadError, match="was altered"):
        await cipher(OLD, NEW).decode([sealed])


async def test_plain_payloads_stay_readable() -> None:
    assert await cipher(OLD).decode([PLAIN]) == [PLAIN]


async def test_encryption_that_was_turned_off_still_reads() -> None:
    (sealed,) = await cipher(OLD).encode([PLAIN])
    off = cipher(OLD, encrypts=False)
    assert await off.decode([sealed]) == [PLAIN]
    assert await off.encode([PLAIN]) == [PLAIN]


async def test_a_process_without_keys_says_which_one_it_needs() -> None:
    """The converter of every process knows what an encrypted payload is, also where nothing is encrypted."""
    (sealed,) = await cipher(OLD).encode([PLAIN])
    with pytest.raises(PayloadError, match=f"key {cipher(OLD).key_ids[0]}"):
        await data_converter(Settings()).decode([sealed])


async def test_without_keys_values_are_written_as_ever() -> None:
    values = ["text", {"a": 1}, None, b"bytes"]
    written = await data_converter(Settings()).encode(values)
    assert written == await pydantic_data_converter.encode(values)
    assert await data_converter(Settings()).decode(written) == values


async def test_one_setting_turns_it_on_for_values_and_failures() -> None:
    on = data_converter(Settings(payload_keys=SecretStr(OLD)))
    off = data_converter(Settings(payload_keys=SecretStr(OLD), payload_encryption="off"))
    assert on.failure_converter_class is DefaultFailureConverterWithEncodedAttributes
    assert off.failure_converter_class is DefaultFailureConverter
    assert [is_encrypted(one) for one in await on.encode(["text", None])] == [True, True]
    assert [is_encrypted(one) for one in await off.encode(["text"])] == [False]
    assert await off.decode(await on.encode(["text"])) == ["text"]
