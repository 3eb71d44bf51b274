using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;

namespace Parley;

/// <summary>Turns SIGTERM and SIGINT into an orderly stop while it exists.</summary>
internal sealed class StopSignals : IDisposable
{
    private readonly PosixSignalRegistration[] _registrations;

    public StopSignals(IAgentRuntime runtime, ILogger logger)
    {
        _registrations = [.. new[] { PosixSignal.SIGTERM, PosixSignal.SIGINT }.Select(signal => PosixSignalRegistration.Create(signal, context =>
        {
            context.Cancel = true;
            Log.SignalReceived(logger, context.Signal.ToString());
            _ = StopAsync(runtime, logger);
        }))];
    }

    public void Dispose()
    {
        foreach (var registration in _registrations)
        {
            registration.Dispose();
        }
    }

    private static async Task StopAsync(IAgentRuntime runtime, ILogger logger)
    {
        try
        {
            await runtime.StopAsync().ConfigureAwait(false);
        }
        catch (Exception e)
        {
            Log.StopFailed(logger, e);
        }
    }
}
