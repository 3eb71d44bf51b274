namespace Parley;

/// <summary>What a handler is for.</summary>
internal enum HandlerKind
{
    /// <summary>Calls.</summary>
    Rpc,

    /// <summary>Events.</summary>
    Event,
}

/// <summary>One handler, seen without its type arguments; reflection is over when it exists.</summary>
internal abstract class Handler
{
    public abstract ValueTask<object?> InvokeAsync(object agent, object message, MessageContext context);
}

internal sealed class ResultHandler<TAgent, TMessage, TResult>(Func<TAgent, TMessage, MessageContext, ValueTask<TResult>> method) : Handler
{
    public override ValueTask<object?> InvokeAsync(object agent, object message, MessageContext context)
    {
        var task = method((TAgent)agent, (TMessage)message, context);
        return task.IsCompletedSuccessfully ? new ValueTask<object?>(task.Result) : AwaitAsync(task);

        static async ValueTask<object?> AwaitAsync(ValueTask<TResult> task) => await task.ConfigureAwait(false);
    }
}

internal sealed class VoidHandler<TAgent, TMessage>(Func<TAgent, TMessage, MessageContext, ValueTask> method) : Handler
{
    public override ValueTask<object?> InvokeAsync(object agent, object message, MessageContext context)
    {
        var task = method((TAgent)agent, (TMessage)message, context);
        return task.IsCompletedSuccessfully ? default : AwaitAsync(task);

        static async ValueTask<object?> AwaitAsync(ValueTask task)
        {
            await task.ConfigureAwait(false);
            return null;
        }
    }
}

/// <summary>Checks that a result is of a class that [RpcMethod] lists.</summary>
internal sealed class UnionHandler(Handler inner, IReadOnlyList<Type> results, string method) : Handler
{
    public override async ValueTask<object?> InvokeAsync(object agent, object message, MessageContext context)
    {
        var result = await inner.InvokeAsync(agent, message, context).ConfigureAwait(false);
        return result is null || results.Contains(result.GetType())
            ? result
            : throw new InvalidCastException(
                $"{method} returned a {result.GetType()}; its [RpcMethod] allows {string.Join(", ", results)}, or null.");
    }
}
