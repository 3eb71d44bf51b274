using Microsoft.Extensions.Logging;

namespace Parley;

/// <summary>One agent that has its place in this process.</summary>
internal sealed class HostedAgent : IAsyncDisposable
{
    private TaskCompletionSource<IAgent> _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _dropped = new();
    private readonly AgentRegistration _registration;
    private readonly AgentTurns? _turns;
    private AgentInstantiationContext.Scope? _scope;
    private System.Text.Json.JsonElement? _beginning;

    public HostedAgent(AgentId id, ulong epoch, AgentRegistration registration, SavedState saved = default)
    {
        (Id, Epoch, _registration, Dropped) = (id, epoch, registration, _dropped.Token);
        State = IsKept(registration) ? new StateKeeper(registration.KeepsState, saved) : null;
        _turns = registration.Mode == AgentMode.Stateless ? null : new AgentTurns();
        Events = new EventLane(IsStateless ? int.MaxValue : registration.Concurrency);
        Alone = [id];
    }

    public AgentId Id { get; }

    /// <summary>The chain of calls in which it waits for nobody: itself (RPC-10).</summary>
    public IReadOnlyList<AgentId> Alone { get; }

    /// <summary>The epoch of its placement; 0 in-process and for stateless agents.</summary>
    public ulong Epoch { get; }

    /// <summary>Fires when the agent's place here was taken away.</summary>
    public CancellationToken Dropped { get; }

    /// <summary>What is saved of it; null: nothing is.</summary>
    public StateKeeper? State { get; }

    /// <summary>Whether it runs one message at a time and commits it (STA-4).</summary>
    public bool IsEffectivelyOnce => _registration.IsEffectivelyOnce;

    public bool IsStateless => _turns is null;

    /// <summary>Its events.</summary>
    public EventLane Events { get; }

    /// <summary>What runs or waits here.</summary>
    public InFlight InFlight { get; } = new();

    /// <summary>The agent, once it is made; fails with ACTIVATION_FAILED.</summary>
    public Task<IAgent> Ready => Volatile.Read(ref _ready).Task;

    /// <summary>Whether it was made at least once.</summary>
    public bool WasMade { get; private set; }

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

    /// <summary>The agent's place here was taken away: its handlers' tokens fire.</summary>
    public void Drop()
    {
        try
        {
            _dropped.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It has ended already.
        }
    }

    /// <summary>Makes the agent, in its own turn; the outcome is <see cref="Ready"/>.</summary>
    /// <param name="runtime">The runtime.</param>
    /// <param name="messages">Learns what the agent handles.</param>
    /// <param name="logger">The agent's.</param>
    /// <param name="former">The end of an earlier placement of the agent, which comes first: nothing of one agent runs in parallel.</param>
    public void Activate(IAgentRuntime runtime, SerializationRegistry messages, ILogger logger, Task? former = null) =>
        Start(new Activation(this, runtime, messages, logger, former));

    /// <summary>Makes the agent anew from what was committed last; its former self is disposed first (STA-5).</summary>
    /// <remarks>Call it while nothing of the agent runs.</remarks>
    public async Task RebuildAsync(IAgentRuntime runtime, SerializationRegistry messages, ILogger logger)
    {
        var former = _ready;
        _ready = new TaskCompletionSource<IAgent>(TaskCreationOptions.RunContinuationsAsynchronously);
        try
        {
            await EndAsync(former.Task).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            Log.DisposeFailed(logger, Id, e);
        }

        Activate(runtime, messages, logger);
    }

    /// <summary>Ends the agent here; call it when nothing runs any more. A pinned agent is its user's own.</summary>
    public async ValueTask DisposeAsync()
    {
        await EndAsync(Ready).ConfigureAwait(false);
        _dropped.Dispose();
    }

    private static bool IsKept(AgentRegistration registration) => registration.KeepsState || registration.IsEffectivelyOnce;

    private async ValueTask EndAsync(Task<IAgent> made)
    {
        if (_registration.Factory is not null && made.IsCompletedSuccessfully && await made.ConfigureAwait(false) is IAsyncDisposable agent)
        {
            await agent.DisposeAsync().ConfigureAwait(false);
        }

        foreach (var resource in _scope?.Resources ?? [])
        {
            await resource.DisposeAsync().ConfigureAwait(false);
        }
    }

    private sealed class Activation(HostedAgent hosted, IAgentRuntime runtime, SerializationRegistry messages, ILogger logger, Task? former) : HandlerRun
    {
        public override async Task RunAsync()
        {
            try
            {
                if (former is not null)
                {
                    await former.ConfigureAwait(true);
                }

                var agent = await hosted.MakeAsync(runtime, messages, logger).ConfigureAwait(false);
                hosted.WasMade = true;
                hosted._ready.TrySetResult(agent);
            }
            catch (Exception e)
            {
                hosted._ready.TrySetException(HandlerFailures.NotActivated(e, hosted.Id));
            }
        }
    }

    private async ValueTask LoadAsync(IAgent agent, StateKeeper state)
    {
        if (state.Saved.Data.Length > 0)
        {
            await StateKeeper.LoadAsync(agent, state.Saved.Data).ConfigureAwait(true);
        }
        else if (IsEffectivelyOnce && _registration.Factory is null && state.KeepsState)
        {
            // The user's own instance cannot be made anew: where it begins is what it goes back to.
            _beginning ??= await agent.SaveStateAsync().ConfigureAwait(true);
            await agent.LoadStateAsync(_beginning.Value).ConfigureAwait(true);
        }
    }

    private async Task<IAgent> MakeAsync(IAgentRuntime runtime, SerializationRegistry messages, ILogger logger)
    {
        CallScope.Enter(null);
        var scope = _scope = new AgentInstantiationContext.Scope(Id, runtime, logger, messages);
        AgentInstantiationContext.Enter(scope);
        var agent = _registration.Pinned.TryGetValue(Id.Key, out var pinned) ? pinned
            : _registration.Factory is { } factory ? await factory().ConfigureAwait(false)
            : throw new InvalidOperationException($"No agent with the key '{Id.Key}' is registered.");
        ArgumentNullException.ThrowIfNull(agent);
        if (agent is RoutedAgent routed)
        {
            routed.Attach(scope);
            foreach (var type in routed.HandledTypesBeside(_registration.AgentClass))
            {
                messages.AddHandled(type);
            }
        }

        if (State is { } state)
        {
            await LoadAsync(agent, state).ConfigureAwait(true);
        }

        return agent;
    }
}
