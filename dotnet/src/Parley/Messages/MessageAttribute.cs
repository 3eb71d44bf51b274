namespace Parley;

/// <summary>Gives a message class its wire name instead of the class's own (PAY-3).</summary>
/// <param name="name">The name, without the version.</param>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Struct, Inherited = false)]
public sealed class MessageAttribute(string name) : Attribute
{
    /// <summary>The name, without the version.</summary>
    public string Name { get; } = name;

    /// <summary>The version, part of the wire name: <c>analytics_request</c> version 2 is <c>analytics_request_v2</c>; 0: none.</summary>
    public int Version { get; init; }
}
