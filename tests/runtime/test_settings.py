"""Settings: every variable, files named by NAME_FILE, what is refused, and the rule of the stand-ins."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from runtime.settings import Settings, load_settings
from runtime.settings_errors import SettingsError, variable
from runtime.settings_sources import unknown_names

FERNET = Fernet.generate_key().decode()
QUICKBOOKS = {
    "THREEWAY_QUICKBOOKS_API_URL": "https://sandbox-quickbooks.api.intuit.com/v3",
    "THREEWAY_QUICKBOOKS_CLIENT_ID": "client-1",
    "THREEWAY_QUICKBOOKS_CLIENT_SECRET": "q8f0aa7e",
    "THREEWAY_QUICKBOOKS_REALM_ID": "123",
}
SALESFORCE = {
    "THREEWAY_SALESFORCE_URL": "https://acme.my.salesforce.com/",
    "THREEWAY_SALESFORCE_CLIENT_ID": "consumer-1",
    "THREEWAY_SALESFORCE_CLIENT_SECRET": "s8f0aa7e",
}
VALUES: dict[str, tuple[str, object]] = {
    "database_url": ("postgres://me:pw@db:5432/threeway", SecretStr("postgresql://me:pw@db:5432/threeway")),
    "data_dir": ("/data", Path("/data")),
    "config_dir": ("/conf", Path("/conf")),
    "host": ("10.0.0.7", "10.0.0.7"),
    "port": ("9000", 9000),
    "admin_key": ("k7-long-and-random", SecretStr("k7-long-and-random")),
    "admin_password": ("a-long-enough-password", SecretStr("a-long-enough-password")),
    "secret_key": (f"{FERNET}, {FERNET}", SecretStr(f"{FERNET},{FERNET}")),
    "url": ("https://gateway.acme.example/", "https://gateway.acme.example"),
    "api_key": ("k8-long-and-random", SecretStr("k8-long-and-random")),
    "quickbooks_discovery_url": ("http://127.0.0.1:1/d", "http://127.0.0.1:1/d"),
    "quickbooks_refresh_token": ("r-77", SecretStr("r-77")),
    "quickbooks_webhook_verifier": ("v-77", SecretStr("v-77")),
    "salesforce_username": ("user@acme.example", "user@acme.example"),
    "salesforce_private_key": ("-----BEGIN", SecretStr("-----BEGIN")),
    "salesforce_api_version": ("66.0", "66.0"),
    "salesforce_hook_window_seconds": ("3600", 3600),
    "salesforce_hook_secret": ("h-77-of-these-tests", SecretStr("h-77-of-these-tests")),
    "salesforce_org_id": ("00DTW0000000001AAA", "00DTW0000000001AAA"),
    "erp_inbox_dir": ("/in", Path("/in")),
    "erp_outbox_dir": ("/out", Path("/out")),
    "twins": ("OFF", "off"),
    "twin_quickbooks_url": ("http://127.0.0.1:1", "http://127.0.0.1:1"),
    "twin_salesforce_url": ("http://127.0.0.1:2", "http://127.0.0.1:2"),
    "twin_erp_url": ("http://127.0.0.1:3", "http://127.0.0.1:3"),
    "limit_key_per_minute": ("600", 600),
    "limit_address_per_minute": ("0", 0),
    "limit_hooks_per_minute": ("900", 900),
    "orders_poll_seconds": ("30", 30),
    "invoices_poll_seconds": ("90", 90),
    "masters_poll_seconds": ("300", 300),
    "policy_approval": ("Required", "required"),
    "payload_keys": (f"{FERNET}, {FERNET}", SecretStr(f"{FERNET},{FERNET}")),
    "payload_encryption": ("ON", "on"),
    "public_url": ("https://gateway.acme.example/", "https://gateway.acme.example"),
    "smtp_host": ("mail.acme.example", "mail.acme.example"),
    "smtp_port": ("2525", 2525),
    "smtp_security": ("TLS", "tls"),
    "smtp_username": ("gateway", "gateway"),
    "smtp_password": ("m-77", SecretStr("m-77")),
    "smtp_from": ("gateway@acme.example", "gateway@acme.example"),
    "alert_addresses": ("ops=https://a.example/x", SecretStr("ops=https://a.example/x")),
    "alert_secrets": ("ops=s-77-of-these-tests", SecretStr("ops=s-77-of-these-tests")),
    "oidc_issuer": ("https://id.acme.example/", "https://id.acme.example"),
    "oidc_client_id": ("threeway", "threeway"),
    "oidc_client_secret": ("o-77", SecretStr("o-77")),
    "oidc_scopes": ("openid email", "openid email"),
    "oidc_name_claim": ("email", "email"),
    "oidc_role_claim": ("roles", "roles"),
    "oidc_roles": ("billing=operator\nit=admin", "billing=operator\nit=admin"),
    "log_format": ("JSON", "json"),
    "log_level": ("debug", "DEBUG"),
    "metrics_port": ("9100", 9100),
    "temporal_ui_url": ("http://127.0.0.1:8233", "http://127.0.0.1:8233"),
    "temporal_retention_hours": ("168", 168),
    "worker_graceful_seconds": ("5", 5),
    **{f"worker_{name}": ("7", 7) for name in (
        "cached_workflows", "workflow_tasks", "activities", "local_activities",
        "quickbooks_activities", "salesforce_activities", "erp_activities",
    )},
    "quickbooks_api_url": (QUICKBOOKS["THREEWAY_QUICKBOOKS_API_URL"],) * 2,
    "quickbooks_client_id": ("client-1", "client-1"),
    "quickbooks_realm_id": ("123", "123"),
    "quickbooks_client_secret": ("q8f0aa7e", SecretStr("q8f0aa7e")),
    "salesforce_url": ("https://acme.my.salesforce.com/", "https://acme.my.salesforce.com"),
    "salesforce_client_id": ("consumer-1", "consumer-1"),
    "salesforce_client_secret": ("s8f0aa7e", SecretStr("s8f0aa7e")),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _clean_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A working directory without .env, an environment without our names."""
    monkeypatch.chdir(tmp_path)
    for name in unknown_names(set()):
        monkeypatch.delenv(name)


