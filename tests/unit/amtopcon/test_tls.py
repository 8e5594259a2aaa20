"""The rules of trust, against real servers with certificates of the tests' own."""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
import sys
import time
import warnings
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trustme
import truststore
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from amtconnector.amtopcon import tls, tls_failures
from amtconnector.errors import CallFailed, CertificateRefused, ConfigurationError, NoAnswer, NotSent
from tests.support.certificates import made
from tests.support.loopback import SERVER, Stopped, conversation, http, listening, scripted, stops_after

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

wine_trusts_all = pytest.mark.not_wine("its store accepts a chain whose root it doesn't have")
ALIVE_BYTES = http(200, "alive")
ALIVE = scripted(ALIVE_BYTES)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Return an authority that no operating system knows."""
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    """Return its certificate as a file."""
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


def server_side(certificate: trustme.LeafCert) -> ssl.SSLContext:
    """Return what a server needs to present this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def ask(
    context: ssl.SSLContext,
    ca_file: Path | None,
    *,
    name: str = "",
    answer: Callable[[socket.socket, int], None] = ALIVE,
) -> None:
    """Ask a server with this context for its heartbeat; raises what the connector raises."""
    with listening(answer, tls=context) as served:
        server = served.server._replace(ca_file=ca_file, tls_server_name=name)
        with conversation(server, tls=tls.context(server)) as line:
            assert line.service.probe().status == 200


def refusal(context: ssl.SSLContext, ca_file: Path | None, *, name: str = "") -> CertificateRefused:
    """Return the refusal of a server's certificate: permanent, and nothing was sent."""
    with pytest.raises(CertificateRefused) as caught:
        ask(context, ca_file, name=name)
    return caught.value


def test_a_certificate_of_an_authority_in_ca_file_is_trusted(authority: trustme.CA, ca_file: Path) -> None:
    """For the address that it names."""
    ask(server_side(authority.issue_cert("127.0.0.1")), ca_file)


@wine_trusts_all
def test_an_unknown_authority_is_refused_and_the_way_to_trust_it_named(authority: trustme.CA) -> None:
    """Without CA_FILE the operating system's certificates decide."""
    error = refusal(server_side(authority.issue_cert("127.0.0.1")), None)
    assert "an authority that this machine does not trust" in error.message
    assert "check --save-chain amt-server.pem" in error.hint
    assert "CA_FILE" in error.hint


def test_another_authority_in_ca_file_is_no_help(authority: trustme.CA, tmp_path: Path) -> None:
    """Trust is in that file's certificate alone."""
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    refusal(server_side(authority.issue_cert("127.0.0.1")), other)


def test_a_wrong_name_is_refused_and_the_setting_named(authority: trustme.CA, ca_file: Path) -> None:
    """A trusted certificate of another server is not this server's."""
    error = refusal(server_side(authority.issue_cert("amt.example")), ca_file)
    assert "not issued for the name 127.0.0.1" in error.message
    assert "TLS_SERVER_NAME" in error.hint


def test_tls_server_name_stands_for_the_address(authority: trustme.CA, ca_file: Path) -> None:
    """The certificate must carry it, and then need not carry the address."""
    ask(server_side(authority.issue_cert("amt.example")), ca_file, name="amt.example")
    error = refusal(server_side(authority.issue_cert("127.0.0.1")), ca_file, name="amt.example")
    assert "not issued for the name amt.example" in error.message


def test_tls_server_name_is_what_the_server_is_told(authority: trustme.CA, ca_file: Path) -> None:
    """One that serves several names picks its certificate by it."""
    told: list[str | None] = []
    context = server_side(authority.issue_cert("amt.example"))

    def note(_connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _context: ssl.SSLContext) -> None:
        told.append(name)

    context.sni_callback = note
    ask(context, ca_file, name="amt.example")
    assert told == ["amt.example"]


def test_an_expired_certificate_is_refused(authority: trustme.CA, ca_file: Path) -> None:
    """The text says so, and whose certificate is to be renewed."""
    old = authority.issue_cert("127.0.0.1", not_after=datetime.now(UTC) - timedelta(days=1))
    error = refusal(server_side(old), ca_file)
    assert "has expired" in error.message
    assert "Renew" in error.hint


