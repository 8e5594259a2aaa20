"""The story of `amt check`: every step of a run up to the logon, each told although an earlier one has failed.

A step that can't be tried any more is told as skipped, with the reason. Nothing is started in AMT.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amtconnector import check_local as local
from amtconnector import check_server as remote
from amtconnector import config as configuration
from amtconnector import rejected_logons
from amtconnector.credentials import read_credentials
from amtconnector.errors import CallFailed, ConfigurationError
from amtconnector.findings import Finding, Step, Verdict, refused, skipped

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from amtconnector.certificates import Presented
    from amtconnector.config import Config
    from amtconnector.service import Service
    from amtconnector.wire.answers import Reply
    from amtconnector.wire.profile import Profile

ANNOUNCEMENT = "The account is now tried once: AMT counts this as a logon attempt (--no-logon leaves it out)."

_SERVER_STEPS = (Step.NAME, Step.CONNECTION, Step.TLS, Step.HEARTBEAT, Step.CLOCK, Step.LOGON)


class Examination:
    """One installation under examination, beginning with its Connector.config.

    `announce` gets a line before something is done that others may notice. `presented` is what the server showed of
    its certificates, None before and where there is nothing.
    """

    def __init__(
        self, path: Path, *, with_logon: bool, announce: Callable[[str], None], now: Callable[[], datetime]
    ) -> None:
        self._path = path
        self._with_logon = with_logon
        self._announce = announce
        self._now = now
        self.presented: Presented | None = None

    def findings(self) -> Iterator[Finding]:
        """Examine step by step, and tell what each one found."""
        config, finding = local.configuration(self._path)
        if config is None:
            yield finding
            yield from _skipped((Step.KEY_FILE, Step.CREDENTIALS), "Connector.config can't be used")
            yield local.run_directory(configuration.run_directory_of(self._path))
            yield from _skipped(_SERVER_STEPS, "Connector.config can't be used")
            return
        profile, problem = _profile(config)
        yield problem or finding
        stored = local.StoredCredentials(config)
        yield stored.key_file()
        yield stored.credentials()
        yield local.run_directory(config.run_directory)
        yield from self._server(config, profile, can_log_on=stored.is_usable)

    def _server(self, config: Config, profile: Profile | None, *, can_log_on: bool) -> Iterator[Finding]:
        steps = (remote.resolve, remote.connect)
        for done, step in enumerate(steps, 1):
            finding = step(config.server)
            yield finding
            if finding.verdict is Verdict.FAILED:
                yield from _skipped(_SERVER_STEPS[done:], "the server can't be reached")
                return
        context, finding = self._tls(config)
        yield finding
        if finding.verdict is Verdict.FAILED or profile is None:
            reason = (
                "WIRE_PROFILE can't be used" if profile is None else "the server can't be trusted or understood yet"
            )
            yield from _skipped((Step.HEARTBEAT, Step.CLOCK, Step.LOGON), reason)
            return
        yield from self._conversation(config, _service(config, profile, context), can_log_on=can_log_on)

    def _tls(self, config: Config) -> tuple[ssl.SSLContext | None, Finding]:
        from amtconnector.tls import context  # noqa: PLC0415 - truststore is needed for TLS only

        self.presented = remote.look(config.server)
        if not config.server.uses_tls:
            return None, remote.no_tls(self.presented)
        try:
            trust = context(config.server.ca_file)
        except ConfigurationError as error:
            return None, refused(Step.TLS, error)
        return trust, remote.handshake(config.server, trust, self.presented, self._now())

    def _conversation(self, config: Config, service: Service, *, can_log_on: bool) -> Iterator[Finding]:
        try:
            reply = service.probe()
        except CallFailed as failure:
            yield remote.unanswered(Step.HEARTBEAT, failure)
            yield from _skipped((Step.CLOCK, Step.LOGON), "the server does not answer")
            return
        yield remote.heartbeat(reply)
        yield remote.clock(reply, self._now())
        yield self._logon(config, service, reply, can_log_on=can_log_on)

    def _logon(self, config: Config, service: Service, reply: Reply, *, can_log_on: bool) -> Finding:
        if not self._with_logon:
            return skipped(Step.LOGON, "left out, as --no-logon says")
        if not can_log_on:
            return skipped(Step.LOGON, "the credentials can't be used")
        if not remote.may_log_on(reply):
            return skipped(Step.LOGON, "no credentials are sent to a server that does not answer as AMT does")
        self._announce(ANNOUNCEMENT)
        finding = remote.logon(service)
        if finding.verdict is Verdict.OK:
            rejected_logons.clear(config.run_directory)
        return finding


def _skipped(steps: tuple[Step, ...], reason: str) -> Iterator[Finding]:
    return (skipped(step, reason) for step in steps)


def _profile(config: Config) -> tuple[Profile | None, Finding | None]:
    from amtconnector.wire import profile  # noqa: PLC0415 - not needed for a configuration that can't be read

    try:
        return profile.load(config.wire_profile), None
    except ConfigurationError as error:
        return None, refused(Step.CONFIGURATION, error)


def _service(config: Config, profile: Profile, context: ssl.SSLContext | None) -> Service:
    from amtconnector.service import Service, Waiting  # noqa: PLC0415 - httpx is needed once the server can be reached

    server = config.server
    return Service(
        server,
        profile,
        lambda: read_credentials(server.user, server.password, config.key_file, config_path=config.path),
        tls=context,
        waiting=Waiting(lambda: None, lambda: None),
        trace=lambda _: None,
    )
