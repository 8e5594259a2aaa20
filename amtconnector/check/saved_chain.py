"""`amt check --save-chain`: what a server presents, as a file for CA_FILE, beside what is trusted today.

Whoever answers is not yet trusted. So no file that exists is written to, least of all the one that CA_FILE names: an
impostor's certificate would be trusted from then on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amtconnector.check.certificates import trusted_in
from amtconnector.named_tuple import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from amtconnector.check.certificates import Certificate, Presented


class SavedChain(NamedTuple):
    """What was saved where, and what CA_FILE holds today; `ca_file` is None where none is set."""

    path: Path
    presented: Presented
    ca_file: Path | None
    trusted: tuple[Certificate, ...]

    @property
    def is_ca_file(self) -> bool:
        """Whether the new file is the one that CA_FILE names already."""
        return self.ca_file is not None and self.ca_file == self.path.absolute()

    def is_trusted(self, certificate: Certificate) -> bool:
        """Whether this very certificate is in CA_FILE."""
        return certificate.fingerprint in {one.fingerprint for one in self.trusted}

    @property
    def not_presented(self) -> tuple[Certificate, ...]:
        """What CA_FILE holds and the server does not present."""
        known = {one.fingerprint for one in self.presented.chain}
        return tuple(one for one in self.trusted if one.fingerprint not in known)

    def lines(self) -> Iterator[str]:
        """Yield what people are to compare, and what to do then."""
        yield f"{self.path} holds what the server presents:"
        for one in self.presented.chain:
            yield from _described(one, self._remark(one))
        if self.not_presented:
            yield f"CA_FILE holds besides ({self.ca_file}):"
            for one in self.not_presented:
                yield from _described(one, "the server does not present it")
        yield from self._what_to_do()

    def _remark(self, certificate: Certificate) -> str:
        if not self.trusted:
            return ""
        return "in CA_FILE already" if self.is_trusted(certificate) else "NEW: not in CA_FILE"

    def _what_to_do(self) -> Iterator[str]:
        if self.trusted and not any(map(self.is_trusted, self.presented.chain)):
            yield "None of them is in CA_FILE. Where nobody has renewed it, somebody else answers."
        yield "Compare the fingerprints with the administrator of the AMT web server."
        yield (
            "If they are the same, set:"
            if not self.is_ca_file
            else "CA_FILE names this file: if they differ, remove it."
        )
        yield f"CA_FILE={self.path.absolute()}"
        if issuer := self.presented.missing_issuer:
            yield f"The server does not send the certificate of {issuer}."
            yield "The file serves as it is until the server's own certificate is renewed."


def save(path: Path, presented: Presented, ca_file: Path | None) -> SavedChain:
    """Write the chain as a new file; raises OSError, FileExistsError where there is anything of that name."""
    trusted = trusted_in(ca_file) if ca_file else ()
    with path.open("x", encoding="ascii") as file:
        file.writelines(certificate.pem for certificate in presented.chain)
    return SavedChain(path, presented, ca_file, trusted)


def _described(certificate: Certificate, remark: str) -> Iterator[str]:
    yield f"  {certificate.subject}{f' ({remark})' if remark else ''}"
    yield f"    SHA-256 {certificate.fingerprint}"
