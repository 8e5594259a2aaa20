#!/bin/bash
# The benchmark's job with curl and jq, as an administrator writes it.
# Arguments: base address, job name, and for https the file of the CA.
set -euo pipefail
base=$1 job=$2 ca=${3:+--cacert $3} token=
call() { curl -sf $ca -H 'Content-Type: application/json' -H "X-AMT-LogonToken: $token" "$@"; }

token=$(call -d '{"UserName":"bench","Password":"bench"}' "$base/api/Logon" | jq -r .AmtLogonToken)
id=$(jq -n --arg job "$job" '{Action: "START", JobName: $job}' | call -d @- "$base/api/OpConJobAction" | jq -r .BatchRequestId)
while status=$(call "$base/api/MonitorJob?BatchRequestId=$id" | jq -r .Status); [ "$status" = 2 ]; do sleep 0.1; done
call "$base/api/GetMessages?BatchRequestId=$id" | jq -r '.[]'
exit "$status"
