"""A client for each of the servers in `tests/support/servers`, written out call by call: what each wire looks like."""

# ruff: noqa: D101, D102 - each class is one server of the README, its methods are those of Client

from __future__ import annotations

import html
import json
import time
from typing import Any
from xml.etree import ElementTree as ET

import httpx

USER, PASSWORD = "ocadm", "opconxps"
ORDER = {"ApplicationName": "A", "ScriptName": "", "SubmitUser": "BATCH", "User": "", "Station": "OPCON"}


class Refused(Exception):
    """The server said no: HTTP status and its words."""

    def __init__(self, answer: httpx.Response, words: object) -> None:
        super().__init__(words)
        self.status = answer.status_code
        self.words = str(words)


class Client:
    """The documented wire; a server that differs overrides what differs. `http` carries what every call needs."""

    headers: dict[str, str] = {}  # noqa: RUF012 - a constant

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=10, headers=self.headers)
        self.token = ""

    def close(self) -> None:
        """Close its connections."""
        self.http.close()

    def call(self, method: str, path: str, **sent: Any) -> Any:
        """Send one request and return what it answers."""
        answer = self.http.request(method, path, **sent)
        value = self.read(answer)
        if answer.is_error or self.is_refusal(value):
            raise Refused(answer, value)
        return value

    def read(self, answer: httpx.Response) -> Any:
        """Read an answer's body."""
        return answer.json() if answer.content else None

    def is_refusal(self, value: Any) -> bool:  # noqa: ARG002 - for those whose refusals are 200
        """Say whether an answer with a good status is a refusal."""
        return False

    def log_on(self, user: str = USER, password: str = PASSWORD) -> None:
        """Get a token and carry it from then on."""
        self.token = self.call("POST", "/api/Logon", json={"UserName": user, "Password": password})["AmtLogonToken"]
        self.http.headers["X-AMT-LogonToken"] = self.token

    def start(self, job: str, values: list[str], parameters: list[str]) -> Any:
        """Start a job; return its request id."""
        order = {**ORDER, "JobName": job, "QueueName": "", "TaskValues": values, "Parameters": parameters}
        return self.call("POST", "/api/OpConJobAction", json={"Action": "START", **order})["BatchRequestId"]

    def kill(self, number: Any) -> None:
        """Kill a task."""
        self.call("POST", "/api/OpConJobAction", json={"Action": "KILL", "BatchRequestId": number})

    def status(self, number: Any) -> Any:
        """Return a task's status as the server words it."""
        return self.call("GET", "/api/MonitorJob", params={"BatchRequestId": number})["Status"]

    def messages(self, number: Any) -> Any:
        """Return a task's messages."""
        return self.call("GET", "/api/GetMessages", params={"BatchRequestId": number})

    def log_off(self) -> None:
        """End the session, where the server has a call for it."""


class Rest(Client):
    headers = {"X-Api-Version": "2"}  # noqa: RUF012

    def log_on(self, user: str = USER, password: str = PASSWORD) -> None:
        body = {"userName": user, "password": password}
        token = self.call("POST", "/amtopcon/v2/sessions", json=body)["amtLogonToken"]
        self.http.headers["Authorization"] = f"Bearer {token}"

    def start(self, job: str, values: list[str], parameters: list[str]) -> Any:
        body = {"jobName": job, "scriptFile": "", "submitUser": "BATCH", "runAs": "", "station": "OPCON", "queue": "",
                "taskValues": values, "scriptParameters": parameters}  # fmt: skip
        answer = self.http.post("/amtopcon/v2/applications/A/requests", json=body)
        if answer.status_code != 201:
            raise Refused(answer, answer.json())
        number = answer.json()["batchRequestId"]
        assert answer.headers["location"] == f"/amtopcon/v2/requests/{number}"
        return number

    def kill(self, number: Any) -> None:
        assert self.http.delete(f"/amtopcon/v2/requests/{number}").status_code == 204

    def status(self, number: Any) -> Any:
        return self.call("GET", f"/amtopcon/v2/requests/{number}")["status"]

    def messages(self, number: Any) -> Any:
        return self.call("GET", f"/amtopcon/v2/requests/{number}/messages")

    def log_off(self) -> None:
        assert self.http.delete("/amtopcon/v2/sessions/current").status_code == 204


