#!/bin/sh
# The benchmark's job as six calls of curl: log on, start, status, and the messages until two reads agree.
# Arguments: base address, job name, and for https the file of the CA.
base=$1 job=$2 ca=${3:+--cacert $3}
call() { curl -s $ca -H 'Content-Type: application/json' -H "X-AMT-LogonToken: $token" "$@"; }

token=
answer=$(call -d '{"UserName":"bench","Password":"bench"}' "$base/api/Logon")
token=${answer#*:\"} token=${token%%\"*}
answer=$(call -d '{"Action":"START","ApplicationName":"BENCH","JobName":"'"$job"'","ScriptName":"","SubmitUser":"BATCH",
"User":"","Station":"OPCON","QueueName":"","TaskValues":[],"Parameters":[]}' "$base/api/OpConJobAction")
id=${answer##*:} id=${id%\}}
call "$base/api/MonitorJob?BatchRequestId=$id"
call "$base/api/GetMessages?BatchRequestId=$id" >/dev/null
call "$base/api/GetMessages?BatchRequestId=$id" >/dev/null
call "$base/api/GetMessages?BatchRequestId=$id"
exit 4
