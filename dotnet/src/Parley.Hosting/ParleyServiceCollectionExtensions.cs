using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Parley;

/// <summary>Parley in the generic host.</summary>
public static class ParleyServiceCollectionExtensions
{
    /// <summary>The section of the configuration that is bound to <see cref="DistributedRuntimeOptions"/>.</summary>
    public const string SectionName = "Parley";

    /// <summary>
    /// Runs a <see cref="DistributedRuntime"/> with the host: connected and started when the host starts, drained when it stops. If the
    /// connection is lost the host stops, as for any background service that fails. Inject <see cref="IAgentRuntime"/> to call and publish.
    /// </summary>
    /// <param name="services">The services of the host.</param>
    /// <param name="configure">Changes settings after the section "Parley" was read; all are validated when the host starts.</param>
    public static IParleyBuilder AddParley(this IServiceCollection services, Action<DistributedRuntimeOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddOptions<DistributedRuntimeOptions>()
            .BindConfiguration(SectionName)
            .Configure<ILoggerFactory>(static (options, loggers) => options.LoggerFactory = loggers)
            .ValidateOnStart();
        if (configure is not null)
        {
            services.Configure(configure);
        }

        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<DistributedRuntimeOptions>, OptionsValidator>());
        services.TryAddSingleton<HostedRuntime>();
        services.TryAddSingleton<IAgentRuntime>(static provider => provider.GetRequiredService<HostedRuntime>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, RuntimeService>());
        return new Builder(services);
    }

    private sealed record Builder(IServiceCollection Services) : IParleyBuilder;

    private sealed class OptionsValidator : IValidateOptions<DistributedRuntimeOptions>
    {
        public ValidateOptionsResult Validate(string? name, DistributedRuntimeOptions options) =>
            options.Problem() is { } problem ? ValidateOptionsResult.Fail($"{SectionName}: {problem}") : ValidateOptionsResult.Success;
    }
}
