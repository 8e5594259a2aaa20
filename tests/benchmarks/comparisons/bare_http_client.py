"""The same watch with http.client and nothing else: what a poll costs at the least in Python.

Arguments: base address, job name, seconds between two polls, and for https the file of the CA.
"""

from __future__ import annotations

import http.client
import json
import ssl
import sys
import time
from typing import Any
from urllib.parse import urlsplit


def main() -> int:
    """Run the job; return its completion code."""
    base, job, interval_s, *ca_file = sys.argv[1:]
    address = urlsplit(base)
    context = ssl.create_default_context(cafile=ca_file[0]) if ca_file else None
    headers = {"Connection": "close"}

    def call(verb: str, path: str, body: dict[str, Any] | None = None) -> Any:
        connection: http.client.HTTPConnection
        if context:
            connection = http.client.HTTPSConnection(address.hostname or "", address.port, context=context)
        else:
            connection = http.client.HTTPConnection(address.hostname or "", address.port)
        connection.request(verb, path, json.dumps(body) if body else None, headers)
        answer = json.loads(connection.getresponse().read())
        connection.close()
        return answer

    logon = {"UserName": "bench", "Password": "bench"}
    headers["X-AMT-LogonToken"] = call("POST", "/api/Logon", logon)["AmtLogonToken"]
    request_id = call("POST", "/api/OpConJobAction", {"Action": "START", "JobName": job})["BatchRequestId"]
    while (status := call("GET", f"/api/MonitorJob?BatchRequestId={request_id}")["Status"]) == 2:
        time.sleep(float(interval_s))
    for message in call("GET", f"/api/GetMessages?BatchRequestId={request_id}"):
        sys.stdout.write(f"{message}\n")
    return int(status)


sys.exit(main())
