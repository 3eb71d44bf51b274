using Microsoft.Extensions.Logging;

namespace Parley;

/// <summary>One agent that has its place in this process.</summary>
internal sealed class HostedAgent(AgentId id, ulong epoch, AgentRegistration registration)
{
    private readonly TaskCompletionSource<IAgent> _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private AgentInstantiationContext.Scope? _scope;
    private ulong _round;
    private readonly AgentTurns? _turns = registration.Mode == AgentMode.Stateless ? null : new AgentTurns();

    public AgentId Id => id;

    /// <summary>The epoch of its placement; 0 in-process and for stateless agents.</summary>
    public ulong Epoch => epoch;

    public bool IsStateless => _turns is null;

    /// <summary>Its events.</summary>
    public EventLane Events { get; } = new(registration.Mode == AgentMode.Stateless ? int.MaxValue : registration.Concurrency);

    /// <summary>What runs or waits here.</summary>
    public InFlight InFlight { get; } = new();

    /// <summary>The agent, once it is made; fails with ACTIVATION_FAILED.</summary>
    public Task<IAgent> Ready => _ready.Task;

    /// <summary>True if that round of deliveries is the newest one so far, or newer (DLV-4); stateless agents have no rounds to compare.</summary>
    public bool Enters(ulong round)
    {
        if (IsStateless)
        {
            return true;
        }

        lock (_ready)
        {
            _round = Math.Max(_round, round);
            return _round == round;
        }
    }

    /// <summary>Starts a handler, in the agent's turn.</summary>
    public void Start(HandlerRun run)
    {
        if (_turns is null)
        {
            ThreadPool.UnsafeQueueUserWorkItem(run, preferLocal: false);
        }
        else
        {
            _turns.Post(static s => _ = ((HandlerRun)s!).RunAsync(), run);
        }
    }

    /// <summary>Makes the agent, in its own turn; the outcome is <see cref="Ready"/>.</summary>
    public void Activate(IAgentRuntime runtime, SerializationRegistry messages, ILogger logger) =>
        Start(new Activation(this, runtime, messages, logger));

    /// <summary>Ends the agent here; call it when nothing runs any more. A pinned agent is its user's own.</summary>
    public async ValueTask DisposeAsync()
    {
        if (registration.Factory is not null && Ready.IsCompletedSuccessfully && await Ready.ConfigureAwait(false) is IAsyncDisposable agent)
        {
            await agent.DisposeAsync().ConfigureAwait(false);
        }

        foreach (var resource in _scope?.Resources ?? [])
        {
            await resource.DisposeAsync().ConfigureAwait(false);
        }
    }

    private sealed class Activation(HostedAgent hosted, IAgentRuntime runtime, SerializationRegistry messages, ILogger logger) : HandlerRun
    {
        public override async Task RunAsync()
        {
            try
            {
                hosted._ready.TrySetResult(await hosted.MakeAsync(runtime, messages, logger).ConfigureAwait(false));
            }
            catch (Exception e)
            {
                hosted._ready.TrySetException(HandlerFailures.NotActivated(e, hosted.Id));
            }
        }
    }

    private async Task<IAgent> MakeAsync(IAgentRuntime runtime, SerializationRegistry messages, ILogger logger)
    {
        CallScope.Enter(null);
        var scope = _scope = new AgentInstantiationContext.Scope(id, runtime, logger, messages);
        AgentInstantiationContext.Enter(scope);
        var agent = registration.Pinned.TryGetValue(id.Key, out var pinned) ? pinned
            : registration.Factory is { } factory ? await factory().ConfigureAwait(false)
            : throw new InvalidOperationException($"No agent with the key '{id.Key}' is registered.");
        ArgumentNullException.ThrowIfNull(agent);
        if (agent is RoutedAgent routed)
        {
            routed.Attach(scope);
            foreach (var type in routed.HandledTypesBeside(registration.AgentClass))
            {
                messages.AddHandled(type);
            }
        }

        return agent;
    }
}
