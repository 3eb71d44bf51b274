using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Parley;

/// <summary>Where agents live and through which they reach each other; in one process or in many.</summary>
public interface IAgentRuntime : IAsyncDisposable
{
    /// <summary>Calls an agent and waits for its result, of whatever class; null is legal.</summary>
    /// <param name="message">The message; its class need not be registered.</param>
    /// <param name="recipient">Whom.</param>
    /// <param name="options">How; null: the defaults.</param>
    /// <param name="cancellationToken">Cancels the call, also in the handler.</param>
    /// <exception cref="ParleyException">The call failed; see <see cref="ParleyException.Reason"/> (RPC-1).</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    Task<object?> SendMessageAsync(object message, AgentId recipient, SendOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>Calls an agent and waits for its result.</summary>
    /// <typeparam name="T">The class of the result.</typeparam>
    /// <param name="message">The message; its class need not be registered.</param>
    /// <param name="recipient">Whom.</param>
    /// <param name="options">How; null: the defaults.</param>
    /// <param name="cancellationToken">Cancels the call, also in the handler.</param>
    /// <exception cref="ParleyException">The call failed; see <see cref="ParleyException.Reason"/> (RPC-1).</exception>
    /// <exception cref="UnknownMessageTypeException">The result is of another class, or of none that is known (RPC-14).</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    Task<T> SendMessageAsync<T>(object message, AgentId recipient, SendOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>Publishes an event to every agent that a subscription matches; done when it is stored for all of them (PUB-1).</summary>
    /// <param name="message">The message.</param>
    /// <param name="topic">About what.</param>
    /// <param name="options">How; null: the defaults.</param>
    /// <param name="cancellationToken">Stops waiting; whether the event was stored is then not known.</param>
    /// <exception cref="ParleyException">It was not stored, or, OUTCOME_UNKNOWN, that is not known.</exception>
    Task PublishMessageAsync(object message, TopicId topic, PublishOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>Hosts agents of a type; a factory makes each when its first message comes. Visible from <see cref="StartAsync"/> on.</summary>
    /// <param name="type">The agent type; rules as for <see cref="AgentId.Type"/>.</param>
    /// <param name="factory">Makes one agent; <see cref="AgentInstantiationContext"/> tells which.</param>
    /// <param name="options">How; null: the defaults.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="AlreadyExistsException">The type is registered here already.</exception>
    Task<AgentType> RegisterAgentFactoryAsync(
        string type, Func<ValueTask<IAgent>> factory, RegisterOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>Hosts one agent that exists already, in this process only (AGT-2).</summary>
    /// <param name="id">Its id.</param>
    /// <param name="agent">The agent.</param>
    /// <param name="options">How; null: the defaults.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="AlreadyExistsException">The id, or its type with a factory, is registered already.</exception>
    Task RegisterAgentInstanceAsync(AgentId id, IAgent agent, RegisterOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>Adds a subscription; one that is there already is no error.</summary>
    /// <param name="subscription">The subscription.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    Task AddSubscriptionAsync(Subscription subscription, CancellationToken cancellationToken = default);

    /// <summary>Removes a subscription, for every process.</summary>
    /// <param name="subscription">The subscription.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="NotFoundException">There is none like that.</exception>
    Task RemoveSubscriptionAsync(Subscription subscription, CancellationToken cancellationToken = default);

    /// <summary>The state of one agent.</summary>
    /// <param name="agent">The agent.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="NotSupportedException">The runtime does not keep state.</exception>
    Task<JsonElement> SaveAgentStateAsync(AgentId agent, CancellationToken cancellationToken = default);

    /// <summary>Gives one agent a state that <see cref="SaveAgentStateAsync"/> returned.</summary>
    /// <param name="agent">The agent.</param>
    /// <param name="state">The state.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="NotSupportedException">The runtime does not keep state.</exception>
    Task LoadAgentStateAsync(AgentId agent, JsonElement state, CancellationToken cancellationToken = default);

    /// <summary>Makes a class readable and writable: canonical JSON, or protobuf if it is a generated one.</summary>
    /// <typeparam name="T">The message class.</typeparam>
    [RequiresUnreferencedCode(Reflected.Message)]
    [RequiresDynamicCode(Reflected.Message)]
    void AddMessageType<T>()
        where T : notnull;

    /// <summary>Makes a class readable and writable as canonical JSON, without reflection (trimming, AOT).</summary>
    /// <typeparam name="T">The message class.</typeparam>
    /// <param name="info">Source-generated type information over <see cref="ParleyJson.CreateOptions"/>.</param>
    void AddMessageType<T>(JsonTypeInfo<T> info)
        where T : notnull;

    /// <summary>Adds a serializer; of those of a class the last one added that is not receive-only writes.</summary>
    /// <typeparam name="T">The message class.</typeparam>
    /// <param name="serializer">Yours.</param>
    void AddMessageSerializer<T>(IMessageSerializer<T> serializer)
        where T : notnull;

    /// <summary>Makes the registrations visible and begins to handle messages.</summary>
    /// <param name="cancellationToken">Stops waiting.</param>
    Task StartAsync(CancellationToken cancellationToken = default);

    /// <summary>Takes nothing new, lets what runs finish within the drain timeout, and ends. Calling it again waits for the same end.</summary>
    /// <param name="cancellationToken">Stops draining: what still runs is cancelled.</param>
    Task StopAsync(CancellationToken cancellationToken = default);

    /// <summary>Waits until the runtime has ended; on SIGTERM and SIGINT stops it.</summary>
    /// <param name="cancellationToken">Stops waiting.</param>
    Task WaitUntilStoppedAsync(CancellationToken cancellationToken = default);
}
