namespace Parley;

public abstract partial class RoutedAgent
{
    /// <summary>Calls an agent and waits for its result.</summary>
    /// <typeparam name="T">The class of the result; for unions use the overload without it.</typeparam>
    /// <param name="message">The message; its class need not be registered.</param>
    /// <param name="recipient">Whom.</param>
    /// <param name="options">How; null: the defaults.</param>
    /// <param name="cancellationToken">Cancels the call, also in the remote handler.</param>
    /// <exception cref="ParleyException">The call failed; see <see cref="ParleyException.Reason"/> (RPC-1).</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    protected Task<T> SendMessageAsync<T>(
        object message, AgentId recipient, SendOptions? options = null, CancellationToken cancellationToken = default) =>
        Runtime.SendMessageAsync<T>(message, recipient, FromHere(options), cancellationToken);

    /// <summary>Calls an agent and waits for its result, of whatever class; null is legal.</summary>
    /// <param name="message">The message; its class need not be registered.</param>
    /// <param name="recipient">Whom.</param>
    /// <param name="options">How; null: the defaults.</param>
    /// <param name="cancellationToken">Cancels the call, also in the remote handler.</param>
    /// <exception cref="ParleyException">The call failed; see <see cref="ParleyException.Reason"/> (RPC-1).</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    protected Task<object?> SendMessageAsync(
        object message, AgentId recipient, SendOptions? options = null, CancellationToken cancellationToken = default) =>
        Runtime.SendMessageAsync(message, recipient, FromHere(options), cancellationToken);

    /// <summary>Publishes an event; done when it is stored for all its recipients (PUB-1).</summary>
    /// <param name="message">The message.</param>
    /// <param name="topic">About what.</param>
    /// <param name="options">How; null: the defaults.</param>
    /// <param name="cancellationToken">Stops waiting; whether the event was stored is then not known.</param>
    /// <exception cref="ParleyException">It was not stored, or that is not known.</exception>
    protected Task PublishMessageAsync(
        object message, TopicId topic, PublishOptions? options = null, CancellationToken cancellationToken = default) =>
        Runtime.PublishMessageAsync(message, topic, (options ?? PlainPublish) with { Sender = Id }, cancellationToken);

    private static readonly SendOptions PlainSend = new();
    private static readonly PublishOptions PlainPublish = new();

    private SendOptions FromHere(SendOptions? options) => (options ?? PlainSend) with { Sender = Id };
}
