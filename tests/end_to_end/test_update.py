"""An update while jobs run: a new version in a folder of its own, and a link that the OpCon jobs name.

On Windows the link is a junction, for which a link of Linux stands under wine, which makes none.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.installation import Ended, ended
from tests.end_to_end.workplace import Workplace, opcon_job, start_of
from tests.support.processes import clean_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Programs
    from tests.end_to_end.workplace import SharedSimulator

pytestmark = pytest.mark.windows

LONGER = start_of("LONGER")
JOB, RESTARTED = opcon_job(), opcon_job(number=99999)
ROOT = Path(__file__).parents[2]
LAUNCHER = f"""\
#!{sys.executable}
from pathlib import Path
from amtconnector.config import places
places._state_directory = lambda: Path(__file__).resolve().parents[1] / "state"
from amtconnector.__main__ import main
main()
"""
"""What stands for the program; the default places of runs are the site's, and not this machine's."""

RUNS_OF_WINE = Path(os.environ.get("WINEPREFIX", ""), "drive_c", "ProgramData", "AmtConnector", "runs")


class VersionedSite(Workplace):
    """`<folder>/1.0` and `1.1` hold a program and a Connector.config each; `current` leads to one of them.

    The runs are kept in a default place.
    """

    def switch_to(self, version: str) -> None:
        """Let the link lead to a version; on POSIX in one step."""
        current = self.folder / "current"
        if sys.platform == "win32":
            import _winapi

            current.rmdir() if current.exists() else None
            _winapi.CreateJunction(str(self.folder / version), str(current))
        else:
            new = self.folder / "new"
            new.symlink_to(version, target_is_directory=True)
            new.replace(current)

    def add_version(self, version: str, config: Path) -> None:
        """Put a version's folder beside the others, with a copy of Connector.config."""
        folder = self.folder / version
        if self.programs.folder:
            shutil.copytree(self.programs.folder, folder)
        else:
            folder.mkdir()
            amt = folder / "amt"
            amt.write_text(LAUNCHER)
            amt.chmod(0o755)
        shutil.copyfile(config, folder / "Connector.config")

    def start_current(self, *arguments: str, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        """Start the program as OpCon's job does: through the link, without --config."""
        amt = self.folder / "current" / ("amt.exe" if self.programs.is_windows else "amt")
        settings = {"PYTHONPATH": str(ROOT), "PROGRAMDATA": str(self.folder / "state")}
        process = subprocess.Popen(
            [*self.programs.amt[:-1], str(amt), *arguments] if self.programs.folder else [str(amt), *arguments],
            cwd="/",
            env={**clean_environment(self.folder), **settings, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._started = [*getattr(self, "_started", []), process]
        return process

    def run_current(self, *arguments: str, environment: dict[str, str]) -> Ended:
        """Run the program that the link leads to, to its end."""
        return ended(self.start_current(*arguments, environment=environment))


@pytest.fixture
def site(tmp_path: Path, programs: Programs, simulator: SharedSimulator) -> Iterator[VersionedSite]:
    """Return a site with version 1.0."""
    if programs.folder and not programs.is_windows:
        pytest.skip("on POSIX the default place of runs is this machine's")
    mark = os.urandom(4).hex()
    folder = tmp_path / f"AMT Connector {mark}"
    site = VersionedSite(folder, programs, simulator.address, ca_file=simulator.ca_file)
    key = programs.path(folder / "connector.key")
    site.write_config({"RUN_DIRECTORY": "", "KEY_FILE": key, "INSTALLATION_ID": f"bank-test-{mark}"})
    site.add_version("1.0", site.config)
    site.switch_to("1.0")
    site.config.unlink()
    yield site
    site.close()
    if programs.is_wine:
        for runs in RUNS_OF_WINE.glob(f"*{mark}*"):
            shutil.rmtree(runs)


def killed_while_watching(site: VersionedSite, simulator: SharedSimulator) -> None:
    """Start a job and kill the connector hard in the middle of its watch."""
    process = site.start_current(*LONGER, environment=JOB)
    simulator.wait_for(lambda amt: len(amt.tasks()) == 1 and bool(amt.requests("messages")))
    process.kill()
    process.communicate()


def test_a_job_that_runs_during_an_update_is_taken_up_by_the_new_version(
    site: VersionedSite, simulator: SharedSimulator
) -> None:
    """The id travels with the copy of Connector.config: the restarted job attaches, and nothing starts twice."""
    killed_while_watching(site, simulator)
    site.add_version("1.1", site.folder / "1.0" / "Connector.config")
    site.switch_to("1.1")
    again = site.run_current(*LONGER, environment=RESTARTED)
    assert again.exit_code == 4, again.text
    assert "taken up in AMT Environment" in again.text
    assert site.programs.path(site.folder / "1.1" / "Connector.config") in again.text
    assert len(simulator.tasks()) == 1
    checked = site.run_current("check", environment={})
    assert checked.exit_code == 0, checked.text


def test_a_job_goes_on_while_the_link_is_switched(site: VersionedSite, simulator: SharedSimulator) -> None:
    """Nothing of the old folder is touched: whoever runs from it runs to the end."""
    process = site.start_current(*LONGER, environment=JOB)
    simulator.wait_for(lambda amt: len(amt.tasks()) == 1)
    site.add_version("1.1", site.folder / "1.0" / "Connector.config")
    site.switch_to("1.1")
    assert ended(process).exit_code == 4
    assert len(simulator.tasks()) == 1


def test_one_configuration_above_the_versions_serves_them_all(site: VersionedSite, simulator: SharedSimulator) -> None:
    """Connector.config is looked for above the program's folder too, and no id is needed then."""
    shared = site.folder / "Connector.config"
    text = re.sub("INSTALLATION_ID=.*\n", "", (site.folder / "1.0" / "Connector.config").read_text("utf-8"))
    shared.write_text(text, encoding="utf-8")
    site.add_version("1.1", shared)
    for version in ("1.0", "1.1"):
        (site.folder / version / "Connector.config").unlink()
    killed_while_watching(site, simulator)
    site.switch_to("1.1")
    again = site.run_current(*LONGER, environment=RESTARTED)
    assert again.exit_code == 4, again.text
    assert site.programs.path(shared) in again.text
    assert len(simulator.tasks()) == 1


def test_without_an_id_the_new_version_says_what_it_can_not_find(
    site: VersionedSite, simulator: SharedSimulator
) -> None:
    """Its own place is new, and another one has open runs of the same server: the first run says so."""
    killed_while_watching(site, simulator)
    site.add_version("1.1", site.folder / "1.0" / "Connector.config")
    new = site.folder / "1.1" / "Connector.config"
    new.write_text(new.read_text("utf-8").replace("=bank-test-", "=bank-other-"), encoding="utf-8")
    site.switch_to("1.1")
    other = site.run_current(*start_of("SHORT"), environment=opcon_job("Another job"))
    assert other.exit_code == 4, other.text
    assert "Warning: this configuration has no runs yet, and another one of this machine has open runs" in other.text
    assert "bank-test-" in other.text