class Function(Client):
    def run(self, function: str, **members: Any) -> Any:
        token = {"AmtLogonToken": self.token} if self.token else {}
        body = {"Function": function, **token, **members}
        return self.call("POST", "/AmtOpConService/Execute", json=body)["data"]["result"]

    def is_refusal(self, value: Any) -> bool:
        return value["success"] is False

    def log_on(self, user: str = USER, password: str = PASSWORD) -> None:
        self.token = self.run("Logon", UserName=user, Password=password)["AmtLogonToken"]
        self.http.headers["X-AMT-LogonToken"] = self.token

    def start(self, job: str, values: list[str], parameters: list[str]) -> Any:
        order = {**ORDER, "JobName": job, "QueueName": "", "TaskValues": values, "Parameters": parameters}
        return self.run("StartJob", **order)["BatchRequestId"]

    def kill(self, number: Any) -> None:
        self.run("KillJob", RequestId=number)

    def status(self, number: Any) -> Any:
        return self.run("GetJobStatus", RequestId=number)["Status"]

    def messages(self, number: Any) -> Any:
        return self.run("GetJobMessages", RequestId=number)["Messages"]


class Query(Client):
    def get(self, path: str, **query: Any) -> Any:
        token = {"token": self.token} if self.token else {}
        return self.call("GET", f"/amt/{path}", params={**query, **token})

    def log_on(self, user: str = USER, password: str = PASSWORD) -> None:
        self.token = self.get("logon", usr=user, pwd=password)

    def start(self, job: str, values: list[str], parameters: list[str]) -> Any:
        return self.get("start", appl="A", job=job, file="", submituser="BATCH", runas="", station="OPCON", queue="",
                        tv="|".join(values), par="|".join(parameters))  # fmt: skip

    def kill(self, number: Any) -> None:
        self.get("kill", id=number)

    def status(self, number: Any) -> Any:
        return self.get("status", id=number)

    def messages(self, number: Any) -> Any:
        return self.get("log", id=number).split("\n")


class Form(Client):
    def log_on(self, user: str = USER, password: str = PASSWORD) -> None:
        form = {"grant_type": "password", "username": user, "password": password}
        token = self.call("POST", "/opcon/token", data=form)["AmtLogonToken"]
        self.http.headers["Authorization"] = f"Bearer {token}"

    def start(self, job: str, values: list[str], parameters: list[str]) -> Any:
        form = {**ORDER, "JobName": job, "QueueName": "", "TaskValue": values, "Parameter": parameters}
        return self.call("POST", "/opcon/job/start", data=form)["BatchRequestId"]

    def kill(self, number: Any) -> None:
        self.call("POST", "/opcon/job/kill", data={"BatchRequestId": number})

    def status(self, number: Any) -> Any:
        return self.call("POST", "/opcon/job/status", data={"BatchRequestId": number})["Status"]

    def messages(self, number: Any) -> Any:
        return [entry["Text"] for entry in self.call("POST", "/opcon/job/messages", data={"BatchRequestId": number})]


class Basic(Client):
    def log_on(self, user: str = USER, password: str = PASSWORD) -> None:
        token = self.call("POST", "/api/Session", auth=(user, password))["AmtLogonToken"]
        self.http.headers["X-AMT-LogonToken"] = token

    def start(self, job: str, values: list[str], parameters: list[str]) -> Any:
        lists = {f"TaskValue{n}": value for n, value in enumerate(values, 1)}
        lists |= {f"Parameter{n}": value for n, value in enumerate(parameters, 1)}
        given = {name: value for name, value in ORDER.items() if value}
        body = {"Action": "START", **given, "JobName": job, **lists}
        return self.call("POST", "/api/OpConJobAction", json=body)["BatchRequestId"]

    def status(self, number: Any) -> Any:
        return self.call("GET", "/api/MonitorJob", params={"BatchRequestId": number})["JobState"]

    def messages(self, number: Any) -> Any:
        sent = {"params": {"BatchRequestId": number}, "headers": {"Accept": "text/plain"}}
        answer = self.http.get("/api/GetMessages", **sent)  # type: ignore[arg-type]  # a table
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        return answer.text.split("\n")


