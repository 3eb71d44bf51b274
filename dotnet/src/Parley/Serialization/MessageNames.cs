using System.Collections.Concurrent;
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

    /// <summary>The descriptor of a protobuf message class, or null.</summary>
    public static MessageDescriptor? DescriptorOf(Type type) =>
        typeof(IMessage).IsAssignableFrom(type) && !type.IsAbstract
            ? (MessageDescriptor?)type.GetProperty("Descriptor", BindingFlags.Public | BindingFlags.Static)?.GetValue(null)
            : null;

    private static string Compute(Type type)
    {
        if (type.GetCustomAttribute<MessageAttribute>() is { } named)
        {
            return named.Version == 0 ? named.Name : $"{named.Name}_v{named.Version}";
        }

        if (DescriptorOf(type) is { } descriptor)
        {
            return descriptor.FullName;
        }

        return type.IsGenericType
            ? throw new InvalidArgumentException($"The generic class {type} has no wire name; give it one with [Message(\"name\")].")
            : type.Name;
    }
}
