using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace Parley;

/// <summary>The default wire names of message classes (PAY-3).</summary>
internal static class MessageNames
{
    private static readonly ConcurrentDictionary<Type, string> Cache = new();

    /// <summary>The wire name: from <see cref="MessageAttribute"/>, the protobuf full name, or the class's own name.</summary>
    /// <exception cref="InvalidArgumentException">A generic class without an attribute has no name that others could know.</exception>
    public static string Of(Type type) => Cache.GetOrAdd(type, Compute);

    /// <summary>The wire name of a protobuf message class, without reflection; <see cref="Of"/> knows it from then on.</summary>
    public static string OfGenerated<T>()
        where T : IMessage<T>, new() => Cache.GetOrAdd(typeof(T), static t => Given(t) ?? new T().Descriptor.FullName);

    private static string Compute(Type type)
    {
        if (Given(type) is { } given)
        {
            return given;
        }

        if (typeof(IMessage).IsAssignableFrom(type) && !type.IsAbstract)
        {
            return Reflected.IsSupported ? FullNameOf(type) : throw Reflected.NotRegistered(type);
        }

        return type.IsGenericType
            ? throw new InvalidArgumentException($"The generic class {type} has no wire name; give it one with [Message(\"name\")].")
            : type.Name;
    }

    private static string? Given(Type type) => type.GetCustomAttribute<MessageAttribute>() switch
    {
        null => null,
        { Version: 0 } named => named.Name,
        var named => $"{named.Name}_v{named.Version}",
    };

    [RequiresUnreferencedCode(Reflected.Message)]
    private static string FullNameOf(Type type) =>
        type.GetProperty("Descriptor", BindingFlags.Public | BindingFlags.Static)?.GetValue(null) is MessageDescriptor descriptor
            ? descriptor.FullName
            : type.Name;
}