def test_a_certificate_of_tomorrow_is_refused(authority: trustme.CA, ca_file: Path) -> None:
    """Mostly a clock is wrong."""
    now = datetime.now(UTC)
    early = authority.issue_cert("127.0.0.1", not_before=now + timedelta(days=1), not_after=now + timedelta(days=2))
    error = refusal(server_side(early), ca_file)
    assert "not valid yet" in error.message
    assert "clocks" in error.hint


def self_signed(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """Return such a certificate for the name amt.example."""
    return made(folder, x509.SubjectAlternativeName([x509.DNSName("amt.example")]))


@pytest.mark.parametrize(
    "names",
    [
        [],
        [x509.RFC822Name("admin@amt.example")],
        [x509.UniformResourceIdentifier("https://amt.example/")],
        [x509.IPAddress(ip_address("127.0.0.1"))],
        [x509.DNSName("other.example")],
    ],
)
def test_a_common_name_is_no_name(tmp_path: Path, names: list[x509.GeneralName]) -> None:
    """With no other name, nor beside names of another kind: the subject alternative name alone counts."""
    extensions = [x509.SubjectAlternativeName(names)] if names else []
    path, context = made(tmp_path, *extensions, common_name="amt.example")
    assert "not issued for the name amt.example" in refusal(context, path, name="amt.example").message


@pytest.mark.not_wine("it does not find the way to an authority that Windows is given")
def test_a_common_name_is_no_name_where_the_system_is_asked(
    authority: trustme.CA, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows takes one; the name is looked for once more after it has accepted the certificate."""
    trusting = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.load_verify_locations(cafile=str(ca_file))
    monkeypatch.setattr(tls, "context", lambda _server: trusting)
    ask(server_side(authority.issue_cert("127.0.0.1")), None)
    ask(server_side(authority.issue_cert("*.bank.example")), None, name="amt.bank.example")
    error = refusal(server_side(authority.issue_cert(common_name="amt.example")), None, name="amt.example")
    assert "not issued for the name amt.example" in error.message


def test_an_address_counts_only_as_an_address(tmp_path: Path) -> None:
    """127.0.0.1 as a DNS name, or as the common name, names nobody."""
    path, context = made(tmp_path, x509.SubjectAlternativeName([x509.DNSName("127.0.0.1")]), common_name="127.0.0.1")
    error = refusal(context, path)
    assert "not issued for the name 127.0.0.1" in error.message
    assert "Where none is listed" in error.hint
    path, context = made(tmp_path, x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]))
    ask(context, path)


def test_a_certificate_for_another_purpose_is_called_so(tmp_path: Path) -> None:
    """It is trusted, and would be sent back to the authority in vain."""
    path, context = made(
        tmp_path,
        x509.SubjectAlternativeName([x509.DNSName("amt.example")]),
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]),
    )
    error = refusal(context, path, name="amt.example")
    assert "another purpose" in error.message
    assert "serverAuth" in error.hint


def test_a_missing_intermediate_is_named(authority: trustme.CA, ca_file: Path, tmp_path: Path) -> None:
    """The server leaves it out and CA_FILE holds the root alone; with the intermediate in CA_FILE all is well."""
    intermediate = authority.create_child_ca()
    leaf = intermediate.issue_cert("127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pem = tmp_path / "leaf.pem"
    pem.write_bytes(leaf.private_key_and_cert_chain_pem.bytes().partition(b"-----END CERTIFICATE-----")[0])
    pem.write_bytes(pem.read_bytes() + b"-----END CERTIFICATE-----\n")
    context.load_cert_chain(pem)
    error = refusal(context, ca_file)
    assert "may leave out the certificate of an intermediate authority" in error.message
    assert f"nor does CA_FILE hold what would prove it ({ca_file})" in error.message
    assert "send its intermediate certificates" in error.hint
    both = tmp_path / "both.pem"
    intermediate.cert_pem.write_to_path(str(both))
    ask(context, both)


def test_a_self_signed_certificate_that_was_renewed_is_called_so(tmp_path: Path) -> None:
    """CA_FILE holds the one of before."""
    old, _ = self_signed(tmp_path)
    kept = tmp_path / "kept.pem"
    kept.write_bytes(old.read_bytes())
    _, context = self_signed(tmp_path)
    error = refusal(context, kept, name="amt.example")
    assert "signed by itself, and this machine does not trust it; nor does CA_FILE" in error.message


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have stores of their own")
class TestTheSystemsCertificates:
    """Where a Linux system keeps them; each test makes a system of its own."""

    @pytest.fixture(autouse=True)
    def system(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Look in a folder of the test's."""
        monkeypatch.setattr(tls, "_HASHED", (str(tmp_path / "certs"),))
        monkeypatch.setattr(tls, "_BUNDLES", (str(tmp_path / "bundle.pem"),))
        monkeypatch.delenv("SSL_CERT_FILE", raising=False)
        monkeypatch.delenv("SSL_CERT_DIR", raising=False)

    def hashed(self, folder: Path, authority: trustme.CA, *, others: int) -> Path:
        """Fill a directory as a system does, with this authority and the names of others."""
        if not (openssl := shutil.which("openssl")):
            pytest.skip("needs the openssl command")
        folder.mkdir()
        authority.cert_pem.write_to_path(str(folder / "one.pem"))
        subprocess.run([openssl, "rehash", str(folder)], check=True, capture_output=True)
        for number in range(others):
            (folder / f"{number:08x}.0").write_bytes(b"")
        return folder

    def test_a_hashed_directory_stands_for_the_bundle(self, authority: trustme.CA, tmp_path: Path) -> None:
        """Nothing is read before a server's chain asks for it."""
        (tmp_path / "bundle.pem").write_text("would be an error", encoding="ascii")
        self.hashed(tmp_path / "certs", authority, others=30)
        assert tls.context(SERVER).get_ca_certs() == []
        ask(server_side(authority.issue_cert("127.0.0.1")), None)

    def test_a_directory_with_a_few_is_read_beside_the_bundle(self, authority: trustme.CA, tmp_path: Path) -> None:
        """An administrator's own links don't hide the system's authorities."""
        other = trustme.CA()
        other.cert_pem.write_to_path(str(tmp_path / "bundle.pem"))
        self.hashed(tmp_path / "certs", authority, others=0)
        ask(server_side(authority.issue_cert("127.0.0.1")), None)
        ask(server_side(other.issue_cert("127.0.0.1")), None)

    def test_the_systems_own_bundle_that_is_named_is_not_read_either(
        self, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Many environments set SSL_CERT_FILE to it; the directory holds the same."""
        (tmp_path / "bundle.pem").write_text("would be an error", encoding="ascii")
        self.hashed(tmp_path / "certs", authority, others=30)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "bundle.pem"))
        assert tls.context(SERVER).get_ca_certs() == []
        ask(server_side(authority.issue_cert("127.0.0.1")), None)

    def test_a_bundle_that_holds_more_than_the_directory_is_read(self, authority: trustme.CA, tmp_path: Path) -> None:
        """An authority that somebody wrote into the bundle by hand is trusted as before."""
        certificates = [trustme.CA().cert_pem.bytes() for _ in range(22)]
        (tmp_path / "bundle.pem").write_bytes(b"".join([*certificates, authority.cert_pem.bytes()]))
        self.hashed(tmp_path / "certs", trustme.CA(), others=20)
        ask(server_side(authority.issue_cert("127.0.0.1")), None)

    def test_the_bundle_serves_alone(self, authority: trustme.CA, tmp_path: Path) -> None:
        """Where there is no directory of hashes."""
        authority.cert_pem.write_to_path(str(tmp_path / "bundle.pem"))
        ask(server_side(authority.issue_cert("127.0.0.1")), None)

    def test_ca_file_adds_to_the_system(self, authority: trustme.CA, tmp_path: Path) -> None:
        """A publicly signed chain and a private authority are both trusted, by one context."""
        private = trustme.CA()
        private.cert_pem.write_to_path(str(tmp_path / "private.pem"))
        self.hashed(tmp_path / "certs", authority, others=30)
        for one in (private, authority):
            ask(server_side(one.issue_cert("127.0.0.1")), tmp_path / "private.pem")
        refusal(server_side(trustme.CA().issue_cert("127.0.0.1")), tmp_path / "private.pem")

    @pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
    def test_the_environment_names_other_places(
        self, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
    ) -> None:
        """As for every program of such a system; both kinds."""
        authority.cert_pem.write_to_path(str(tmp_path / "mine.pem"))
        is_file = variable == "SSL_CERT_FILE"
        place = tmp_path / "mine.pem" if is_file else self.hashed(tmp_path / "mine", authority, others=0)
        monkeypatch.setenv(variable, str(place))
        ask(server_side(authority.issue_cert("127.0.0.1")), None)

    def test_a_system_without_certificates_trusts_nobody(self, authority: trustme.CA) -> None:
        """It is no error before a server is asked."""
        refusal(server_side(authority.issue_cert("127.0.0.1")), None)


def test_an_openssl_that_can_not_be_used_is_a_configuration_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own configuration may ask for a module that is not there."""

    def fails(_protocol: int) -> ssl.SSLContext:
        raise ssl.SSLError(1, "[SSL: LIBRARY_HAS_NO_CIPHERS] library has no ciphers")

    monkeypatch.setattr(ssl, "SSLContext", fails)
    with pytest.raises(ConfigurationError, match="OpenSSL can't be used") as caught:
        tls.context(SERVER._replace(ca_file=Path("any.pem")))
    assert "openssl.cnf" in caught.value.hint


def test_a_self_signed_certificate_is_trusted_when_ca_file_holds_it(tmp_path: Path) -> None:
    """And refused when it does not; its name is verified all the same."""
    path, context = self_signed(tmp_path)
    ask(context, path, name="amt.example")
    assert "does not trust" in refusal(context, None, name="amt.example").message
    error = refusal(context, path)
    assert "not issued for the name 127.0.0.1" in error.message
    assert "Where none is listed" in error.hint


def test_a_servers_own_certificate_in_ca_file_is_enough(authority: trustme.CA, tmp_path: Path) -> None:
    """Even where another authority issued it, which need not be known."""
    leaf = authority.issue_cert("127.0.0.1")
    path = tmp_path / "leaf.pem"
    leaf.cert_chain_pems[0].write_to_path(str(path))
    ask(server_side(leaf), path)


def test_tls_below_1_2_is_not_spoken(authority: trustme.CA, ca_file: Path) -> None:
    """Where this OpenSSL can still make such a server, it is refused with the cause; the connector never offers it."""
    assert tls.context(SERVER).minimum_version is ssl.TLSVersion.TLSv1_2
    context = server_side(authority.issue_cert("127.0.0.1"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(NotSent, match=r"the server offers no TLS 1\.2 or newer") as caught:
        ask(context, ca_file)
    assert "Enable TLS 1.2" in caught.value.hint


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_1_2_and_1_3_are_spoken(authority: trustme.CA, ca_file: Path, version: ssl.TLSVersion) -> None:
    """Both are good."""
    context = server_side(authority.issue_cert("127.0.0.1"))
    context.minimum_version = context.maximum_version = version
    ask(context, ca_file)


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"220 mail ready\r\n"])
def test_a_server_without_tls_is_told_apart(answer: bytes) -> None:
    """The hint names both ways out, and what the second one costs."""
    with listening(scripted(answer), reads=False) as served:
        server = served.server._replace(uses_tls=True)
        with (
            conversation(server, tls=tls.context(SERVER)) as line,
            pytest.raises(NotSent, match="did not answer in TLS") as caught,
        ):
            line.service.probe()
    assert not isinstance(caught.value, CertificateRefused)
    assert "SERVER_USES_TLS=False" in caught.value.hint
    assert "in clear" in caught.value.hint


def test_plain_http_to_a_server_with_tls_points_to_the_setting(authority: trustme.CA) -> None:
    """It ends the connection in one way or another."""
    with listening(ALIVE, tls=server_side(authority.issue_cert("127.0.0.1"))) as served:
        server = served.server._replace(uses_tls=False)
        with conversation(server) as line, pytest.raises(NoAnswer) as caught:
            line.service.probe()
    assert "SERVER_USES_TLS=True" in caught.value.hint


def test_a_handshake_that_is_cut_short_was_not_sent() -> None:
    """The start may be sent again."""
    with listening(lambda connection, _: connection.close(), reads=False) as served:
        server = served.server._replace(uses_tls=True)
        with conversation(server, tls=tls.context(SERVER)) as line:
            with pytest.raises(NotSent) as caught:
                line.service.probe()
            assert type(caught.value) is NotSent


def silent(connection: socket.socket, _number: int) -> None:
    """Read, and answer nothing."""
    while connection.recv(9999):
        pass


def test_a_handshake_that_nobody_answers_was_not_sent() -> None:
    """It ends with the connection's time."""
    with listening(silent, reads=False) as served:
        server = served.server._replace(uses_tls=True, connect_timeout_s=0.2)
        with conversation(server, tls=tls.context(SERVER)) as line, pytest.raises(NotSent):
            line.service.probe()


def test_a_handshake_that_nobody_answers_ends_soon_after_it_is_told_to() -> None:
    """Within 0.2 s and some, however long the connection may take."""
    with listening(silent, reads=False) as served:
        server = served.server._replace(uses_tls=True)
        with conversation(server, tls=tls.context(SERVER), while_waiting=stops_after(0.3)) as line:
            begun = time.monotonic()
            with pytest.raises(Stopped):
                line.service.probe()
            assert time.monotonic() - begun < 0.8


def test_a_handshake_that_takes_longer_than_one_wait_goes_on(authority: trustme.CA, ca_file: Path) -> None:
    """A wait ends after 0.2 s, to look whether to stop; the handshake does not."""
    context = server_side(authority.issue_cert("127.0.0.1"))

    def late(connection: socket.socket, _number: int) -> None:
        time.sleep(0.5)  # the server's slowness is what is tested
        with context.wrap_socket(connection, server_side=True) as secured:
            secured.recv(9999)
            secured.sendall(ALIVE_BYTES)

    with listening(late, reads=False) as served:
        server = served.server._replace(uses_tls=True, ca_file=ca_file)
        with conversation(server, tls=tls.context(server)) as line:
            line.service.probe()


def test_a_connection_that_breaks_after_the_handshake_may_have_been_received(
    authority: trustme.CA, ca_file: Path
) -> None:
    """From the request on there is doubt."""
    context = server_side(authority.issue_cert("127.0.0.1"))
    with pytest.raises(CallFailed) as caught:
        ask(context, ca_file, answer=lambda connection, _: connection.close())
    assert type(caught.value) is NoAnswer


@pytest.mark.parametrize("content", [None, b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_a_ca_file_without_a_certificate_is_a_configuration_error(tmp_path: Path, content: bytes | None) -> None:
    """Said before anything is sent, with the form that is expected."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        tls.context(SERVER._replace(ca_file=path))
    assert str(path) in caught.value.subject
    assert "BEGIN CERTIFICATE" in caught.value.hint


@pytest.mark.posix_only
def test_a_ca_file_that_is_none_keeps_nobody_waiting(tmp_path: Path) -> None:
    """OpenSSL would wait for ever at a pipe."""
    os.mkfifo(tmp_path / "pipe")
    for path, what in ((tmp_path / "pipe", "is a pipe"), (tmp_path, "is a folder"), (Path("/dev/null"), "is a device")):
        with pytest.raises(ConfigurationError, match=what):
            tls.context(SERVER._replace(ca_file=path))


def test_verification_can_not_be_turned_off() -> None:
    """Certificate and name are required, with CA_FILE and without."""
    context = tls.context(SERVER)
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


@pytest.mark.parametrize(
    ("code", "words", "message"),
    [
        (0x800B010F, "Der CN-Name stimmt nicht", "not issued for the name host"),
        (0x800B0101, "Ein erforderliches Zertifikat ist nicht gültig", "has expired"),
        (0x800B0109, "untrusted root", "does not trust (untrusted root)"),
    ],
)
def test_windows_codes_are_known(code: int, words: str, message: str) -> None:
    """Its texts are in the system's language, so the codes decide."""
    error = ssl.SSLCertVerificationError(words)
    error.verify_code, error.verify_message = code, words
    assert message in tls_failures.explain(error, SERVER._replace(host="host"))[0]