class Cookie(Client):
    def log_on(self, user: str = USER, password: str = PASSWORD) -> None:
        self.call("POST", "/web/login", json={"UserName": user, "Password": password})
        self.http.headers["X-XSRF-TOKEN"] = self.http.cookies["XSRF-TOKEN"]

    def start(self, job: str, values: list[str], parameters: list[str]) -> Any:
        order = {**ORDER, "JobName": job, "QueueName": "", "TaskValues": values, "Parameters": parameters}
        return self.call("POST", "/web/jobs/start", json=order)["BatchRequestId"]

    def kill(self, number: Any) -> None:
        self.call("POST", "/web/jobs/kill", json={"BatchRequestId": number})

    def status(self, number: Any) -> Any:
        return self.call("GET", f"/web/jobs/{number}")["job"]["state"]["text"]

    def messages(self, number: Any) -> Any:
        lines = self.call("GET", f"/web/jobs/{number}/log")["job"]["log"]["lines"]
        return [html.unescape(line) for line in lines]


class Wrapped(Client):
    def run(self, operation: str, body: dict[str, Any]) -> Any:
        return self.call("POST", f"/AmtOpConService.svc/{operation}", json=body)[f"{operation}Result"]

    def is_refusal(self, value: Any) -> bool:
        [result] = value.values()
        return isinstance(result, dict) and result.get("ErrorCode", 0) != 0

    def log_on(self, user: str = USER, password: str = PASSWORD) -> None:
        self.token = self.run("Logon", {"credentials": {"user": user, "password": password}})["AmtLogonToken"]
        self.http.headers["X-AMT-LogonToken"] = self.token

    def start(self, job: str, values: list[str], parameters: list[str]) -> Any:
        request = {"Application": "A", "Job": job, "Script": "", "SubmitUser": "BATCH", "RunAs": "", "Station": "OPCON",
                   "Queue": "", "Values": _pairs("TV", values), "Parameters": _pairs("P", parameters)}  # fmt: skip
        return self.run("StartJob", {"request": request})["BatchRequestId"]

    def kill(self, number: Any) -> None:
        self.run("KillJob", {"request": {"BatchRequestId": number}})

    def status(self, number: Any) -> Any:
        return self.run("GetStatus", {"request": {"BatchRequestId": number}})["Status"]

    def messages(self, number: Any) -> Any:
        return self.run("GetMessages", {"request": {"BatchRequestId": number}})["Lines"]


class JobList(Client):
    def log_on(self, user: str = USER, password: str = PASSWORD) -> None:
        token = self.call("PUT", "/api/Logon", json={"UserName": user, "Password": password})["AmtLogonToken"]
        self.http.headers["X-AMT-LogonToken"] = token

    def start(self, job: str, values: list[str], parameters: list[str]) -> Any:
        order = {**ORDER, "JobName": job, "QueueName": None, "ScriptName": None, "User": None}
        lists = {"TaskValues": values or None, "Parameters": parameters or None}
        return self.call("PUT", "/api/Jobs", json={**order, **lists})["Job"]["Id"]

    def kill(self, number: Any) -> None:
        self.call("POST", f"/api/Jobs/{number}/kill")

    def status(self, number: Any) -> Any:
        jobs = self.call("GET", "/api/Jobs", params={"scope": "all"})["Jobs"]
        return next(job["State"] for job in jobs if job["Id"] == number)

    def messages(self, number: Any) -> Any:
        return self.call("GET", f"/api/Jobs/{number}/messages")


class Pages(Client):
    headers = {"Accept": "application/vnd.amt.v1+json"}  # noqa: RUF012

    def start(self, job: str, values: list[str], parameters: list[str]) -> Any:
        words = {"ScriptName": "none", "User": "default", "QueueName": "default"}
        order = {**ORDER, **words, "JobName": job, "TaskValues": values, "Parameters": parameters}
        return self.call("POST", "/api/OpConJobAction", json={"Action": "START", **order})["BatchRequestId"]

    def messages(self, number: Any) -> Any:
        texts: list[str] = []
        page: int | None = 1
        while page is not None:
            answer = self.call("GET", f"/api/jobs/{number}/messages", params={"page": page})
            texts += [item["MessageText"] for item in answer["Items"]]
            page = answer["Page"]["Next"]
        return texts


