"""The simulator's page in a real browser, while the connector runs beside it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.installation import ended
from tests.end_to_end.workplace import start_of
from tests.support import browser as browsers
from tests.support.browser import Browser

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.end_to_end.workplace import SharedSimulator, Workplace

pytestmark = pytest.mark.skipif(
    not (browsers.BROWSER and browsers.DRIVER),
    reason="needs a browser: apt-get install -y --no-install-recommends chromium chromium-driver",
)

LOADED = "return performance.getEntriesByType('resource').map((entry) => entry.name)"
SHIFTS = """
window.shifts = 0;
const begun = performance.now();
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (entry.startTime > begun) window.shifts += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Open one browser for this module's tests."""
    with Browser(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.fixture
def page(window: Browser, simulator: SharedSimulator) -> Browser:
    """Return the browser on the page, which is live."""
    window.open(simulator.url)
    window.wait_for_text("#contact", "live")
    return window


def row(number: int) -> str:
    """Return the selector of a task's row."""
    return f"#t{number}"


def test_a_job_is_started_watched_and_killed(site: Workplace, simulator: SharedSimulator, page: Browser) -> None:
    """The task appears by itself, runs before one's eyes, and the connector ends with 3 when Kill is pressed."""
    process = site.start(*start_of("NEVER_ENDS"), "-tv", "25", "-pa", "<b>'PARAM'</b>")
    simulator.wait_for_call("status")
    number = simulator.task_of("NEVER_ENDS")["id"]
    page.wait_for_text(row(number), "2 RUNNING")
    for shown in ("NEVER_ENDS", "DEMO2", "25 <b>'PARAM'</b>", "BATCH", "OPCON"):
        assert shown in page.text(row(number))
    page.click(f'{row(number)} button[name="kill"]')
    page.wait_for_text("#notice", f"Kill of {number} is accepted.")
    page.wait_for_text(row(number), "3 KILLED")
    run = ended(process)
    assert run.exit_code == 3, run.text
    page.wait_for_text("#requests", "status")


def test_a_task_is_chosen_read_and_ended_as_an_operator_would(
    site: Workplace, simulator: SharedSimulator, page: Browser
) -> None:
    """Its messages come as they are written; the status that is chosen is the connector's exit code."""
    process = site.start(*start_of("STUBBORN"))
    simulator.wait_for_call("status")
    number = simulator.task_of("STUBBORN")["id"]
    page.wait_for_text(row(number), "RUNNING")
    page.click(f"{row(number)} a")
    page.wait_for_text("#task .messages", "Started")
    page.choose("#end-status", "12")
    page.click('#task button[name="end"]')
    page.wait_for_text("#task .head", "12 ABORTED")
    run = ended(process)
    assert run.exit_code == 12, run.text


def test_a_fault_is_switched_on_and_its_effect_is_seen(
    site: Workplace, simulator: SharedSimulator, page: Browser
) -> None:
    """The answer to the start is lost: the connector ends with 104, the page shows that the job runs, started once."""
    page.click('#faults button[value="reset-after-start"]')
    page.wait_for_text("#faults .on", "0 of 1")
    run = site.run(*start_of("SHORT"))
    assert run.exit_code == 104, run.text
    page.wait_for_text("#faults .on", "1 of 1")
    page.wait_for_text("#requests", "no answer")
    number = simulator.task_of("SHORT")["id"]
    page.wait_for_text(row(number), "4 DONE")
    assert page.text(".starts tbody tr").split()[:4] == ["SHORT", "DEMO2", "1", "0"]
    page.click('#faults button[name="faults-off"]')
    page.wait_for_text("#faults .on", "none")
    assert simulator.faults() == []


def test_the_keyboard_is_enough_and_keeps_its_place(simulator: SharedSimulator, site: Workplace, page: Browser) -> None:
    """A button that has the focus keeps it while the page changes around it, and Enter presses it."""
    process = site.start(*start_of("NEVER_ENDS"))
    simulator.wait_for_call("status")
    number = simulator.task_of("NEVER_ENDS")["id"]
    page.wait_for_text(row(number), "RUNNING")
    page.script("document.querySelector(arguments[0]).focus()", f'{row(number)} button[name="stop"]')
    page.press("Tab")
    other = site.start(*start_of("SHORT"))
    assert ended(other).exit_code == 4
    time.sleep(2.5)  # two looks at the page later
    focused = "return [document.activeElement.name, document.activeElement.value]"
    assert page.script(focused) == ["kill", str(number)]
    page.press("Enter")
    assert ended(process).exit_code == 3


def test_no_row_moves_under_the_finger(simulator: SharedSimulator, site: Workplace, page: Browser) -> None:
    """While the keyboard is in the table new tasks are announced, not inserted; nothing else on the page shifts."""
    process = site.start(*start_of("NEVER_ENDS"))
    simulator.wait_for_call("status")
    number = simulator.task_of("NEVER_ENDS")["id"]
    page.wait_for_text(row(number), "RUNNING")
    page.script(f"{SHIFTS} document.querySelector(arguments[0]).focus()", f'{row(number)} button[name="kill"]')
    place = "return document.querySelector(arguments[0]).getBoundingClientRect().top"
    before = page.script(place, row(number))
    assert ended(site.start(*start_of("SHORT"))).exit_code == 4
    page.wait_for_text("#count", "1 new")
    assert (page.script(place, row(number)), page.script("return window.shifts")) == (before, 0)
    page.press("Enter")
    assert ended(process).exit_code == 3
    page.script("document.activeElement.blur()")
    page.wait_for_text("#tasks", "SHORT")


def test_it_follows_the_light_and_dark_of_the_desktop(page: Browser) -> None:
    """Both have the text well apart from its ground."""
    colours = (
        "const s = getComputedStyle(document.body); return [s.backgroundColor, s.color].map((c) => +c.match(/\\d+/)[0])"
    )
    for scheme, is_dark in (("dark", True), ("light", False)):
        page.prefer(scheme)
        ground, text = page.script(colours)
        assert (ground < text) is is_dark
        assert abs(ground - text) > 150


def test_nothing_comes_from_outside(simulator: SharedSimulator, page: Browser) -> None:
    """Every file is the simulator's own; no cookie is set, and no style or script stands inside the page."""
    names = page.script(LOADED)
    assert names
    assert [name for name in names if not name.startswith(f"{simulator.url}/")] == []
    assert page.script("return document.cookie") == ""
    assert page.script("return document.querySelectorAll('[style], [onclick]').length") == 0


def test_a_narrow_window_needs_no_sideways_scrolling(tmp_path: Path, simulator: SharedSimulator) -> None:
    """On a small screen the panels stand one below the other; only tables scroll, inside."""
    with Browser(tmp_path, width=500, height=900) as narrow:
        narrow.open(simulator.url)
        narrow.wait_for_text("#contact", "live")
        assert narrow.script("return document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0


def test_a_simulator_that_has_gone_is_not_shown_as_live(page: Browser, simulator: SharedSimulator) -> None:
    """The page says since when it knows nothing, and goes on when there is an answer again."""
    simulator.kill()
    try:
        page.wait_for_text("#contact", "no contact since")
    finally:
        simulator.start()
    page.wait_for_text("#contact", "live")
