using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Extensions.Logging;

namespace Parley;

/// <summary>Agents of one process, without a broker: the same calls, events, deadlines and errors, nothing stored.</summary>
/// <remarks>Messages are handed over as they are, not copied. What a handler of an event raises is logged.</remarks>
public sealed partial class InProcessRuntime : IAgentRuntime
{
    private readonly InProcessRuntimeOptions _options;
    private readonly ILogger _logger;
    private readonly SerializationRegistry _messages = new();
    private readonly AgentHost _host;
    private readonly NoRecipientsWarning _noRecipients;
    private readonly RememberedCalls _remembered;

    /// <summary>A runtime with these settings.</summary>
    /// <param name="options">The settings; null: the defaults.</param>
    public InProcessRuntime(InProcessRuntimeOptions? options = null)
    {
        _options = options ?? new InProcessRuntimeOptions();
        _logger = _options.LoggerFactory.CreateLogger("Parley.InProcessRuntime");
        _host = new AgentHost(this, _messages, _options.LoggerFactory);
        _noRecipients = new NoRecipientsWarning(_logger, _options.TimeProvider);
        _remembered = new RememberedCalls(_options.TimeProvider);
    }

    /// <inheritdoc />
    public async Task<AgentType> RegisterAgentFactoryAsync(
        string type, Func<ValueTask<IAgent>> factory, RegisterOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(factory);
        var chosen = options ?? new RegisterOptions();
        _host.AddFactory(type, factory, chosen);
        await SubscribeAsync(type, chosen).ConfigureAwait(false);
        AnnounceHost();
        return new AgentType(type);
    }

    /// <inheritdoc />
    public async Task RegisterAgentInstanceAsync(
        AgentId id, IAgent agent, RegisterOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(agent);
        id.ThrowIfDefault();
        var chosen = (options ?? new RegisterOptions()) with { AgentClass = options?.AgentClass ?? agent.GetType() };
        _host.AddInstance(id, agent, chosen);
        await SubscribeAsync(id.Type, chosen).ConfigureAwait(false);
        AnnounceHost();
    }

    /// <inheritdoc />
    [RequiresUnreferencedCode(Reflected.Message)]
    [RequiresDynamicCode(Reflected.Message)]
    public void AddMessageType<T>()
        where T : notnull =>
        _messages.AddMessageType<T>();

    /// <inheritdoc />
    public void AddMessageType<T>(JsonTypeInfo<T> info)
        where T : notnull =>
        _messages.AddMessageType(info);

    /// <inheritdoc />
    public void AddMessageSerializer<T>(IMessageSerializer<T> serializer)
        where T : notnull =>
        _messages.AddMessageSerializer(serializer);

    /// <inheritdoc />
    public async Task<JsonElement> SaveAgentStateAsync(AgentId agent, CancellationToken cancellationToken = default)
    {
        var instance = await FindAgentAsync(agent, cancellationToken).ConfigureAwait(false);
        return await instance.SaveStateAsync().ConfigureAwait(false);
    }

    /// <inheritdoc />
    public async Task LoadAgentStateAsync(AgentId agent, JsonElement state, CancellationToken cancellationToken = default)
    {
        var instance = await FindAgentAsync(agent, cancellationToken).ConfigureAwait(false);
        await instance.LoadStateAsync(state).ConfigureAwait(false);
        if (_host.Find(agent)?.State is { } keeper)
        {
            // What an effectively-once agent goes back to after a failure.
            keeper.Said(await keeper.TakeAsync(instance).ConfigureAwait(false));
        }
    }

    private Task<IAgent> FindAgentAsync(AgentId agent, CancellationToken cancellationToken) =>
        _host.TryGetType(agent.Type, out var registration)
            ? _host.FindOrPlace(agent, registration).Ready.WaitAsync(cancellationToken)
            : throw NoResponders(agent);

    private async Task SubscribeAsync(string type, RegisterOptions options)
    {
        foreach (var subscription in AgentRegistration.SubscriptionsOf(type, options))
        {
            await AddSubscriptionAsync(subscription).ConfigureAwait(false);
        }
    }

    private static NoRespondersException NoResponders(AgentId agent) =>
        new($"Nobody hosts the agent type '{agent.Type}'.")
        {
            Details = new Dictionary<string, string> { ["agent_type"] = agent.Type },
        };
}
