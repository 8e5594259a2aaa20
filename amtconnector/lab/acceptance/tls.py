"""TLS: whose certificates are accepted, and how long each handshake takes on this machine."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from amtconnector.lab.acceptance import certificates, console
from amtconnector.lab.acceptance.check import NotTried, require
from amtconnector.lab.acceptance.relay import Relay

if TYPE_CHECKING:
    from amtconnector.lab.acceptance.agent import Ended
    from amtconnector.lab.acceptance.stage import Stage
    from amtconnector.lab.simulated_amt import SimulatedAmt

_SLOW_S = 5.0
"""A handshake above this is a fault of the surroundings: Windows asks servers that it can't reach for certificates."""


def private_authority(stage: Stage) -> str:
    """See that a private authority is trusted through CA_FILE."""
    return _accepted(stage, stage.tls_amt, "localhost", CA_FILE=stage.private_authority.trusted)


def self_signed(stage: Stage) -> str:
    """See that a certificate that signs itself is trusted when CA_FILE is that certificate."""
    return _accepted(stage, stage.self_signed_amt, "localhost", CA_FILE=stage.self_signed.trusted)


def by_address(stage: Stage) -> str:
    """See that SERVER_ADDRESS may be an IP address that the certificate names."""
    return _accepted(stage, stage.tls_amt, "127.0.0.1", CA_FILE=stage.private_authority.trusted)


def unknown_authority(stage: Stage) -> str:
    """See that without CA_FILE an authority which this machine does not know is refused: 23, nothing started."""
    if console.is_wine():
        raise NotTried("wine accepts a chain whose root it does not have")
    return _refused(stage, "localhost")


def other_authority(stage: Stage) -> str:
    """See that a CA_FILE of another authority does not help."""
    other = certificates.of_unknown_authority(stage.folder)
    return _refused(stage, "localhost", CA_FILE=other)


def wrong_name(stage: Stage) -> str:
    """See that a certificate of a trusted authority for another name is refused."""
    trusted = stage.private_authority.trusted
    return _refused(stage, "localhost", CA_FILE=trusted, TLS_SERVER_NAME="amt.example.com")


def examination(stage: Stage) -> str:
    """See that `amt check` finds nothing in the way of a run against this server."""
    server = {"SERVER_ADDRESS": stage.tls_amt.address, "CA_FILE": stage.private_authority.trusted}
    stage.site(server=server).run_bare("check").must_exit(0)
    return "exit code 0"


def _accepted(stage: Stage, amt: SimulatedAmt, host: str, **server: object) -> str:
    ended, handshakes = _run_through_relay(stage, amt, host, server)
    ended.must_exit(4)
    require(bool(handshakes), "no handshake was seen")
    return f"accepted, exit code 4; {_described(handshakes)}"


def _refused(stage: Stage, host: str, **server: object) -> str:
    before = stage.tls_amt.asked("start")
    ended, handshakes = _run_through_relay(stage, stage.tls_amt, host, server)
    ended.must_exit(23).must_say("certificate")
    require(stage.tls_amt.asked("start") == before, "a start was sent")
    return f"refused, exit code 23; {_described(handshakes)}"


def _run_through_relay(
    stage: Stage, amt: SimulatedAmt, host: str, server: dict[str, object]
) -> tuple[Ended, list[float]]:
    with Relay(amt.port) as relay:
        site = stage.site(server={"SERVER_ADDRESS": f"{host}:{relay.port}", **server})
        return site.run(stage.job("ENDS_DONE")), list(relay.handshakes_s)


def _described(handshakes_s: list[float]) -> str:
    if not handshakes_s:
        return "no handshake was seen"
    longest = max(handshakes_s)
    is_fast = longest < _SLOW_S or console.is_wine()  # wine's times say nothing about Windows
    require(is_fast, f"a handshake took {longest:.1f} s: can this machine fetch certificate revocation lists?")
    return f"handshakes {statistics.median(handshakes_s) * 1000:.0f} ms, longest {longest * 1000:.0f} ms"
