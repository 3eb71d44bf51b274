using System.Text.Json;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Parley;

/// <summary>An agent whose messages go to the methods marked [RpcMethod] and [EventMethod], by the class of the message.</summary>
public abstract partial class RoutedAgent : IAgent, IAsyncDisposable
{
    private static readonly JsonElement NoState = JsonElement.Parse("{}");

    private readonly HandlerTable _handlers;
    private AgentInstantiationContext.Scope? _scope;

    /// <summary>Finds the handlers; id and runtime are known when a runtime's factory runs this.</summary>
    /// <param name="description">For people: what the agent does.</param>
    /// <exception cref="InvalidOperationException">A marked method cannot be a handler; the text says why.</exception>
    protected RoutedAgent(string? description = null)
    {
        Description = description ?? GetType().Name;
        _handlers = HandlerTable.For(GetType());
        _scope = AgentInstantiationContext.CurrentOrNull;
    }

    /// <summary>For people: what the agent does.</summary>
    public string Description { get; }

    /// <inheritdoc />
    public AgentId Id => Scope.Id;

    /// <summary>The runtime that hosts the agent.</summary>
    protected IAgentRuntime Runtime => Scope.Runtime;

    /// <summary>A logger of the category <c>Parley.Agents.</c> and the agent type.</summary>
    protected ILogger Logger => _scope?.Logger ?? NullLogger.Instance;

    private AgentInstantiationContext.Scope Scope =>
        _scope ?? throw new InvalidOperationException($"This {GetType().Name} is hosted by no runtime yet: it has neither id nor runtime.");

    /// <inheritdoc />
    public virtual ValueTask<object?> OnMessageAsync(object message, MessageContext context)
    {
        ArgumentNullException.ThrowIfNull(message);
        ArgumentNullException.ThrowIfNull(context);
        var kind = context.IsRpc ? HandlerKind.Rpc : HandlerKind.Event;
        return (_delegates.Find(kind, message.GetType()) ?? _handlers.Find(kind, message.GetType())) is { } handler
            ? handler.InvokeAsync(this, message, context)
            : OnUnhandledMessageAsync(message, context);
    }

    /// <summary>Called for a message without a handler; raises UNHANDLED_MESSAGE, which an event's delivery counts as ignored.</summary>
    /// <param name="message">The message.</param>
    /// <param name="context">What else is known of it.</param>
    protected virtual ValueTask<object?> OnUnhandledMessageAsync(object message, MessageContext context)
    {
        ArgumentNullException.ThrowIfNull(message);
        ArgumentNullException.ThrowIfNull(context);
        var kind = context.IsRpc ? HandlerKind.Rpc : HandlerKind.Event;
        var messages = Scope.Messages;
        var understood = _delegates.Understood(kind).Concat(_handlers.Understood(kind)).SelectMany(messages.NamesOf).Distinct().Order(StringComparer.Ordinal);
        throw UnhandledMessageException.For(message, messages.NameOf(message.GetType()), Id, context.IsRpc, [.. understood]);
    }

    /// <inheritdoc />
    public virtual ValueTask<JsonElement> SaveStateAsync() => new(NoState);

    /// <inheritdoc />
    public virtual ValueTask LoadStateAsync(JsonElement state) => default;

    /// <summary>Called when the agent's place here ends; override it to release what the agent holds.</summary>
    public virtual ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return default;
    }

    /// <summary>Binds an instance that no factory made.</summary>
    internal void Attach(AgentInstantiationContext.Scope scope)
    {
        if (_scope is { } other && (other.Id != scope.Id || !ReferenceEquals(other.Runtime, scope.Runtime)))
        {
            throw new InvalidOperationException($"This {GetType().Name} is hosted as {other.Id} already; it cannot be {scope.Id} as well.");
        }

        _scope = scope;
    }

    /// <summary>The classes that the agent handles, without those of the marked methods of <paramref name="known"/>.</summary>
    internal IEnumerable<Type> HandledTypesBeside(Type? known) =>
        known == GetType() ? _delegates.MessageTypes : _handlers.MessageTypes.Concat(_delegates.MessageTypes);
}
