"""The same watch with httpx and nothing else: one client, one bare context, without httpx's own command line.

Arguments: base address, job name, seconds between two polls, and for https the file of the CA.
"""

from __future__ import annotations

import ssl
import sys
import time
from typing import Any

sys.modules["httpx._main"] = None  # type: ignore[assignment]

import httpx  # noqa: E402


def main() -> int:
    """Run the job; return its completion code."""
    base, job, interval_s, *ca_file = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca_file:
        context.load_verify_locations(cafile=ca_file[0])
    client = httpx.Client(base_url=base, headers={"Connection": "close"}, verify=context, trust_env=False)

    def call(verb: str, path: str, body: dict[str, Any] | None = None) -> Any:
        return client.request(verb, path, json=body).json()

    logon = {"UserName": "bench", "Password": "bench"}
    client.headers["X-AMT-LogonToken"] = call("POST", "/api/Logon", logon)["AmtLogonToken"]
    request_id = call("POST", "/api/OpConJobAction", {"Action": "START", "JobName": job})["BatchRequestId"]
    while (status := call("GET", f"/api/MonitorJob?BatchRequestId={request_id}")["Status"]) == 2:
        time.sleep(float(interval_s))
    for message in call("GET", f"/api/GetMessages?BatchRequestId={request_id}"):
        sys.stdout.write(f"{message}\n")
    return int(status)


sys.exit(main())
