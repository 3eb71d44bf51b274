namespace Parley;

public abstract partial class RoutedAgent
{
    private readonly HandlerTable _delegates = new();

    /// <summary>Adds a handler of calls without reflection; for constructors (trimming, AOT). It goes before a marked method.</summary>
    /// <typeparam name="TMessage">The message class.</typeparam>
    /// <typeparam name="TResult">The class of the result.</typeparam>
    /// <param name="handler">The handler.</param>
    protected void HandleRpc<TMessage, TResult>(Func<TMessage, MessageContext, ValueTask<TResult>> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        _delegates.Add(HandlerKind.Rpc, typeof(TMessage), new ResultHandler<RoutedAgent, TMessage, TResult>((_, m, c) => handler(m, c)));
    }

    /// <summary>Adds a handler of events without reflection; for constructors (trimming, AOT). It goes before a marked method.</summary>
    /// <typeparam name="TMessage">The message class.</typeparam>
    /// <param name="handler">The handler.</param>
    protected void HandleEvent<TMessage>(Func<TMessage, MessageContext, ValueTask> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        _delegates.Add(HandlerKind.Event, typeof(TMessage), new VoidHandler<RoutedAgent, TMessage>((_, m, c) => handler(m, c)));
    }
}
