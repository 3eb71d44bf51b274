using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Parley;

/// <summary>The runtime of a host, which may be injected before there is one.</summary>
internal sealed class HostedRuntime : IAgentRuntime
{
    /// <summary>The runtime; null until the host has started.</summary>
    public DistributedRuntime? Inner { get; set; }

    private DistributedRuntime Runtime =>
        Inner ?? throw new InvalidOperationException("The runtime is not connected yet: it starts with the host.");

    public Task<object?> SendMessageAsync(object message, AgentId recipient, SendOptions? options = null, CancellationToken cancellationToken = default) =>
        Runtime.SendMessageAsync(message, recipient, options, cancellationToken);

    public Task<T> SendMessageAsync<T>(object message, AgentId recipient, SendOptions? options = null, CancellationToken cancellationToken = default) =>
        Runtime.SendMessageAsync<T>(message, recipient, options, cancellationToken);

    public Task PublishMessageAsync(object message, TopicId topic, PublishOptions? options = null, CancellationToken cancellationToken = default) =>
        Runtime.PublishMessageAsync(message, topic, options, cancellationToken);

    public Task<AgentType> RegisterAgentFactoryAsync(
        string type, Func<ValueTask<IAgent>> factory, RegisterOptions? options = null, CancellationToken cancellationToken = default) =>
        Runtime.RegisterAgentFactoryAsync(type, factory, options, cancellationToken);

    public Task RegisterAgentInstanceAsync(AgentId id, IAgent agent, RegisterOptions? options = null, CancellationToken cancellationToken = default) =>
        Runtime.RegisterAgentInstanceAsync(id, agent, options, cancellationToken);

    public Task AddSubscriptionAsync(Subscription subscription, CancellationToken cancellationToken = default) =>
        Runtime.AddSubscriptionAsync(subscription, cancellationToken);

    public Task RemoveSubscriptionAsync(Subscription subscription, CancellationToken cancellationToken = default) =>
        Runtime.RemoveSubscriptionAsync(subscription, cancellationToken);

    public Task<JsonElement> SaveAgentStateAsync(AgentId agent, CancellationToken cancellationToken = default) =>
        Runtime.SaveAgentStateAsync(agent, cancellationToken);

    public Task LoadAgentStateAsync(AgentId agent, JsonElement state, CancellationToken cancellationToken = default) =>
        Runtime.LoadAgentStateAsync(agent, state, cancellationToken);

    [RequiresUnreferencedCode(Reflected.Message)]
    [RequiresDynamicCode(Reflected.Message)]
    public void AddMessageType<T>()
        where T : notnull => Runtime.AddMessageType<T>();

    public void AddMessageType<T>(JsonTypeInfo<T> info)
        where T : notnull => Runtime.AddMessageType(info);

    public void AddMessageSerializer<T>(IMessageSerializer<T> serializer)
        where T : notnull => Runtime.AddMessageSerializer(serializer);

    public Task StartAsync(CancellationToken cancellationToken = default) => Runtime.StartAsync(cancellationToken);

    public Task StopAsync(CancellationToken cancellationToken = default) => Runtime.StopAsync(cancellationToken);

    public Task WaitUntilStoppedAsync(CancellationToken cancellationToken = default) => Runtime.WaitUntilStoppedAsync(cancellationToken);

    public ValueTask DisposeAsync() => Inner?.DisposeAsync() ?? default;
}
