@echo off
rem build demo ^| test ^| bench ^| pack ^| clean    (the work is in eng/build.cs)
setlocal
cd /d "%~dp0"
where /q dotnet || (echo build: the .NET 10 SDK is needed: https://dotnet.microsoft.com/download/dotnet/10.0 1>&2 & exit /b 1)
set DOTNET_CLI_TELEMETRY_OPTOUT=1
set DOTNET_NOLOGO=1
dotnet run --file eng/build.cs -- %*
exit /b %ERRORLEVEL%
