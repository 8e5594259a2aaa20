"""The story of `amt check`: every step of a run up to the logon, each told although an earlier one has failed.

A step that can't be tried any more is told as skipped, with the reason. Nothing is started in AMT.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amtconnector import config as configuration
from amtconnector.amtopcon.logon import Account
from amtconnector.check import local
from amtconnector.check import server as remote
from amtconnector.check import tls as check_tls
from amtconnector.check.findings import Finding, Step, Verdict, refused, skipped
from amtconnector.errors import CallFailed, ConfigurationError
from amtconnector.records import RunDirectory
from amtconnector.text import MASK

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from amtconnector.amtopcon.client import AmtClient
    from amtconnector.amtopcon.wire.profile import Profile
    from amtconnector.check.certificates import Presented
    from amtconnector.config import Config, Server

ANNOUNCEMENT = "The account is now tried once: AMT counts this as a logon attempt (--no-logon leaves it out)."

REFUSED = "These credentials were refused a short while ago; runs do not try them before {:%H:%M}."

_SERVER_STEPS = (Step.NAME, Step.CONNECTION, Step.TLS, Step.HEARTBEAT, Step.CLOCK, Step.LOGON)


class Examination:
    """One installation under examination, beginning with its Connector.config.

    `announce` gets a line before something is done that others may notice. `shows_user`: the name of the AMT account is
    told in full. `presented` is what the server showed of its certificates, None before and where there is nothing;
    `ca_file` is what CA_FILE names.
    """

    def __init__(
        self,
        path: Path,
        *,
        with_logon: bool,
        announce: Callable[[str], None],
        now: Callable[[], datetime],
        shows_user: bool = False,
    ) -> None:
        self._path = path
        self._with_logon = with_logon
        self._shows_user = shows_user
        self._announce = announce
        self._now = now
        self.presented: Presented | None = None
        self.ca_file: Path | None = None

    def findings(self) -> Iterator[Finding]:
        """Examine step by step, and tell what each one found."""
        config, finding = local.configuration(self._path)
        if config is None:
            yield finding
            yield from _skipped((Step.KEY_FILE, Step.CREDENTIALS), "Connector.config can't be used")
            yield local.run_directory(configuration.run_directory_of(self._path), self._path)
            yield from _skipped((Step.RIGHTS,), "Connector.config can't be used")
            yield from _skipped(_SERVER_STEPS, "Connector.config can't be used")
            return
        self.ca_file = config.server.ca_file
        profile, problem = _profile(config)
        yield problem or finding
        stored = local.StoredCredentials(config)
        yield stored.key_file()
        finding = stored.credentials()
        account = Account(config, RunDirectory(config.run_directory)) if stored.is_usable else None
        yield self._naming(account, finding) if account else finding
        yield local.run_directory(config.run_directory, config.path)
        yield local.rights(config)
        yield from self._server(config, profile, account)

    def _naming(self, account: Account, finding: Finding) -> Finding:
        """Add the AMT account's name, which is no secret to whoever can decrypt it; but others may read the output."""
        name = account.user.reveal()
        shown = name if self._shows_user else f"{name[:1]}{MASK} (--show-user shows its name)"
        return finding._replace(details=(*finding.details, f"AMT account: {shown}"))

    def _server(self, config: Config, profile: Profile | None, account: Account | None) -> Iterator[Finding]:
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
            reason = "WIRE_PROFILE can't be used" if profile is None else "nothing is sent before TLS is right"
            yield from _skipped((Step.HEARTBEAT, Step.CLOCK, Step.LOGON), reason)
            return
        service = _service(config.server, profile, account, context)
        try:
            yield from self._conversation(service, account)
        finally:
            service.close()

    def _tls(self, config: Config) -> tuple[ssl.SSLContext | None, Finding]:
        from amtconnector.amtopcon.tls import context  # truststore is needed for TLS only

        self.presented = check_tls.look(config.server)
        if not config.server.uses_tls:
            return None, check_tls.without(self.presented, self._now())
        try:
            trust = context(config.server)
        except ConfigurationError as error:
            return None, refused(Step.TLS, error)
        return trust, check_tls.handshake(config.server, trust, self.presented, self._now())

    def _conversation(self, service: AmtClient, account: Account | None) -> Iterator[Finding]:
        if not service.has("heartbeat"):
            reply = None
            reason = "the server has no heartbeat: calls.heartbeat = false in WIRE_PROFILE"
            yield from _skipped((Step.HEARTBEAT, Step.CLOCK), reason)
        else:
            try:
                reply = service.probe()
            except CallFailed as failure:
                yield remote.unanswered(Step.HEARTBEAT, failure)
                yield from _skipped((Step.CLOCK, Step.LOGON), "the server does not answer")
                return
            yield remote.heartbeat(reply, service.last_exchange)
            yield remote.clock(reply, self._now())
        if not self._with_logon:
            yield skipped(Step.LOGON, "left out, as --no-logon says")
        elif account is None:
            yield skipped(Step.LOGON, "the credentials can't be used")
        elif reply is not None and not remote.may_log_on(reply):
            yield skipped(Step.LOGON, "no credentials are sent to a server that does not answer as AMT does")
        else:
            yield self._logon(service, account)

    def _logon(self, service: AmtClient, account: Account) -> Finding:
        if until := account.barred_until():
            self._announce(REFUSED.format(until.astimezone()))
        account.forget_refusal()
        self._announce(ANNOUNCEMENT)
        return remote.logon(service, self._path.absolute())


def _skipped(steps: tuple[Step, ...], reason: str) -> Iterator[Finding]:
    return (skipped(step, reason) for step in steps)


def _profile(config: Config) -> tuple[Profile | None, Finding | None]:
    from amtconnector.amtopcon.wire.built_in import load_profile  # not needed for a configuration that can't be read

    try:
        return load_profile(config.wire_profile), None
    except ConfigurationError as error:
        return None, refused(Step.CONFIGURATION, error)


def _service(server: Server, profile: Profile, account: Account | None, context: ssl.SSLContext | None) -> AmtClient:
    from amtconnector.amtopcon.client import AmtClient
    from amtconnector.amtopcon.transport import HttpTransport  # httpx is needed once the server can be reached

    return AmtClient(profile, account, HttpTransport(server, tls=context))
