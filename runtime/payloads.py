"""What Temporal keeps of the business, encrypted by AES-256-GCM: whoever reads its database alone reads no order.

A payload names the key that it was encrypted with, so keys can be rotated: the first one encrypts, all decrypt.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr
from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import PydanticPayloadConverter, pydantic_data_converter
from temporalio.converter import (
    CompositePayloadConverter,
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    EncodingPayloadConverter,
    PayloadCodec,
)

if TYPE_CHECKING:
    from runtime.settings import Settings

ENCRYPTED: Final = b"binary/encrypted"
KEY_ID: Final = "encryption-key-id"
SETTING: Final = "THREEWAY_PAYLOAD_KEYS"
_NONCE_BYTES: Final = 12


class PayloadError(ValueError):
    """A payload of Temporal cannot be read with the keys of this process; the text says which key is lacking."""


class PayloadCipher(PayloadCodec):
    """Encrypts what goes to Temporal and decrypts what comes from it; what came in plain text stays readable."""

    def __init__(self, keys: SecretStr | None, *, encrypts: bool = True) -> None:
        """Take keys of 32 bytes in URL-safe base64, commas between them; without `encrypts` they only decrypt."""
        texts = keys.get_secret_value().split(",") if keys is not None else []
        raw = [base64.urlsafe_b64decode(text.strip()) for text in texts]
        self._keys = {key_id(key): AESGCM(key) for key in raw}
        self.key_ids = tuple(self._keys)
        self.encrypts = encrypts and bool(self._keys)

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Encrypt each with the first key."""
        return [self._sealed(one) if self.encrypts else one for one in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Decrypt those that are encrypted. Raises PayloadError."""
        return [self.opened(one) if is_encrypted(one) else one for one in payloads]

    def opened(self, payload: Payload) -> Payload:
        """The payload that was encrypted. Raises PayloadError when its key is not here or it was altered."""
        name = payload.metadata.get(KEY_ID, b"").decode("ascii", "replace")
        if name not in self._keys:
            known = ", ".join(self.key_ids) or "none"
            raise PayloadError(
                f"What Temporal holds is encrypted with the key {name or 'without a name'}, which {SETTING} of this "
                f"process lacks (it has {known}). Add that key, or start with the settings of the other processes."
            )
        nonce, sealed = payload.data[:_NONCE_BYTES], payload.data[_NONCE_BYTES:]
        try:
            return Payload.FromString(self._keys[name].decrypt(nonce, sealed, name.encode()))
        except (InvalidTag, ValueError):
            raise PayloadError(f"A payload of Temporal, encrypted with the key {name}, was altered.") from None

    def _sealed(self, payload: Payload) -> Payload:
        name, nonce = self.key_ids[0], os.urandom(_NONCE_BYTES)
        sealed = self._keys[name].encrypt(nonce, payload.SerializeToString(), name.encode())
        return Payload(metadata={"encoding": ENCRYPTED, KEY_ID: name.encode()}, data=nonce + sealed)


class _WithoutKeys(EncodingPayloadConverter):
    """Meets encrypted payloads in a process that has no keys: it says so, instead of naming an unknown encoding."""

    @property
    def encoding(self) -> str:
        """What encrypted payloads say of themselves."""
        return ENCRYPTED.decode()

    def to_payload(self, value: Any) -> Payload | None:  # noqa: ARG002 (the signature is the library's)
        """Nothing is written this way."""
        return None

    def from_payload(self, payload: Payload, type_hint: type | None = None) -> Any:  # noqa: ARG002
        """Raise PayloadError."""
        return PayloadCipher(None).opened(payload)


class PayloadConverter(CompositePayloadConverter):
    """The pydantic converter, which also knows what an encrypted payload is."""

    def __init__(self) -> None:
        super().__init__(*PydanticPayloadConverter().converters.values(), _WithoutKeys())


def key_id(key: bytes) -> str:
    """What a key is called: a digest, which tells keys apart and nothing about them."""
    return hashlib.sha256(b"threeway payload key\0" + key).hexdigest()[:12]


def is_encrypted(payload: Payload) -> bool:
    """Whether it is one of those that PayloadCipher writes."""
    return payload.metadata.get("encoding") == ENCRYPTED


def cipher(settings: Settings) -> PayloadCipher:
    """The cipher of this process; without keys it encrypts nothing and opens nothing."""
    return PayloadCipher(settings.payload_keys, encrypts=settings.payload_encryption != "off")


def data_converter(settings: Settings) -> DataConverter:
    """How values become payloads. While it encrypts, messages and traces of failures are hidden in payloads, too."""
    plain = replace(pydantic_data_converter, payload_converter_class=PayloadConverter)
    found = cipher(settings)
    if not found.key_ids:
        return plain
    hiding = {"failure_converter_class": DefaultFailureConverterWithEncodedAttributes} if found.encrypts else {}
    return replace(plain, payload_codec=found, **hiding)  # type: ignore[arg-type]
