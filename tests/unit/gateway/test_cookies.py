"""Cookies: their names and attributes, and what a browser may present in them."""

from datetime import timedelta
from http.cookies import SimpleCookie
from typing import Any
from uuid import UUID

import pytest
from starlette.responses import Response

from services.gateway.edge.cookies import CookieJar, csrf_token, decode_secret
from tests.support.entropy import CountedEntropy
from tests.unit.gateway.requests import request
from wardenry import base64url

WORKSPACE = UUID("0192f0c0-0000-7000-8000-000000000002")
OTHER = UUID("0192f0c0-0000-7000-8000-000000000003")
TOKENS: dict[str, Any] = {
    "access": "a",
    "access_life": timedelta(minutes=10),
    "refresh": "r",
    "refresh_life": timedelta(days=1),
}


def jar(cookies: dict[str, str] | None = None) -> CookieJar:
    text = "; ".join(f"{name}={value}" for name, value in (cookies or {}).items())
    return CookieJar(request(headers=[("Cookie", text)] if text else []), entropy=CountedEntropy())


def written(from_jar: CookieJar) -> SimpleCookie:
    response = Response()
    from_jar.write(response)
    cookies: SimpleCookie = SimpleCookie()
    for name, value in response.raw_headers:
        if name == b"set-cookie":
            cookies.load(value.decode())
    return cookies


def test_every_cookie_is_for_this_host_alone_and_hidden_from_scripts() -> None:
    kept = jar()
    kept.flow  # noqa: B018 - made at first use
    kept.set_device(b"d" * 32)
    kept.set_tokens(WORKSPACE, **TOKENS)
    kept.set_tokens(None, **TOKENS)
    kept.set_notice("invited")
    cookies = written(kept)
    assert len(cookies) == 7
    for name, morsel in cookies.items():
        assert name.startswith("__Host-")
        assert (morsel["path"], morsel["domain"]) == ("/", "")
        assert morsel["secure"]
        assert morsel["httponly"]
        assert morsel["samesite"] == "lax"


def test_each_token_is_kept_as_long_as_it_is_good() -> None:
    kept = jar()
    kept.set_tokens(WORKSPACE, **TOKENS)
    cookies = written(kept)
    assert cookies[f"__Host-access-{WORKSPACE.hex}"]["max-age"] == "600"
    assert cookies[f"__Host-refresh-{WORKSPACE.hex}"]["max-age"] == "86400"


def test_what_a_page_has_to_say_is_taken_once() -> None:
    kept = jar({"__Host-notice": "invited"})
    assert kept.take_notice() == "invited"
    assert kept.take_notice() == ""
    assert written(kept)["__Host-notice"]["max-age"] == "0"


def test_a_visit_that_needs_no_flow_sets_no_cookie() -> None:
    assert not written(jar())


def test_tokens_of_one_workspace_are_not_those_of_another() -> None:
    kept = jar()
    kept.set_tokens(WORKSPACE, **TOKENS)
    assert kept.tokens(WORKSPACE).refresh == "r"
    assert kept.tokens(OTHER).refresh == ""
    assert kept.tokens(None).refresh == ""
    assert kept.token_workspaces() == [WORKSPACE]


def test_forgetting_clears_every_token_and_nothing_else() -> None:
    kept = jar(
        {
            "__Host-access": "a",
            "__Host-refresh": "r",
            f"__Host-access-{WORKSPACE.hex}": "a",
            f"__Host-refresh-{WORKSPACE.hex}": "r",
            "__Host-device": base64url.encode(b"d" * 32),
        }
    )
    kept.clear_all_tokens()
    cookies = written(kept)
    assert len(cookies) == 4
    assert all(morsel["max-age"] == "0" and morsel.value == "" for morsel in cookies.values())
    assert kept.token_workspaces() == []
    assert kept.device == b"d" * 32


@pytest.mark.parametrize("suffix", ["ü", "-" + "0" * 31, "-a\x0bb", ", x", '"'])
def test_forgetting_writes_no_name_that_a_browser_made_up(suffix: str) -> None:
    kept = jar({f"__Host-access{suffix}": "a", "__Host-refresh": "r"})
    kept.clear_all_tokens()
    response = Response()
    kept.write(response)
    names = [value.partition(b"=")[0] for name, value in response.raw_headers if name == b"set-cookie"]
    assert names == [b"__Host-refresh"]


@pytest.mark.parametrize("suffix", ["", "0" * 31, "z" * 32, "0" * 33, "{" + "0" * 30 + "}"])
def test_a_name_that_is_no_workspace_is_passed_over(suffix: str) -> None:
    assert jar({f"__Host-refresh-{suffix}": "r"}).token_workspaces() == []


@pytest.mark.parametrize("planted", ["", "x", "A" * 42, "A" * 44, "!" * 43, "A" * 42 + "B", "ü" * 43])
def test_a_secret_that_we_did_not_make_is_replaced(planted: str) -> None:
    assert decode_secret(planted) is None
    kept = jar({"__Host-flow": planted})
    assert len(kept.flow) == 32
    assert decode_secret(written(kept)["__Host-flow"].value) == kept.flow


def test_a_flow_is_another_one_after_it_was_renewed() -> None:
    kept = jar({"__Host-flow": base64url.encode(b"f" * 32)})
    before = csrf_token(b"k" * 32, kept.flow)
    kept.renew_flow()
    assert kept.flow != b"f" * 32
    assert csrf_token(b"k" * 32, kept.flow) != before


def test_the_csrf_token_tells_nothing_of_the_flow_and_needs_the_key() -> None:
    assert csrf_token(b"k" * 32, b"f" * 32) != base64url.encode(b"f" * 32)
    assert csrf_token(b"k" * 32, b"f" * 32) != csrf_token(b"l" * 32, b"f" * 32)
