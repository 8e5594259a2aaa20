"""A run over TLS: whom the connector trusts, and what it says where it does not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import trustme

from tests.end_to_end.installation import ended
from tests.end_to_end.workplace import DEFINITIONS, SharedSimulator, Workplace, opcon_job, start_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import Programs

pytestmark = pytest.mark.posix_only  # amt.exe: test_the_programs.py and the acceptance of the lab

SHORT = start_of("SHORT")


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority of these tests, and the folder for its files."""

    ca: trustme.CA
    folder: Path

    @property
    def file(self) -> Path:
        """Its own certificate, for CA_FILE."""
        path = self.folder / "ca.pem"
        self.ca.cert_pem.write_to_path(str(path))
        return path

    def simulator(self, *names: str, ended_ago: timedelta | None = None) -> SharedSimulator:
        """Return a simulator that presents a certificate for these names, which has ended where that is said."""
        now = datetime.now(UTC)
        begin, end = (now - timedelta(days=30), now - ended_ago) if ended_ago else (None, None)
        leaf = self.ca.issue_cert(*names, not_before=begin, not_after=end)
        label = names[0].replace("*", "any")
        certificate, key = self.folder / f"{label}.pem", self.folder / f"{label}.key"
        certificate.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
        leaf.private_key_pem.write_to_path(str(key))
        return SharedSimulator(self.folder / label, DEFINITIONS, certificate=certificate, key=key)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Make an authority."""
    return Authority(trustme.CA(), tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def named(authority: Authority) -> Iterator[SharedSimulator]:
    """Serve https as localhost, which is what the certificate says."""
    with authority.simulator("localhost") as running:
        yield running


@pytest.fixture(scope="module")
def strange(authority: Authority) -> Iterator[SharedSimulator]:
    """Serve https as amt.bank.example, although it is reached as localhost."""
    with authority.simulator("amt.bank.example") as running:
        yield running


@pytest.fixture(scope="module")
def expired(authority: Authority) -> Iterator[SharedSimulator]:
    """Serve https with a certificate that ended yesterday."""
    with authority.simulator("localhost.localdomain", "localhost", ended_ago=timedelta(days=1)) as running:
        yield running


@pytest.fixture
def site_of(tmp_path: Path, programs: Programs) -> Iterator[Callable[..., Workplace]]:
    """Return a function that installs the connector beside a simulator reached as localhost."""
    made: list[Workplace] = []

    def install(simulator: SharedSimulator, ca_file: Path | None, *, uses_tls: bool = True) -> Workplace:
        simulator.refresh()
        address = simulator.address.replace("127.0.0.1", "localhost")
        site = Workplace(tmp_path / f"site{len(made)}", programs, address, ca_file=ca_file)
        site.write_config({"STATUS_CHECK_POLL_INTERVAL": 0.1, "STATUS_CHECK_MAX_OUTAGE": 1}, uses_tls=uses_tls)
        made.append(site)
        return site

    yield install
    for site in made:
        site.close()


def test_a_certificate_of_a_known_authority_for_the_right_name_is_trusted(
    site_of: Callable[..., Workplace], authority: Authority, named: SharedSimulator
) -> None:
    """CA_FILE adds an authority; each call is a connection of its own here too."""
    run = site_of(named, authority.file).run(*SHORT)
    assert run.exit_code == 4, run.text
    requests = named.requests()
    assert len({entry["connection"] for entry in requests}) == len(requests) == named.summary()["connections"]


def test_the_operating_systems_store_is_trusted_without_a_ca_file(
    site_of: Callable[..., Workplace], authority: Authority, named: SharedSimulator
) -> None:
    """The store is OpenSSL's here, which SSL_CERT_FILE stands in for."""
    run = site_of(named, None).run(*SHORT, environment={"SSL_CERT_FILE": str(authority.file)})
    assert run.exit_code == 4, run.text


