# A .NET program that was published before, see scripts/images. The context is the repository.
#
#   BASE   has the .NET 10 runtime
#   NAME   the folder in build/images with what was published
#   DLL    its program
ARG BASE=mcr.microsoft.com/dotnet/runtime:10.0
FROM ${BASE}
ARG NAME
ARG DLL
RUN useradd --uid 10001 --create-home parley
COPY build/images/${NAME} /app
ENV DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 DLL=/app/${DLL}
USER parley
HEALTHCHECK NONE
ENTRYPOINT ["sh", "-c", "exec dotnet \"$DLL\""]
