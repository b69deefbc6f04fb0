"""The secrets of an embedded stack: made at its first start, kept in files that only their owner reads."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

from cryptography.fernet import Fernet
from pydantic import BaseModel, ConfigDict, SecretStr

FOLDER: Final = "secrets"
ADMIN_KEY_FILE: Final = "admin_key"
SECRET_KEY_FILE: Final = "secret_key"  # noqa: S105 (a file's name)


class EmbeddedSecrets(BaseModel):
    """What the embedded stack needs and nobody had to invent."""

    model_config = ConfigDict(frozen=True)

    admin_key: SecretStr
    secret_key: SecretStr


def ensure_secrets(data_dir: Path) -> EmbeddedSecrets:
    """Read the secrets, or make them at the first start. Idempotent; never prints a value."""
    return EmbeddedSecrets(
        admin_key=_ensure(data_dir, ADMIN_KEY_FILE, f"tw_{secrets.token_urlsafe(32)}"),
        secret_key=_ensure(data_dir, SECRET_KEY_FILE, Fernet.generate_key().decode()),
    )


def read_secret(data_dir: Path, name: str) -> SecretStr | None:
    """One secret of this data folder, or None when no embedded stack ever ran there (or it is not ours to read)."""
    try:
        text = secret_path(data_dir, name).read_text(encoding="utf-8").strip()
    except OSError:
        return None
    return SecretStr(text) if text else None


def secret_path(data_dir: Path, name: str) -> Path:
    """The file of one secret; the console may name it, never its content."""
    return data_dir / FOLDER / name


def _ensure(data_dir: Path, name: str, fresh: str) -> SecretStr:
    known = read_secret(data_dir, name)
    if known is not None:
        return known
    path = secret_path(data_dir, name)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as target:
        target.write(fresh + "\n")
        target.flush()
        os.fsync(target.fileno())
    draft.rename(path)
    return SecretStr(fresh)
