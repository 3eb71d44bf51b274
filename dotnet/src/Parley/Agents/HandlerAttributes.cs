namespace Parley;

/// <summary>
/// A method that answers calls: <c>(TMessage)</c> or <c>(TMessage, MessageContext)</c>, returning T, <c>Task</c>,
/// <c>Task&lt;T&gt;</c>, <c>ValueTask</c> or <c>ValueTask&lt;T&gt;</c>.
/// </summary>
/// <param name="results">The classes that it may return, if it is declared with a base of them such as object; none: the declared one.</param>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RpcMethodAttribute(params Type[] results) : Attribute
{
    /// <summary>The classes that it may return; empty: the declared one.</summary>
    public IReadOnlyList<Type> Results { get; } = results;
}

/// <summary>A method that handles events: parameters as for <see cref="RpcMethodAttribute"/>, returning void, <c>Task</c> or <c>ValueTask</c>.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class EventMethodAttribute : Attribute;

/// <summary>Subscribes the agents of a class, whatever their type's name, to a topic type.</summary>
/// <param name="topicType">The topic type, or with <see cref="IsPrefix"/> the beginning of one.</param>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = true)]
public sealed class TypeSubscriptionAttribute(string topicType) : Attribute
{
    /// <summary>The topic type, or the beginning of one.</summary>
    public string TopicType { get; } = topicType;

    /// <summary>All topic types that begin like this.</summary>
    public bool IsPrefix { get; init; }
}