def _set(monkeypatch: pytest.MonkeyPatch, values: dict[str, str]) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)


def test_the_examples_cover_every_variable() -> None:
    assert set(VALUES) == set(Settings.model_fields)


def test_every_variable_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, {variable(name): text for name, (text, _) in VALUES.items()})
    settings = load_settings(attach=False)
    assert {name: getattr(settings, name) for name in VALUES} == {name: value for name, (_, value) in VALUES.items()}


def test_every_variable_is_read_from_a_named_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, (text, _) in VALUES.items():
        (tmp_path / name).write_text(text + "\n")
        monkeypatch.setenv(f"{variable(name)}_FILE", str(tmp_path / name))
    settings = load_settings(attach=False)
    assert {name: getattr(settings, name) for name in VALUES} == {name: value for name, (_, value) in VALUES.items()}


def test_dotenv_is_read_and_the_environment_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "inbox").write_text("/from-file")
    (tmp_path / ".env").write_text("THREEWAY_PORT=9001\nTHREEWAY_HOST=::1\nTHREEWAY_ERP_INBOX_DIR_FILE=inbox\n")
    monkeypatch.setenv("THREEWAY_PORT", "9002")
    settings = load_settings(attach=False)
    assert (settings.port, settings.host, settings.erp_inbox_dir) == (9002, "::1", Path("/from-file"))
    assert settings.api_url == "http://[::1]:9002"


def test_an_empty_value_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, {"THREEWAY_DATABASE_URL": "", "THREEWAY_ADMIN_KEY_FILE": ""})
    settings = load_settings(attach=False)
    assert settings.database_url is None
    assert settings.admin_key is None


def test_value_and_file_together_are_ambiguous(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, {"THREEWAY_ADMIN_KEY": "k7-long", "THREEWAY_ADMIN_KEY_FILE": "/x"})
    with pytest.raises(SettingsError, match="either THREEWAY_ADMIN_KEY or THREEWAY_ADMIN_KEY_FILE"):
        load_settings()


def test_a_missing_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THREEWAY_ADMIN_KEY_FILE", "absent")
    with pytest.raises(SettingsError, match="THREEWAY_ADMIN_KEY_FILE: cannot read absent"):
        load_settings()


