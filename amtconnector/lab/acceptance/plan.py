"""Every check, in the order in which they are performed and reported."""

from __future__ import annotations

from functools import partial

from amtconnector.lab.acceptance import (
    cost,
    exit_codes,
    restarts,
    rights,
    shared_runs,
    stops,
    surroundings,
    tls,
)
from amtconnector.lab.acceptance.check import Check

CHECKS = (
    Check("version", "The program starts", exit_codes.answers),
    Check("encrypt", "Credentials are encrypted", exit_codes.encrypts),
    Check("exit-code-4", "A task ends DONE", exit_codes.done),
    Check("exit-code-12", "A task aborts", exit_codes.aborted),
    Check("exit-code-23", "The server is not there", exit_codes.unreachable, is_patient=True),
    Check("exit-code-104", "The answer to a start is cut off", exit_codes.unknown_fate),
    Check("kill-and-attach", "The connector is killed, the job restarted", restarts.killed_and_attached),
    Check("two-at-once", "The same job is started while it runs", restarts.two_at_once),
    Check("ctrl-c", "Ctrl-C", partial(stops.kills_the_task, "ctrl-c")),
    Check("ctrl-break", "Ctrl-Break", partial(stops.kills_the_task, "ctrl-break")),
    Check("terminate", "SIGTERM", partial(stops.kills_the_task, "terminate")),
    Check("told-twice", "Ctrl-C twice", stops.told_twice),
    Check("close", "The console is closed", stops.closed),
    Check("log-off", "Log-off and shutdown", stops.logged_off),
    Check("tls-private-authority", "TLS: CA_FILE of a private authority", tls.private_authority),
    Check("tls-self-signed", "TLS: a self-signed certificate", tls.self_signed),
    Check("tls-unknown", "TLS: an authority that nobody knows", tls.unknown_authority),
    Check("tls-other-authority", "TLS: CA_FILE of another authority", tls.other_authority),
    Check("tls-wrong-name", "TLS: a certificate for another name", tls.wrong_name),
    Check("tls-by-address", "TLS: by IP address", tls.by_address),
    Check("amt-check", "amt check", tls.examination),
    Check("stdout-pipe", "stdout is a pipe", partial(surroundings.letters_arrive, "pipe")),
    Check("stdout-file", "stdout is a file", partial(surroundings.letters_arrive, "file")),
    Check("stdout-null", "stdout is the null device", partial(surroundings.ends_silently, "null")),
    Check("stdout-none", "No standard handles", partial(surroundings.ends_silently, "none")),
    Check("stdout-closed", "The reader closes the pipe", surroundings.reader_gone),
    Check("rights-program", "Rights of the program's folder", rights.program_folder),
    Check("rights-configuration", "Rights of Connector.config", rights.configuration),
    Check("rights-key", "Rights of the key file", rights.key_file),
    Check("rights-exposed-key", "A key file that is open to others", rights.exposed_key),
    Check("rights-run-directory", "Rights of the run directory", rights.run_directory),
    Check("ordinary-account", "A job as an ordinary account", rights.ordinary_account),
    Check("two-machines", "Two machines share a run directory", shared_runs.two_machines),
    Check("no-smastatus", "SMAStatus is missing", surroundings.without_smastatus),
    Check("by-hand", "A run outside of OpCon", surroundings.outside_opcon),
    Check("start-up", "Time from the start to the first line", cost.start_up),
    Check("memory", "Private memory while waiting", cost.memory),
    Check("fifty-at-once", "Fifty jobs at once", cost.crowd),
)
