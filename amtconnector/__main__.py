"""Start the program: `python -m amtconnector`."""

from __future__ import annotations

from amtconnector.system import early_stop

TYPE_CHECKING = False  # typing's own takes longer to import than all that is needed to hear of a stop
if TYPE_CHECKING:
    from typing import NoReturn


def main() -> NoReturn:
    """Do what the command line asks for; being told to stop counts from the first import on."""
    early_stop.listen()
    from amtconnector.cli import main as ask_for  # takes longer than everything before it

    ask_for()


if __name__ == "__main__":
    main()
