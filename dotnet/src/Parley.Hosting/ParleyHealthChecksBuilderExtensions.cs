using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Parley;

/// <summary>The health of a hosted runtime.</summary>
public static class ParleyHealthChecksBuilderExtensions
{
    /// <summary>Adds the check "parley": healthy while connected, degraded while draining or reconnecting, else unhealthy.</summary>
    /// <param name="builder">The checks of the host.</param>
    public static IHealthChecksBuilder AddParley(this IHealthChecksBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.AddCheck<RuntimeHealthCheck>("parley");
    }
}

/// <summary>How the hosted runtime stands with its broker.</summary>
internal sealed class RuntimeHealthCheck(HostedRuntime hosted) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(hosted.Inner?.State switch
        {
            RuntimeState.Connected or RuntimeState.Resumed => HealthCheckResult.Healthy("Connected to the broker."),
            RuntimeState.Draining => HealthCheckResult.Degraded("Draining."),
            RuntimeState.Reconnecting => HealthCheckResult.Degraded("The connection to the broker broke; another one is sought."),
            RuntimeState.Lost => HealthCheckResult.Unhealthy("The session with the broker was lost; a new one is sought."),
            RuntimeState.Closed => HealthCheckResult.Unhealthy("The runtime was stopped."),
            _ => HealthCheckResult.Unhealthy("The runtime has not started."),
        });
}