class Double(Client):
    def read(self, answer: httpx.Response) -> Any:
        return json.loads(answer.json()) if answer.is_success else answer.json()

    def log_on(self, user: str = USER, password: str = PASSWORD) -> None:
        token = self.call("POST", "/OpCon/Logon", json={"UserName": user, "Password": password})["amtLogonToken"]
        self.http.headers["X-AMT-LogonToken"] = token

    def start(self, job: str, values: list[str], parameters: list[str]) -> Any:
        order = {**ORDER, "JobName": job, "QueueName": "", "TaskValues": values, "Parameters": parameters}
        return self.call("POST", "/OpCon/JobAction", json={"jobAction": "START", **order})["batchRequestId"]

    def kill(self, number: Any) -> None:
        self.call("POST", "/OpCon/JobAction", json={"jobAction": "KILL", "BatchRequestId": number})

    def status(self, number: Any) -> Any:
        return self.call("POST", "/OpCon/JobStatus", json={"BatchRequestId": number})["status"]

    def messages(self, number: Any) -> Any:
        found = self.call("POST", "/OpCon/JobMessages", json={"BatchRequestId": number})["messages"]
        return [entry["message"] for entry in found]


class Xml(Client):
    headers = {"Accept": "application/xml"}  # noqa: RUF012

    def read(self, answer: httpx.Response) -> Any:
        root = ET.fromstring(answer.text)  # noqa: S314 - our own server's
        return {child.tag: child.text for child in root} if root.tag != "ArrayOfString" else [c.text for c in root]

    def run(self, operation: str, method: str = "POST", **query: Any) -> Any:
        return self.call(method, f"/amt.asmx/{operation}", params=query)

    def log_on(self, user: str = USER, password: str = PASSWORD) -> None:
        self.http.headers["X-AMT-LogonToken"] = self.run("Logon", UserName=user, Password=password)["AmtLogonToken"]

    def start(self, job: str, values: list[str], parameters: list[str]) -> Any:
        lists = {"TaskValues": ";".join(values), "Parameters": ";".join(parameters)}
        return self.run("StartJob", **ORDER, JobName=job, QueueName="", **lists)["BatchRequestId"]

    def kill(self, number: Any) -> None:
        self.run("KillJob", BatchRequestId=number)

    def status(self, number: Any) -> Any:
        return self.run("JobStatus", "GET", BatchRequestId=number)["Status"]

    def messages(self, number: Any) -> Any:
        return self.run("JobMessages", "GET", BatchRequestId=number)


class Plugin(Client):
    def start(self, job: str, values: list[str], parameters: list[str]) -> Any:
        self.task = {"uniqueId": f"run-{time.monotonic_ns()}", "application": "A", "job": job, "queue": ""}
        more = {"submitted": "2026-05-18T14:00:14.239+02:00", "script": "", "submitUser": "BATCH", "runAs": ""}
        lists = {"values": values, "parameters": " ".join(parameters)}
        body = {**self.task, **more, "station": "OPCON", **lists}
        return self.call("POST", "/api/task/submit", json=body)["BatchRequestId"]

    def kill(self, number: Any) -> None:
        self.call("POST", "/api/task/kill", json={"id": number, **self.task})

    def status(self, number: Any) -> Any:
        return self.call("POST", "/api/task/status", json={"id": number, **self.task})["Status"]

    def messages(self, number: Any) -> Any:
        return self.call("POST", "/api/task/messages", json={"id": number, **self.task})["Log"].split("\n")


class Sessions(Client):
    headers = {"X-Client": "OpCon", "Accept": "application/json"}  # noqa: RUF012

    def log_on(self, user: str = USER, password: str = PASSWORD) -> None:
        token = self.call("POST", "/api/Logon", json={"UserName": user, "Password": password})["AmtLogonToken"]
        self.http.headers["Authorization"] = f"AMT {token}"
        self.http.params = httpx.QueryParams(sid=token)

    def log_off(self) -> None:
        assert self.http.post("/api/Logoff").status_code == 204


class Cursor(Client):
    def run(self, command: str, task: dict[str, Any], **more: Any) -> Any:
        return self.call("POST", "/svc/opcon", params={"cmd": command}, json={"task": task, **more})

    def start(self, job: str, values: list[str], parameters: list[str]) -> Any:
        task = {"type": "BATCH", "name": f"A/{job}", "script": "", "by": "BATCH@OPCON", "runAs": "", "queue": "",
                "args": {"values": values, "parameters": parameters}}  # fmt: skip
        return self.run("submit", task)["Request"]

    def kill(self, number: Any) -> None:
        self.run("kill", {"id": str(number)})

    def status(self, number: Any) -> Any:
        return self.run("state", {"id": str(number)})["task"]["state"]

    def messages(self, number: Any) -> Any:
        texts: list[str] = []
        has_more, after = True, 0
        while has_more:
            answer = self.run("log", {"id": str(number)}, after=after)
            texts += [entry["text"] for entry in answer["log"]]
            has_more, after = answer["more"], answer["last"]
        return texts


