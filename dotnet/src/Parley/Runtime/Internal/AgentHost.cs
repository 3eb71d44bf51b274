using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;

namespace Parley;

/// <summary>The agent types that a process hosts, and the agents that have their place in it.</summary>
internal sealed class AgentHost(IAgentRuntime runtime, SerializationRegistry messages, ILoggerFactory loggers)
{
    private readonly ConcurrentDictionary<string, AgentRegistration> _types = new();
    private readonly ConcurrentDictionary<AgentId, HostedAgent> _agents = new();
    private readonly ConcurrentDictionary<AgentId, Task> _ending = new();

    public IEnumerable<AgentRegistration> Types => _types.Values;

    /// <summary>Adds a type whose agents a factory makes.</summary>
    public AgentRegistration AddFactory(string type, Func<ValueTask<IAgent>> factory, RegisterOptions options)
    {
        var registration = AgentRegistration.Create(type, options, factory);
        Learn(options.AgentClass);
        return _types.TryAdd(type, registration)
            ? registration
            : throw new AlreadyExistsException($"The agent type '{type}' is registered in this runtime already.");
    }

    /// <summary>Adds one agent that exists already.</summary>
    public AgentRegistration AddInstance(AgentId id, IAgent agent, RegisterOptions options)
    {
        var typed = options with { AgentClass = options.AgentClass ?? agent.GetType() };
        var registration = _types.GetOrAdd(id.Type, _ => AgentRegistration.Create(id.Type, typed, factory: null));
        Learn(typed.AgentClass);
        if (registration.Factory is not null)
        {
            throw new AlreadyExistsException($"The agent type '{id.Type}' is registered with a factory already; an instance cannot join it.");
        }

        return registration.Pinned.TryAdd(id.Key, agent)
            ? registration
            : throw new AlreadyExistsException($"The agent {id} is registered in this runtime already.");
    }

    public bool TryGetType(string type, [NotNullWhen(true)] out AgentRegistration? registration) => _types.TryGetValue(type, out registration);

    /// <summary>Takes a type back that could not be announced.</summary>
    public void RemoveType(AgentRegistration registration) => _types.TryRemove(KeyValuePair.Create(registration.Type, registration));

    /// <summary>The agent, if it has its place here.</summary>
    public HostedAgent? Find(AgentId id) => _agents.TryGetValue(id, out var hosted) ? hosted : null;

    /// <summary>The agent, made if it is not there yet; in-process, where every agent of a hosted type has its place.</summary>
    public HostedAgent FindOrPlace(AgentId id, AgentRegistration registration)
    {
        if (registration.Mode == AgentMode.Stateless)
        {
            return Activate(new HostedAgent(id, 0, registration));
        }

        if (_agents.TryGetValue(id, out var known))
        {
            return known;
        }

        var made = new HostedAgent(id, 0, registration);
        var hosted = _agents.GetOrAdd(id, made);
        return ReferenceEquals(hosted, made) ? Activate(made) : hosted;
    }

    /// <summary>The agents that have their place here.</summary>
    public IEnumerable<HostedAgent> Agents => _agents.Values;

    /// <summary>Gives an agent its place here with that epoch, once an older placement has ended.</summary>
    public HostedAgent Place(AgentId id, ulong epoch, AgentRegistration registration, SavedState saved)
    {
        var made = new HostedAgent(id, epoch, registration, saved);
        _agents[id] = made;
        return Activate(made, _ending.TryGetValue(id, out var former) ? former : null);
    }

    /// <summary>Ends an agent's place here, unless it has a newer one: it is disposed when nothing of it runs any more.</summary>
    /// <returns>Done when it has ended.</returns>
    public Task RetireAsync(HostedAgent hosted, ILogger logger)
    {
        if (!_agents.TryRemove(KeyValuePair.Create(hosted.Id, hosted)))
        {
            return Task.CompletedTask;
        }

        var ending = EndAsync();
        if (!ending.IsCompleted)
        {
            _ending[hosted.Id] = ending;
            _ = ending.ContinueWith(t => _ending.TryRemove(KeyValuePair.Create(hosted.Id, t)), TaskScheduler.Default);
        }

        return ending;

        async Task EndAsync()
        {
            // Elsewhere: what a user does when an agent is disposed of must not hold up the reading of the session.
            await hosted.InFlight.WhenIdleAsync().ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
            await DisposeAsync(hosted, logger).ConfigureAwait(false);
        }
    }

    /// <summary>A new instance for one message of a stateless agent.</summary>
    public HostedAgent Stateless(AgentId id, AgentRegistration registration) => Activate(new HostedAgent(id, 0, registration));

    /// <summary>Ends an agent's place here, unless it has a newer one.</summary>
    public bool Remove(HostedAgent hosted) => _agents.TryRemove(KeyValuePair.Create(hosted.Id, hosted));

    /// <summary>Ends all agents; call it when nothing runs any more.</summary>
    public async Task DisposeAgentsAsync(ILogger logger)
    {
        foreach (var hosted in _agents.Values)
        {
            _agents.TryRemove(hosted.Id, out _);
            await DisposeAsync(hosted, logger).ConfigureAwait(false);
        }
    }

    private static async Task DisposeAsync(HostedAgent hosted, ILogger logger)
    {
        try
        {
            await hosted.DisposeAsync().ConfigureAwait(false);
        }
        catch (Exception e)
        {
            Log.DisposeFailed(logger, hosted.Id, e);
        }
    }

    /// <summary>Makes an agent anew from what was committed last (STA-5).</summary>
    public Task RebuildAsync(HostedAgent hosted) => hosted.RebuildAsync(runtime, messages, LoggerOf(hosted));

    /// <summary>The agent, for a run in its turn; one that could not be made anew is tried again (STA-5).</summary>
    public Task<IAgent> ReadyAsync(HostedAgent hosted) => hosted.Ready is { IsCompletedSuccessfully: true } ready ? ready : MakeReadyAsync(hosted);

    private async Task<IAgent> MakeReadyAsync(HostedAgent hosted)
    {
        try
        {
            return await hosted.Ready.ConfigureAwait(true);
        }
        catch (ActivationFailedException) when (hosted.WasMade && !hosted.Dropped.IsCancellationRequested)
        {
            await RebuildAsync(hosted).ConfigureAwait(true);
            return await hosted.Ready.ConfigureAwait(true);
        }
    }

    private ILogger LoggerOf(HostedAgent hosted) => loggers.CreateLogger($"Parley.Agents.{hosted.Id.Type}");

    private HostedAgent Activate(HostedAgent hosted, Task? former = null)
    {
        hosted.Activate(runtime, messages, LoggerOf(hosted), former);
        return hosted;
    }

    private void Learn([DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.AllMethods)] Type? agentClass)
    {
        if (agentClass is not null && typeof(RoutedAgent).IsAssignableFrom(agentClass))
        {
            foreach (var type in HandlerTable.For(agentClass).MessageTypes)
            {
                messages.AddHandled(type);
            }
        }
    }
}
