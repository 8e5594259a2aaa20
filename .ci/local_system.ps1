<#
.SYNOPSIS
Runs one job as Local System, in session 0, without a console, as the OpCon agent does: through a scheduled task.

.DESCRIPTION
Copies the built folder below Program Files, sets the credentials as an administrator would, starts the simulator, and
runs the task. The job must end with 4, its run log must say DONE, and `amt check` must find key file, run directory and
program closed to everybody else. What was seen goes into the folder of evidence.
#>
[CmdletBinding()]
param(
    [Parameter(Mandatory)][string] $Folder,
    [Parameter(Mandatory)][string] $Python,
    [Parameter(Mandatory)][string] $Evidence
)

Set-StrictMode -Version 3
$ErrorActionPreference = 'Stop'

$TaskName = 'AMT Connector as Local System'
$Installed = Join-Path $env:ProgramFiles 'AMT Connector'
$LocalSystem = 'S-1-5-18'
$TimeoutSeconds = 120
$Done = 4

function Install-Connector([string] $address) {
    Copy-Item -Recurse -Force $Folder $Installed
    @(
        '[CONNECTOR]'
        'NAME=As Local System'
        'STATUS_CHECK_INITIAL_POLL_DELAY=1'
        'STATUS_CHECK_POLL_INTERVAL=1'
        '[AMT_BATCH_SERVER]'
        "SERVER_ADDRESS=$address"
        'SERVER_USES_TLS=False'
        'USER='
        'PASSWORD='
    ) | Set-Content -Encoding ascii (Join-Path $Installed 'Connector.config')
    Push-Location $Installed
    try {
        # The simulator's example user.
        'ocadm' | & .\Encrypt.exe --set USER -v '-'
        if ($LASTEXITCODE) { throw "Encrypt --set USER: $LASTEXITCODE" }
        'opconxps' | & .\Encrypt.exe --set PASSWORD -v '-'
        if ($LASTEXITCODE) { throw "Encrypt --set PASSWORD: $LASTEXITCODE" }
    }
    finally { Pop-Location }
}

function Start-Simulator([string] $output) {
    $process = Start-Process -PassThru -NoNewWindow -FilePath $Python `
        -ArgumentList '-u', '-m', 'amtconnector.simulator', '--port', '0' -RedirectStandardOutput $output
    foreach ($attempt in 1..60) {
        $line = Get-Content $output -ErrorAction SilentlyContinue | Select-String '^AMT simulator listening on https?://(\S+)'
        if ($line) { return $process, $line.Matches[0].Groups[1].Value }
        Start-Sleep -Milliseconds 500
    }
    throw "The simulator did not start: $(Get-Content -Raw $output)"
}

function Register-Job {
    $action = New-ScheduledTaskAction -Execute (Join-Path $Installed 'amt.exe') -WorkingDirectory $Installed `
        -Argument '-jt "START" -an "DEMO2" -jn "RUN_PARAMETERTESTA" -pa "''PARAM''"'
    $principal = New-ScheduledTaskPrincipal -UserId $LocalSystem -LogonType ServiceAccount -RunLevel Highest
    $limit = New-ScheduledTaskSettingsSet -ExecutionTimeLimit (New-TimeSpan -Seconds $TimeoutSeconds)
    Register-ScheduledTask -Force -TaskName $TaskName -Action $action -Principal $principal -Settings $limit | Out-Null
}

function Wait-ForJob {
    $notYetRun = 267011
    $seen = $null
    $deadline = (Get-Date).AddSeconds($TimeoutSeconds)
    do {
        Start-Sleep -Milliseconds 200
        $process = Get-CimInstance Win32_Process -Filter "Name = 'amt.exe'" | Select-Object -First 1
        if ($process -and -not $seen) {
            $owner = Invoke-CimMethod -InputObject $process -MethodName GetOwnerSid
            $seen = "session $($process.SessionId), account $($owner.Sid): $($process.CommandLine)"
        }
        $result = (Get-ScheduledTaskInfo -TaskName $TaskName).LastTaskResult
        $isOver = (Get-ScheduledTask -TaskName $TaskName).State -eq 'Ready' -and $result -ne $notYetRun
    } until ($isOver -or (Get-Date) -gt $deadline)
    if (-not $isOver) { throw 'The job did not end in time.' }
    return $result, $seen
}

function Test-Rights {
    Push-Location $Installed
    try { $steps = (& .\amt.exe check --no-logon --json | ConvertFrom-Json).steps }
    finally { Pop-Location }
    $steps | ConvertTo-Json -Depth 4 | Set-Content -Encoding utf8 (Join-Path $Evidence 'check.json')
    foreach ($name in 'key file', 'run directory', 'access rights') {
        $step = $steps | Where-Object step -EQ $name
        if (-not $step -or $step.verdict -ne 'ok') { throw "amt check, ${name}: $($step.text)" }
    }
}

New-Item -ItemType Directory -Force $Evidence | Out-Null
$simulator, $address = Start-Simulator (Join-Path $Evidence 'simulator.txt')
try {
    Install-Connector $address
    Register-Job
    Start-ScheduledTask -TaskName $TaskName
    $code, $seen = Wait-ForJob
    "exit code $code; $seen" | Tee-Object (Join-Path $Evidence 'local-system.txt')
    $logs = Get-ChildItem -Recurse -File (Join-Path $env:ProgramData 'AmtConnector') -Filter '*.log'
    $logs | Get-Content -Encoding utf8 | Tee-Object (Join-Path $Evidence 'run-log.txt')
    if ($code -ne $Done) { throw "The job ended with $code, not with $Done." }
    if ($seen -and $seen -notlike "session 0, account ${LocalSystem}:*") { throw "It ran elsewhere: $seen" }
    if (-not ($logs | Select-String -SimpleMatch 'Completion : DONE (4)')) { throw 'No run log says DONE.' }
    Test-Rights
}
finally {
    Unregister-ScheduledTask -TaskName $TaskName -Confirm:$false -ErrorAction SilentlyContinue
    Stop-Process -Id $simulator.Id -ErrorAction SilentlyContinue
}
