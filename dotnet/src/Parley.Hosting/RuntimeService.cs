using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Parley;

/// <summary>Runs the runtime as long as the host runs.</summary>
internal sealed class RuntimeService(
    HostedRuntime hosted, IOptions<DistributedRuntimeOptions> options, IEnumerable<RuntimeSetup> setups, IServiceProvider provider) : BackgroundService
{
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        var runtime = await DistributedRuntime.CreateAsync(options.Value, cancellationToken).ConfigureAwait(false);
        hosted.Inner = runtime;
        foreach (var setup in setups)
        {
            await setup.RunAsync(provider, runtime).ConfigureAwait(false);
        }

        await runtime.StartAsync(cancellationToken).ConfigureAwait(false);
        await base.StartAsync(cancellationToken).ConfigureAwait(false);
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        if (hosted.Inner is { } runtime)
        {
            await runtime.StopAsync(cancellationToken).ConfigureAwait(false);
        }

        await base.StopAsync(cancellationToken).ConfigureAwait(false);
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => hosted.Inner!.Completion;
}
