<#
.SYNOPSIS
Signs programs where a certificate is configured: SIGNING_CERTIFICATE (PKCS#12, base64) and SIGNING_PASSWORD.

.DESCRIPTION
Without a certificate it says so and leaves the programs as they are. The signature carries a time stamp, so that it
outlives the certificate.
#>
[CmdletBinding()]
param([Parameter(Mandatory, ValueFromRemainingArguments)][string[]] $Program)

Set-StrictMode -Version 3
$ErrorActionPreference = 'Stop'

if (-not $env:SIGNING_CERTIFICATE) {
    Write-Output '::warning::No SIGNING_CERTIFICATE is configured: the programs stay unsigned.'
    exit 0
}
$certificate = [Security.Cryptography.X509Certificates.X509Certificate2]::new(
    [Convert]::FromBase64String($env:SIGNING_CERTIFICATE),
    $env:SIGNING_PASSWORD)
foreach ($path in $Program) {
    $signature = Set-AuthenticodeSignature -FilePath $path -Certificate $certificate -HashAlgorithm SHA256 `
        -IncludeChain NotRoot -TimestampServer 'http://timestamp.digicert.com'
    if ($signature.Status -ne 'Valid') { throw "${path}: $($signature.StatusMessage)" }
    Write-Output "${path}: signed by $($certificate.Subject)"
}
