namespace Parley;

/// <summary>Results as their callers want them.</summary>
internal static class Results
{
    /// <summary>The result as a <typeparamref name="T"/>; null is legal for classes and nullable values.</summary>
    /// <exception cref="InvalidCastException">It is of another class.</exception>
    public static T As<T>(object? result, AgentId from) => result switch
    {
        T typed => typed,
        null when default(T) is null => default!,
        _ => throw new InvalidCastException(
            $"{from} answered with {(result is null ? "null" : $"a {result.GetType()}")}, which is no {typeof(T)}; "
            + "for results of several classes use SendMessageAsync without a type argument."),
    };
}
