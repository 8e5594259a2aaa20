// The benchmark's job with Node's own fetch. Arguments: base address and job name; a CA comes by NODE_EXTRA_CA_CERTS.
const [base, job] = process.argv.slice(2);
const headers = { "Content-Type": "application/json" };

async function call(path, body) {
  const answer = await fetch(base + path, body ? { method: "POST", headers, body: JSON.stringify(body) } : { headers });
  return answer.json();
}

headers["X-AMT-LogonToken"] = (await call("/api/Logon", { UserName: "bench", Password: "bench" })).AmtLogonToken;
const id = (await call("/api/OpConJobAction", { Action: "START", JobName: job })).BatchRequestId;
let status;
while ((status = (await call(`/api/MonitorJob?BatchRequestId=${id}`)).Status) === 2) {
  await new Promise((resolve) => setTimeout(resolve, 100));
}
process.stdout.write((await call(`/api/GetMessages?BatchRequestId=${id}`)).join("\n") + "\n", () => process.exit(status));
