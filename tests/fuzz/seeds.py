"""Examples of what each reader reads: the good forms, and those that have once made trouble."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from amtconnector.records.record import RunKey, RunRecord, RunState
from amtconnector.records.record_format import dumped

_ROOT = Path(__file__).parents[2]
_NOW = datetime(2026, 11, 27, 1, 2, 3, 456789, tzinfo=UTC)

STATUSES = (
    b'{"Status": 4}',
    b'{"BatchRequestId": 2112, "Status": "DONE", "CompletionCode": 0}',
    b'{"status": "RUNNING", "State": 2}',
    b'{"JobStatus": "4", "Message": "Done"}',
    b'"ABORTED"',
    b"12",
    b'"{\\"Status\\": 4}"',
    b'[{"BatchRequestId": 2112, "Status": 11}]',
    b'{"title": "Not Found", "status": 404, "errors": {"a": ["b"]}}',
    b"<html><title>Sign in</title></html>",
    b'<?xml version="1.0"?><a><Status>4</Status></a>',
    b'{"Status": 4, "Status": 12}',
    b'{"\\q": 1}',
    b"{" + b" " * 100,
)
STARTS = (
    b'{"BatchRequestId": 2112}',
    b"2112",
    b'"2112"',
    b'{"batchrequestid": "A-2112", "Status": "RUNNING"}',
    b'{"BatchRequestId": 0, "Status": "INVALID AMT USER", "Message": "no such user"}',
    b'{"BatchRequestId": -1}',
    b'{"BatchRequestId": 2112, "BatchRequestId": 2113}',
    b'{"ErrorCode": 5, "error": "invalid_grant"}',
    b"",
)
LOGONS = (
    b'{"AmtLogonToken": "abcdefgh01234567"}',
    b'"abcdefgh01234567"',
    b'{"AmtLogonToken": "", "Message": "invalid password"}',
    b'{"success": false, "errors": ["account is locked"]}',
    b'{"AmtLogonToken": null}',
    b'{"AmtLogonToken": "a", "amtlogontoken": "b"}',
)
MESSAGES = (
    b'["Started", "caf\\u00e9 \\u2603", "lone \\ud800", "", "two\\nlines", "Done"]',
    b'[{"Message": "Started"}, {"Text": "Done"}, null]',
    b'{"Messages": ["a", "b"], "Total": 2}',
    b'{"Messages": null}',
    b'"[\\"a\\", \\"b\\"]"',
    b"null",
    b"",
    b'["a", "b\\q", 1, {"x": [1, {"y": "z"}]}, "c"]',
    '["ä☃😀"]'.encode(),
    b'{"a": {"b": ["x"]}, "Messages": [{"Message": "one", "At": "2026-11-27"}]}',
    b"{" + b" " * 100,
)
HTTP = (
    b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n{"Status": 4}',
    b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n["a",\r\n4;x=y\r\n"b"]\r\n0\r\n\r\n',
    b"HTTP/1.0 200 OK\nServer: IIS\n\n2112",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 Busy\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\nSet-Cookie: a=b; path=/\r\nX: y\r\n z\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 4, 4\r\n\r\n2112",
    b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 2\r\n\r\n2112",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\nContent-Length: 4\r\n\r\n2112",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\n\r\n\x1f\x8b",
    b"\x15\x03\x03\x00\x02\x02\x46",
)
_RECORD = RunRecord(
    key=RunKey("20261123", "Nightly", "End of day", "amt:443", "DEMO2", "RUN"),
    run_id="20261127-0123456789",
    state=RunState.INTENDED,
    created_at=_NOW,
    intended_at=_NOW,
    parameters=("/R:2103", "é"),
)
RECORDS = (
    dumped(_RECORD),
    dumped(_RECORD._replace(state=RunState.SUBMITTED, request_id="2112", submitted_at=_NOW)),
    dumped(_RECORD._replace(state=RunState.FINISHED, request_id="2112", finished_at=_NOW, exit_code=4, status="DONE")),
    dumped(_RECORD._replace(state=RunState.NOT_STARTED)),
)
_CONFIGURATION = b"""\
[CONNECTOR]
DEBUG=ON
RUN_DIRECTORY=runs
STATUS_CHECK_POLL_INTERVAL=5

[AMT_BATCH_SERVER]
SERVER_ADDRESS=amt.example:443
SERVER_USES_TLS=True
USER=gAAAAA
PASSWORD=gAAAAA
"""
CONFIGURATIONS = (
    _CONFIGURATION,
    b"\xef\xbb\xbf[AMT_BATCH_SERVER]\r\nSERVER_ADDRESS : [::1]:8080\r\nUSER = a\r\nPASSWORD = b%c\r\n; x\r\n\x1a",
    (_ROOT / "Connector.config.example").read_bytes(),
)
PROFILES = (
    b'prefix = "/Amt"\n[token]\nheader = "Authorization"\nvalue = "Bearer {token}"\n',
    *(path.read_bytes() for path in sorted((_ROOT / "tests" / "support" / "profiles").glob("*.toml"))),
)
MASKS = (
    b"Konto ##########\nDE##*\n\\#42\n; a comment\n---\nKonto 0123456789 of DE12345 and #42\n",
    b"a*b*c\n*x\nx*\n---\naXbYc aaa abc x xx yxz",
    b"###\n---\n1 22 333 4444 55555",
    b"a*a*a*a*b\n---\n" + b"a" * 200,
)
RETRY_AFTER = (b"5", b"0", b"Fri, 27 Nov 2026 01:02:03 GMT", b"Friday, 27-Nov-26 01:02:03 GMT", b"-1", b"1e9", b" 12 ")

_HAR = rb"""{"log": {"version": "1.2", "entries": [{
"startedDateTime": "2026-11-27T01:02:03.000Z",
"request": {"method": "POST", "url": "http://amt:80/api/Logon?x=1", "headers": [{"name": "A", "value": "b"}],
"queryString": [], "cookies": [], "postData": {"mimeType": "application/json", "text": "{\"UserName\": \"u\"}"}},
"response": {"status": 200, "headers": [{"name": "Content-Type", "value": "application/json"}], "cookies": [],
"content": {"size": 2, "mimeType": "application/json", "text": "e30=", "encoding": "base64"}}}]}}
"""
HARS = (_HAR, b'{"log": {"entries": []}}')
