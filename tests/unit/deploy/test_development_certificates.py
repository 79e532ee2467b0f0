"""The certificates of the local stack name one service each, and no authority's key stays behind."""

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from deploy.pki.development import PEERS, ensure_certificates
from wardenry.clock import Clock, SystemClock


def load(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


@pytest.fixture
def clock() -> Clock:
    return SystemClock()


@pytest.fixture
def directory(tmp_path: Path, clock: Clock) -> Path:
    directory = tmp_path / "pki"
    ensure_certificates(directory, clock=clock)
    return directory


def test_each_peer_has_exactly_its_own_name(directory: Path) -> None:
    for peer in PEERS:
        names = load(directory / f"{peer}.crt").extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert list(names) == [x509.DNSName(peer)]
        key = load_pem_private_key((directory / f"{peer}.key").read_bytes(), password=None)
        assert key.public_key() == load(directory / f"{peer}.crt").public_key()


def test_peers_verify_against_the_services_authority_alone(directory: Path) -> None:
    services = PolicyBuilder().store(Store([load(directory / "ca.crt")]))
    for peer in PEERS:
        services.build_server_verifier(x509.DNSName(peer)).verify(load(directory / f"{peer}.crt"), [])
    with pytest.raises(VerificationError):
        services.build_server_verifier(x509.DNSName("localhost")).verify(load(directory / "edge.crt"), [])
    edge = PolicyBuilder().store(Store([load(directory / "edge-ca.crt")]))
    edge.build_server_verifier(x509.DNSName("localhost")).verify(load(directory / "edge.crt"), [])


def test_files_are_for_their_owner_and_no_authority_key_is_left(directory: Path) -> None:
    files = {file.name for file in directory.iterdir()}
    assert not {"ca.key", "edge-ca.key"} & files
    assert {file.stat().st_mode & 0o777 for file in directory.iterdir()} == {0o600}


def test_a_good_set_is_kept_and_a_broken_or_old_one_replaced_whole(directory: Path, clock: Clock) -> None:
    first = (directory / "ca.crt").read_bytes()
    ensure_certificates(directory, clock=clock)
    assert (directory / "ca.crt").read_bytes() == first
    (directory / "audit.key").unlink()
    ensure_certificates(directory, clock=clock)
    second = (directory / "ca.crt").read_bytes()
    assert second != first

    class Later:
        now = staticmethod(lambda: clock.now() + timedelta(days=340))
        monotonic = staticmethod(clock.monotonic)

    ensure_certificates(directory, clock=Later())
    assert (directory / "ca.crt").read_bytes() != second
