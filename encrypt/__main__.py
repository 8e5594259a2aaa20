"""Start the operator's Encrypt program: `amt encrypt` under its own name."""

from __future__ import annotations

import sys
from typing import NoReturn

from amtconnector.system.environment import ignore_foreign_settings


def main() -> NoReturn:
    """Run Encrypt with the arguments of this process and end with its exit code."""
    ignore_foreign_settings()
    from amtconnector.commands.click_command import run_command  # after what its libraries must not read is gone
    from amtconnector.commands.encrypt import command
    from amtconnector.system.command_line import encrypt_command

    sys.exit(run_command(command, sys.argv[1:], "Encrypt", encrypt_command("--help")))


if __name__ == "__main__":
    main()
