"""Which proxy an address is asked through, and what is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from factory_assets.domain.errors import InputError
from factory_assets.network.proxies import loopback_excepted, proxy_for
from factory_assets.network.trust import VARIABLES, trust

PROXY = {"HTTP_PROXY": "http://p.example:3128", "HTTPS_PROXY": "http://p.example:3129"}
OUTSIDE = "https://api.example.com/v1"


def test_each_scheme_has_its_variable_and_the_lower_case_name_wins() -> None:
    environment = {**PROXY, "https_proxy": "q.example", "ALL_PROXY": "http://all.example"}
    assert proxy_for("http://a.example", environment).port == 3128
    over_tls = proxy_for(OUTSIDE, environment)
    assert (over_tls.scheme, over_tls.host, over_tls.port) == ("http", "q.example", 80)
    assert proxy_for(OUTSIDE, {"all_proxy": "http://all.example:1"}).host == "all.example"
    assert proxy_for(OUTSIDE, {**PROXY, "https_proxy": ""}) is None
    assert proxy_for(OUTSIDE, {}) is None


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST.",
        "ui.localhost",
        "127.0.0.1",
        "127.9.8.7",
        "[::1]",
        "0.0.0.0",
        "[::ffff:127.0.0.1]",
    ],
)
@pytest.mark.parametrize("value", ["http://p.example:3128", "socks5://p.example", "nonsense://"])
def test_loopback_is_never_asked_through_a_proxy_whatever_the_environment_names(
    host: str, value: str
) -> None:
    environment = {"HTTP_PROXY": value, "HTTPS_PROXY": value, "ALL_PROXY": value}
    assert proxy_for(f"http://{host}:8080/x", environment) is None
    assert proxy_for(f"https://{host}/x", environment) is None


@pytest.mark.parametrize(
    ("exceptions", "url"),
    [
        ("*", OUTSIDE),
        ("api.example.com", OUTSIDE),
        ("example.com", OUTSIDE),
        (".example.com", OUTSIDE),
        ("*.example.com", OUTSIDE),
        ("EXAMPLE.com.", OUTSIDE),
        ("other.org , example.com", OUTSIDE),
        ("other.org example.com", OUTSIDE),
        ("api.example.com:443", OUTSIDE),
        ("api.example.com:8443", "https://api.example.com:8443/"),
        ("https://api.example.com", OUTSIDE),
        ("10.1.2.3", "http://10.1.2.3/"),
        ("10.1.2.3:80", "http://10.1.2.3/"),
        ("10.0.0.0/8", "http://10.1.2.3:8080/"),
        ("10.1.2.3/8", "http://10.9.9.9/"),
        ("fd00::/8", "http://[fd00::5]/"),
        ("[fd00::5]", "http://[fd00::5]/"),
        ("fd00::5", "http://[fd00:0::5]:81/"),
        ("[fd00::5]:81", "http://[fd00::5]:81/"),
        ("10.0.0.0/99,example.com", OUTSIDE),
        ("[::1,example.com", OUTSIDE),
    ],
)
def test_no_proxy_is_understood_in_its_usual_forms(exceptions: str, url: str) -> None:
    assert proxy_for(url, {**PROXY, "NO_PROXY": exceptions}) is None
    assert proxy_for(url, {**PROXY, "no_proxy": exceptions, "NO_PROXY": ""}) is None


@pytest.mark.parametrize(
    ("exceptions", "url"),
    [
        ("", OUTSIDE),
        ("example.com", "https://notexample.com"),
        ("api.example.com:8443", OUTSIDE),
        ("10.0.0.0/8", "http://11.0.0.1"),
        ("10.0.0.0/8", "https://api.example.com"),
        ("[::1]", "http://[::2]"),
        ("0.0.1", "http://10.0.0.1"),
        (".", OUTSIDE),
        ("::1,127.0.0.0/8,localhost", OUTSIDE),
    ],
)
def test_no_proxy_excepts_nothing_else(exceptions: str, url: str) -> None:
    assert proxy_for(url, {**PROXY, "NO_PROXY": exceptions}) is not None


@pytest.mark.parametrize(
    "value",
    ["socks5://who:s3cret@p.example:1080", "socks://p.example", "socks5h://p.example", "ftp://p.example",
     "http://", "http://p.example:eighty", "http://p.example:99999", "http://[::1", "http://p exa:1", "http://who:s3/cret@p:1"],
)  # fmt: skip
def test_a_proxy_that_cannot_serve_is_refused_by_name_without_its_password(value: str) -> None:
    with pytest.raises(InputError) as caught:
        proxy_for(OUTSIDE, {"ALL_PROXY": value})
    text = str(caught.value)
    assert text.startswith("ALL_PROXY: ")
    assert "Fix: Set ALL_PROXY to an HTTP proxy" in text
    assert "cret" not in text
    if value.startswith("socks"):
        assert "SOCKS" in text


def test_a_socks_proxy_that_no_scheme_needs_is_no_fault() -> None:
    assert proxy_for(OUTSIDE, {**PROXY, "ALL_PROXY": "socks://p.example"}).port == 3129


def test_a_login_is_read_and_not_shown() -> None:
    proxy = proxy_for(OUTSIDE, {"HTTPS_PROXY": "http://who:p%40ss@p.example:1"})
    assert (proxy.username, proxy.password) == ("who", "p@ss")
    assert "p%40ss" not in repr(proxy)
    assert "p@ss" not in repr(proxy)


def test_other_programs_are_told_to_ask_loopback_directly() -> None:
    told = loopback_excepted({"http_proxy": "http://p.example", "NO_PROXY": "a.example, ::1"})
    assert told == dict.fromkeys(("no_proxy", "NO_PROXY"), "a.example,::1,localhost,127.0.0.1")
    assert loopback_excepted({"NO_PROXY": "a.example"}) == {}


@pytest.mark.parametrize("name", VARIABLES)
def test_certificates_that_are_gone_are_told_by_the_variables_name(name: str, tmp_path: Path) -> None:
    gone = tmp_path / "gone.pem"
    with pytest.raises(InputError) as caught:
        trust({name: str(gone)})
    assert str(caught.value).startswith(f"{name}: It names {gone}")


def test_the_first_bundle_that_is_named_counts_for_all_clients(tmp_path: Path) -> None:
    bundle = tmp_path / "firm.pem"
    bundle.write_text("")
    assert trust({"CURL_CA_BUNDLE": str(bundle)}).place == bundle
    assert trust({"REQUESTS_CA_BUNDLE": str(tmp_path)}).place == tmp_path
    assert trust({"SSL_CERT_DIR": str(tmp_path)}).place == tmp_path
    assert trust({}).place.is_file()