@pytest.mark.parametrize(
    "text", ["changeme", "Change-Me", "secret", "admin", "password", "<your-key>", "xxxxxxxx", "${TOKEN}"]
)
def test_placeholder_secrets_are_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("THREEWAY_ADMIN_KEY", text)
    with pytest.raises(SettingsError, match="THREEWAY_ADMIN_KEY: is a placeholder") as caught:
        load_settings()
    assert text not in str(caught.value).replace("put the real secret there", "")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("THREEWAY_PORT", "hello", "valid integer"),
        ("THREEWAY_PORT", "70000", "65535"),
        ("THREEWAY_DATABASE_URL", "mysql://me:hidden@db/x", "must start with postgresql://"),
        ("THREEWAY_SECRET_KEY", "hidden", "must be Fernet keys"),
        ("THREEWAY_PAYLOAD_KEYS", "hidden", "must be Fernet keys"),
        ("THREEWAY_QUICKBOOKS_API_URL", "https://quickbooks.api.intuit.com", "must end in /v3"),
        ("THREEWAY_SALESFORCE_URL", "http://acme.my.salesforce.com", "must use https"),
        ("THREEWAY_SALESFORCE_URL", "acme", "absolute address"),
        ("THREEWAY_SALESFORCE_URL", "https://me:hidden@acme.example", "must not carry credentials"),
        ("THREEWAY_SALESFORCE_API_VERSION", "v67", "pattern"),
        ("THREEWAY_LOG_FORMAT", "xml", "console"),
        ("THREEWAY_ERP_OUTBOX_DIR", ".threeway/erp/inbox", "a folder of their own"),
        ("THREEWAY_TWINS", "maybe", "'on' or 'off'"),
    ],
)
def test_wrong_values_name_the_variable_and_hide_the_value(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, message: str
) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(SettingsError, match=f"{name}: ") as caught:
        load_settings()
    assert message in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_encryption_that_is_on_needs_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THREEWAY_PAYLOAD_ENCRYPTION", "on")
    with pytest.raises(SettingsError, match="THREEWAY_PAYLOAD_KEYS: is needed with THREEWAY_PAYLOAD_ENCRYPTION"):
        load_settings(attach=False)


def test_all_problems_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, {"THREEWAY_PORT": "x", "THREEWAY_ADMIN_KEY": "changeme"})
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert len(caught.value.problems) == 2


def test_stand_ins_serve_when_no_vendor_is_set() -> None:
    settings = load_settings(attach=False)
    assert settings.twins_on
    assert settings.quickbooks is not None
    assert settings.salesforce is not None
    assert settings.quickbooks.api_url == "http://127.0.0.1:8101/v3"
    assert settings.quickbooks.realm_id == "9130357849016486"
    assert settings.salesforce.client_id == "twin-consumer"
    assert settings.erp.twin


def test_stand_ins_are_off_when_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THREEWAY_TWINS", "off")
    settings = load_settings(attach=False)
    assert (settings.twins_on, settings.quickbooks, settings.salesforce) == (False, None, None)


def test_one_vendor_url_turns_all_stand_ins_off(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, QUICKBOOKS)
    settings = load_settings(attach=False)
    assert not settings.twins_on
    assert settings.salesforce is None
    assert settings.quickbooks is not None
    assert settings.quickbooks.discovery_url.endswith("openid_sandbox_configuration/")


