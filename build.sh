#!/usr/bin/env bash
# ./build.sh demo | test | bench | pack | clean    (the work is in eng/build.cs)
set -eu
cd "$(dirname "$0")"
command -v dotnet >/dev/null || { echo "build: the .NET 10 SDK is needed: https://dotnet.microsoft.com/download/dotnet/10.0" >&2; exit 1; }
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
exec dotnet run --file eng/build.cs -- "$@"
