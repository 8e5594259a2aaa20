"""What a person at a terminal sees: the job log, and below it one line that lives while the task runs."""

from __future__ import annotations

import io
import sys
import time

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from amtconnector.text import clock_time, escaped


class Terminal:
    """Lines to a terminal, with a live line of task, status and elapsed time that never mixes with them.

    Rich draws the line, leaves colours out where NO_COLOR is set, and draws nothing on a terminal that can't.
    """

    def __init__(self, name: str) -> None:
        """Show the live line for the task called `name`."""
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")
        self._name = escaped(name)
        self._status = ""
        self._began_at = time.monotonic()  # rich asks for the line before there is a status
        self._lines: list[str] = []
        self._spinner = Spinner("dots", style="cyan")
        self._console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
        self._live = Live(
            get_renderable=self._live_line,
            console=self._console,
            refresh_per_second=4,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self.broken = ""

    @property
    def is_held_up(self) -> bool:
        """A terminal takes everything at once, or makes the run wait."""
        return False

    def use(self, encoding: str | None) -> None:
        """Keep the terminal's own encoding, whatever the configuration says of redirected output."""
        del encoding

    def write(self, line: str) -> None:
        """Add one line, given without its end."""
        self._lines.append(line)
        if len(self._lines) >= 1000:
            self.flush()

    def flush(self) -> None:
        """Print what has been added, above the live line; never raises."""
        lines, self._lines = self._lines, []
        if not lines or self.broken:
            return
        try:
            self._console.print(Text("\n".join(lines)), soft_wrap=True)
        except (OSError, ValueError) as error:
            self.broken = getattr(error, "strerror", None) or type(error).__name__

    def show_live(self, status: str, elapsed_s: float) -> None:
        """Show this status from now on; the time since the start goes on by itself."""
        self._status = escaped(status)
        self._began_at = time.monotonic() - elapsed_s
        self.flush()
        if not self._live.is_started:
            self._live.start()

    def close(self) -> None:
        """Print the rest and take the live line away."""
        try:
            self._live.stop()
        except (OSError, ValueError) as error:  # the terminal has gone
            self.broken = getattr(error, "strerror", None) or type(error).__name__
        self.flush()

    def _live_line(self) -> Spinner:
        elapsed = clock_time(time.monotonic() - self._began_at)
        self._spinner.update(text=Text.assemble((self._name, "bold"), f"  {self._status}  {elapsed}"))
        return self._spinner