def test_changed_rules_need_a_second_person_where_a_real_system_is_connected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Feature G-C6: unless it is said otherwise, either way."""
    assert load_settings(attach=False).approval == "off"
    monkeypatch.setenv("THREEWAY_POLICY_APPROVAL", "required")
    assert load_settings(attach=False).approval == "required"
    monkeypatch.delenv("THREEWAY_POLICY_APPROVAL")
    _set(monkeypatch, QUICKBOOKS)
    assert load_settings(attach=False).approval == "required"
    monkeypatch.setenv("THREEWAY_POLICY_APPROVAL", "off")
    assert load_settings(attach=False).approval == "off"


def test_stand_ins_beside_a_real_system_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, {**SALESFORCE, "THREEWAY_TWINS": "on"})
    with pytest.raises(SettingsError, match="THREEWAY_TWINS: is on while a real system"):
        load_settings()


def test_a_half_configured_vendor_names_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, {"THREEWAY_QUICKBOOKS_API_URL": QUICKBOOKS["THREEWAY_QUICKBOOKS_API_URL"]})
    _set(monkeypatch, {"THREEWAY_SALESFORCE_URL": SALESFORCE["THREEWAY_SALESFORCE_URL"]})
    with pytest.raises(SettingsError) as caught:
        load_settings()
    for name in ("QUICKBOOKS_CLIENT_ID", "QUICKBOOKS_CLIENT_SECRET", "QUICKBOOKS_REALM_ID", "SALESFORCE_CLIENT_ID"):
        assert f"THREEWAY_{name}: is needed" in str(caught.value)


def test_salesforce_with_a_private_key_file_uses_jwt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("-----BEGIN PRIVATE KEY-----\n")
    _set(monkeypatch, {name: text for name, text in SALESFORCE.items() if not name.endswith("SECRET")})
    _set(monkeypatch, {"THREEWAY_SALESFORCE_USERNAME": "u@acme.example"})
    _set(monkeypatch, {"THREEWAY_SALESFORCE_PRIVATE_KEY_FILE": str(tmp_path / "key.pem")})
    view = load_settings(attach=False).salesforce
    assert view is not None
    assert view.grant == "jwt_bearer"
    assert view.private_key == SecretStr("-----BEGIN PRIVATE KEY-----")


def test_the_erp_folders_default_below_the_data_folder(tmp_path: Path) -> None:
    settings = load_settings(attach=False)
    assert settings.data_dir == tmp_path / ".threeway"
    assert settings.erp.inbox_dir == tmp_path / ".threeway" / "erp" / "inbox"


def test_the_config_folder_is_here_or_beside_the_code(tmp_path: Path) -> None:
    assert load_settings(attach=False).config_dir == Path(__file__).resolve().parents[2] / "config"
    (tmp_path / "config").mkdir()
    assert load_settings(attach=False).config_dir == tmp_path / "config"


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, {variable(name): text for name, (text, _) in VALUES.items()})
    settings = load_settings(attach=False)
    shown = f"{settings!r} {settings.quickbooks!r} {settings.salesforce!r}"
    for hidden in (FERNET, "q8f0aa7e", "s8f0aa7e", "r-77", "v-77", "h-77", "k7-long", ":pw@"):
        assert hidden not in shown


def test_unknown_names_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    _set(monkeypatch, {"THREEWAY_QUICKBOOK_API_URL": "x", "THREEWAY_PORT_FILE": "y"})
    assert unknown_names({variable(name) for name in Settings.model_fields}) == ["THREEWAY_QUICKBOOK_API_URL"]


def test_what_is_required_says_what_to_do() -> None:
    settings = load_settings(attach=False)
    with pytest.raises(SettingsError, match="THREEWAY_DATABASE_URL: is not set; start the embedded stack"):
        settings.require_database_url()
    with pytest.raises(SettingsError, match="THREEWAY_SECRET_KEY"):
        settings.require_secret_key()
    with pytest.raises(SettingsError, match="THREEWAY_ADMIN_KEY"):
        settings.require_admin_key()


def test_the_settings_page_and_the_example_name_every_variable() -> None:
    project = Path(__file__).resolve().parents[2]
    page = (project / "docs" / "reference" / "settings.md").read_text()
    example = (project / ".env.example").read_text()
    for name in Settings.model_fields:
        assert f"`{variable(name)}`" in page
        assert variable(name) in example


def test_sign_in_by_a_provider_is_whole_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "THREEWAY_OIDC_ISSUER": "https://id.acme.example",
        "THREEWAY_OIDC_CLIENT_ID": "threeway",
        "THREEWAY_OIDC_CLIENT_SECRET": "o8f0aa7e",
        "THREEWAY_OIDC_ROLES": "Billing Desk=operator\nit=admin",
        "THREEWAY_PUBLIC_URL": "https://gateway.acme.example",
        "THREEWAY_SECRET_KEY": FERNET,
    }
    _set(monkeypatch, given)
    found = load_settings(attach=False).oidc
    assert found is not None
    assert found.callback == "https://gateway.acme.example/sign-in/oidc"
    assert found.roles == {"Billing Desk": "operator", "it": "admin"}
    monkeypatch.delenv("THREEWAY_PUBLIC_URL")
    monkeypatch.setenv("THREEWAY_OIDC_ROLES", "it=owner")
    with pytest.raises(SettingsError) as wrong:
        load_settings(attach=False)
    assert "THREEWAY_OIDC_ROLES" in str(wrong.value)
    monkeypatch.setenv("THREEWAY_OIDC_ROLES", "it=admin")
    with pytest.raises(SettingsError, match="THREEWAY_PUBLIC_URL: is needed with THREEWAY_OIDC_ISSUER"):
        load_settings(attach=False)
