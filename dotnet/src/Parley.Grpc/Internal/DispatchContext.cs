using Microsoft.Extensions.Logging;

namespace Parley;

/// <summary>What every message to an agent of this process needs.</summary>
internal sealed record DispatchContext(
    AgentHost Host,
    Uplink Uplink,
    SerializationRegistry Messages,
    DistributedRuntimeOptions Options,
    MessageIds MessageIds,
    ILogger Logger,
    CancellationToken TornDown)
{
    public HandlerSlots Slots { get; } = new(Options.MaxConcurrency);

    public InFlight InFlight { get; } = new();

    /// <summary>Starts a run whose turn it is, as soon as there is a slot for it if it needs one.</summary>
    public void Start(HostedAgent hosted, SlotRun run)
    {
        if (run.NeedsSlot)
        {
            Slots.Start(hosted, run);
        }
        else
        {
            run.StartOn(hosted);
        }
    }

    /// <summary>The run that had the agent's lane has ended: the next one starts.</summary>
    public void StartNext(HostedAgent hosted)
    {
        if (hosted.Events.Next() is SlotRun next)
        {
            Start(hosted, next);
        }
    }

    /// <summary>A message to this agent has ended; a stateless one ends with it.</summary>
    public async ValueTask EndAsync(HostedAgent hosted)
    {
        hosted.InFlight.Remove();
        if (hosted.IsStateless)
        {
            await DisposeAsync(hosted).ConfigureAwait(false);
        }

        InFlight.Remove();
    }

    /// <summary>Disposes an agent; a failure is logged.</summary>
    public async ValueTask DisposeAsync(HostedAgent hosted)
    {
        try
        {
            await hosted.DisposeAsync().ConfigureAwait(false);
        }
        catch (Exception e)
        {
            DistributedLog.DisposeFailed(Logger, hosted.Id, e);
        }
    }
}

/// <summary>Names for messages that the user did not name: unique, short, cheap.</summary>
internal sealed class MessageIds(string producerId)
{
    private long _last;

    public string Next() => $"{producerId}-{Interlocked.Increment(ref _last):x}";
}