def _refused(site: Workplace, simulator: SharedSimulator, *words: str) -> None:
    """Run, and see that it ends with 23 at once, that it says why, and that nothing was sent."""
    begun = datetime.now(UTC)
    run = site.run(*SHORT, environment=opcon_job())
    assert run.exit_code == 23, run.text
    assert datetime.now(UTC) - begun < timedelta(seconds=10)
    assert all(word in run.text for word in (*words, "Nothing was started", "server-unreachable")), run.text
    assert simulator.requests() == []
    assert site.record()["state"] == "not started"


def test_an_unknown_authority_is_refused_at_once(site_of: Callable[..., Workplace], named: SharedSimulator) -> None:
    """It says how to trust it."""
    _refused(site_of(named, None), named, "does not trust", "CA_FILE")


def test_another_authority_is_refused_at_once(
    site_of: Callable[..., Workplace], named: SharedSimulator, tmp_path: Path
) -> None:
    """A CA_FILE of somebody else helps nobody."""
    _refused(site_of(named, Authority(trustme.CA(), tmp_path).file), named, "does not trust")


def test_a_wrong_name_is_refused_at_once(
    site_of: Callable[..., Workplace], authority: Authority, strange: SharedSimulator
) -> None:
    """It names TLS_SERVER_NAME as a way out."""
    _refused(site_of(strange, authority.file), strange, "not issued for the name localhost", "TLS_SERVER_NAME")


def test_an_expired_certificate_is_refused_at_once(
    site_of: Callable[..., Workplace], authority: Authority, expired: SharedSimulator
) -> None:
    """There is no switch that turns this off."""
    _refused(site_of(expired, authority.file), expired, "has expired")


def test_tls_server_name_serves_an_address_that_the_certificate_does_not_name(
    site_of: Callable[..., Workplace], authority: Authority, strange: SharedSimulator
) -> None:
    """The name given is verified instead, and only that one."""
    site = site_of(strange, authority.file)
    site.add_to_server(TLS_SERVER_NAME="amt.bank.example")
    run = site.run(*SHORT)
    assert run.exit_code == 4, run.text
    other = site_of(strange, authority.file)
    other.add_to_server(TLS_SERVER_NAME="other.bank.example")
    _refused(other, strange, "not issued for the name other.bank.example")


def test_a_certificate_that_goes_bad_in_the_middle_of_a_watch_is_an_outage(
    site_of: Callable[..., Workplace], authority: Authority, expired: SharedSimulator
) -> None:
    """The task runs on, so the end is 105 with the request id, and a restart with the certificate mended attaches."""
    with authority.simulator("localhost") as simulator:
        site = site_of(simulator, authority.file)
        site.write_config({"STATUS_CHECK_POLL_INTERVAL": 0.1, "STATUS_CHECK_MAX_OUTAGE": 5})  # longer than a restart
        process = site.start(*start_of("NEVER_ENDS"), environment=opcon_job())
        simulator.wait_for_call("status")
        good = simulator._certificate, simulator._key
        simulator._certificate, simulator._key = expired._certificate, expired._key
        simulator.restart()
        run = ended(process)
        assert run.exit_code == 105, run.text
        request = simulator.task_of("NEVER_ENDS")["id"]
        assert f"request {request}" in run.text
        assert "has expired" in run.text, run.text
        simulator._certificate, simulator._key = good
        simulator.restart()
        simulator.end_task(request, "DONE")
        again = site.run(*start_of("NEVER_ENDS"), environment=opcon_job())
        assert again.exit_code == 4, again.text
        assert len(simulator.tasks()) == 1


def test_plain_http_is_warned_of(site_of: Callable[..., Workplace], tmp_path: Path) -> None:
    """SERVER_USES_TLS=False: one warning that credentials travel in clear."""
    with SharedSimulator(tmp_path / "amt", DEFINITIONS) as simulator:
        run = site_of(simulator, None, uses_tls=False).run(*SHORT)
    assert run.exit_code == 4, run.text
    assert run.text.count("the credentials travel in clear") == 1