class Links(Client):
    def log_on(self, user: str = USER, password: str = PASSWORD) -> None:
        form = {"grant_type": "password", "username": user, "password": password}
        self.token = self.call("POST", "/connect/token", data=form)["access_token"]
        self.http.headers["Authorization"] = f"Bearer {self.token}"

    def start(self, job: str, values: list[str], parameters: list[str]) -> Any:
        numbered = [{"no": str(n), "value": value} for n, value in enumerate(values, 1)]
        body = {"application": "A", "job": job, "script": "", "submitUser": "BATCH", "runAs": "", "station": "OPCON",
                "queue": "", "values": numbered, "parameters": parameters}  # fmt: skip
        answer = self.http.post("/v1/runs", json=body)
        if answer.is_error:
            raise Refused(answer, answer.json())
        return answer.headers["Location"].removesuffix("/state").removeprefix("/v1/runs/")

    def kill(self, number: Any) -> None:
        assert self.http.delete(f"/v1/runs/{number}").status_code == 204

    def status(self, number: Any) -> Any:
        return self.call("GET", f"/v1/runs/{number}/state")["Status"]

    def messages(self, number: Any) -> Any:
        texts: list[str] = []
        following: str | None = f"/v1/runs/{number}/messages?page=1&per_page=2"
        while following:
            answer = self.http.get(following)
            texts += [entry["Message"] for entry in answer.json()]
            following = answer.links.get("next", {}).get("url")
        return texts


class OData(Client):
    headers = {"OData-Version": "4.0"}  # noqa: RUF012

    def log_on(self, user: str = USER, password: str = PASSWORD) -> None:
        answer = self.http.post("/odata/Sessions", json={"UserName": user, "Secret": password})
        if answer.is_error:
            raise Refused(answer, answer.json())
        self.token = self.http.headers["X-Session-Token"] = answer.headers["X-Session-Token"]

    def start(self, job: str, values: list[str], parameters: list[str]) -> Any:
        body = {"@odata.type": "#Amt.BatchRequest", "Application": "A", "Job": job, "Script": "", "SubmitUser": "BATCH",
                "RunAs": "", "Station": "OPCON", "Queue": "", "Values": values, "Arguments": parameters}  # fmt: skip
        answer = self.http.post("/odata/BatchRequests", json=body)
        if answer.is_error:
            raise Refused(answer, answer.json())
        return answer.headers["Location"].partition("(")[2].rstrip(")")

    def kill(self, number: Any) -> None:
        assert self.http.post(f"/odata/BatchRequests({number})/Amt.Kill", json={}).status_code == 204

    def status(self, number: Any) -> Any:
        return self.call("GET", f"/odata/BatchRequests({number})?$select=Id,State")["State"]["Phase"]

    def messages(self, number: Any) -> Any:
        texts: list[str] = []
        following: str | None = f"/odata/BatchRequests({number})/Messages?$skiptoken=0"
        while following:
            answer = self.call("GET", following)
            texts += [entry["Line"] for entry in answer["value"]]
            following = answer["@odata.nextLink"]
        return texts[::-1]


class Text(Client):
    def read(self, answer: httpx.Response) -> Any:
        return answer.text

    def is_refusal(self, value: Any) -> bool:
        return "ERR " in value

    def log_on(self, user: str = USER, password: str = PASSWORD) -> None:
        self.token = self.call("GET", "/amt/Logon", params={"usr": user, "pwd": password, "fmt": "{text}"})
        self.http.params = httpx.QueryParams(tok=self.token)

    def start(self, job: str, values: list[str], parameters: list[str]) -> Any:
        order = {"app": "A", "job": job, "file": "", "submit": "BATCH", "user": "", "station": "OPCON", "queue": ""}
        query = {**order, "tv": values, "pa": parameters}
        return self.call("GET", "/amt/Start", params=query).split()[2]

    def kill(self, number: Any) -> None:
        assert self.call("GET", "/amt/Kill", params={"id": number}) == "OK"

    def status(self, number: Any) -> Any:
        return self.call("GET", "/amt/Status", params={"id": number})

    def messages(self, number: Any) -> Any:
        return self.call("GET", "/amt/Messages", params={"id": number}).split("\n")


def _pairs(name: str, values: list[str]) -> list[dict[str, str]]:
    return [{"Name": f"{name}{n}", "Value": value} for n, value in enumerate(values, 1)]
