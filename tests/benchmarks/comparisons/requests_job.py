"""The benchmark's job with requests, as a script that somebody writes in an afternoon.

Arguments: base address, job name, and for https the file of the CA.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import requests


def main() -> int:
    """Run the job; return its completion code."""
    base, job, *ca_file = sys.argv[1:]
    session = requests.Session()
    trusted = ca_file[0] if ca_file else True

    def call(verb: str, path: str, body: dict[str, Any] | None = None) -> Any:
        return session.request(verb, f"{base}{path}", json=body, timeout=60, verify=trusted).json()

    logon = {"UserName": "bench", "Password": "bench"}
    session.headers["X-AMT-LogonToken"] = call("POST", "/api/Logon", logon)["AmtLogonToken"]
    request_id = call("POST", "/api/OpConJobAction", {"Action": "START", "JobName": job})["BatchRequestId"]
    while (status := call("GET", f"/api/MonitorJob?BatchRequestId={request_id}")["Status"]) == 2:
        time.sleep(0.1)
    for message in call("GET", f"/api/GetMessages?BatchRequestId={request_id}"):
        sys.stdout.write(f"{message}\n")
    return int(status)


sys.exit(main())
