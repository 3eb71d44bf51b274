namespace Parley;

public sealed partial class InProcessRuntime
{
    private readonly InFlight _inFlight = new();
    private readonly CancellationTokenSource _stopped = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _lock = new();
    private bool _started;
    private Task? _stopping;

    /// <inheritdoc />
    public Task StartAsync(CancellationToken cancellationToken = default)
    {
        lock (_lock)
        {
            ThrowIfStopped();
            _started = true;
        }

        return Task.CompletedTask;
    }

    /// <inheritdoc />
    public Task StopAsync(CancellationToken cancellationToken = default)
    {
        lock (_lock)
        {
            return _stopping ??= Task.Run(() => DrainAsync(cancellationToken), CancellationToken.None);
        }
    }

    /// <inheritdoc />
    public async Task WaitUntilStoppedAsync(CancellationToken cancellationToken = default)
    {
        using var signals = new StopSignals(this, _logger);
        await _ended.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>As <see cref="StopAsync"/>.</summary>
    public async ValueTask DisposeAsync()
    {
        await StopAsync().ConfigureAwait(false);
        _stopped.Dispose();
    }

    private async Task DrainAsync(CancellationToken cancellationToken)
    {
        try
        {
            await _inFlight.WhenIdleAsync().WaitAsync(_options.DrainTimeout, _options.TimeProvider, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            Log.DrainTimedOut(_logger, _options.DrainTimeout);
        }

        await _stopped.CancelAsync().ConfigureAwait(false);
        await _host.DisposeAgentsAsync(_logger).ConfigureAwait(false);
        _ended.TrySetResult();
    }

    private async ValueTask EndAsync(HostedAgent hosted, AgentRegistration registration)
    {
        if (registration.Mode == AgentMode.Stateless)
        {
            try
            {
                await hosted.DisposeAsync().ConfigureAwait(false);
            }
            catch (Exception e)
            {
                Log.DisposeFailed(_logger, hosted.Id, e);
            }
        }

        _inFlight.Remove();
    }

    private void ThrowIfNotRunning()
    {
        // A handler that finishes while the runtime drains may still call and publish.
        if (CallScope.Current is null)
        {
            ThrowIfStopped();
        }

        if (!_started)
        {
            throw new InvalidOperationException("The runtime has not been started: call StartAsync first.");
        }
    }

    private void ThrowIfStopped()
    {
        if (_stopping is not null)
        {
            throw new UnavailableException("The runtime has been stopped.");
        }
    }
}
