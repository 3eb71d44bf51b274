namespace Parley;

/// <summary>Results as their callers want them.</summary>
internal static class Results
{
    /// <summary>The result as a <typeparamref name="T"/>; null is legal for classes and nullable values.</summary>
    /// <exception cref="UnknownMessageTypeException">It is of another class (RPC-14).</exception>
    public static T As<T>(object? result, AgentId from) => result switch
    {
        T typed => typed,
        null when default(T) is null => default!,
        _ => throw new UnknownMessageTypeException(
            $"{from} answered with {(result is null ? "null" : $"a {result.GetType()}")}, which is no {typeof(T)}; "
            + "for results of several classes use SendMessageAsync without a type argument.")
        {
            // The handler has run, whatever becomes of its result (ERR-2).
            MayHaveRun = true,
            Details = new Dictionary<string, string>
            {
                ["type_name"] = result is null ? "null" : MessageNames.Of(result.GetType()),
                ["understood"] = MessageNames.Of(typeof(T)),
            },
        },
    };
}
