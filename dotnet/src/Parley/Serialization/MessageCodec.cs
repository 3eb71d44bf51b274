using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Google.Protobuf;

namespace Parley;

/// <summary>A serializer of whatever class, seen without its type argument.</summary>
internal abstract class MessageCodec
{
    private static readonly ConcurrentDictionary<Type, MessageCodec> Defaults = new();

    public abstract Type MessageType { get; }

    public abstract string TypeName { get; }

    public abstract string ContentType { get; }

    public abstract bool IsReceiveOnly { get; }

    /// <summary>Whether it is Parley's own, whose exceptions never quote a payload.</summary>
    public abstract bool IsBuiltIn { get; }

    public abstract ReadOnlyMemory<byte> Encode(object message);

    public abstract object Decode(ReadOnlyMemory<byte> data);

    /// <summary>What serves a class for which nothing was registered: protobuf for generated messages, else canonical JSON.</summary>
    /// <exception cref="NotSupportedException">The program is trimmed or compiled ahead of time.</exception>
    public static MessageCodec DefaultFor(Type type) =>
        Reflected.IsSupported ? Defaults.GetOrAdd(type, Reflect) : throw Reflected.NotRegistered(type);

    /// <summary>The content type of what <see cref="DefaultFor"/> gives.</summary>
    public static string DefaultContentTypeOf(Type type) => typeof(IMessage).IsAssignableFrom(type) ? ContentTypes.Protobuf : ContentTypes.Json;

    [RequiresUnreferencedCode(Reflected.Message)]
    [RequiresDynamicCode(Reflected.Message)]
    private static MessageCodec Reflect(Type type)
    {
        var serializer = typeof(IMessage).IsAssignableFrom(type) ? typeof(ProtobufMessageSerializer<>) : typeof(JsonMessageSerializer<>);
        var instance = Activator.CreateInstance(serializer.MakeGenericType(type));
        return (MessageCodec)Activator.CreateInstance(typeof(MessageCodec<>).MakeGenericType(type), instance)!;
    }
}

/// <summary>A serializer of <typeparamref name="T"/>.</summary>
internal sealed class MessageCodec<T>(IMessageSerializer<T> serializer) : MessageCodec
    where T : notnull
{
    public override Type MessageType => typeof(T);

    public override string TypeName { get; } = serializer.TypeName;

    public override string ContentType { get; } = ContentTypes.Normalize(serializer.ContentType);

    public override bool IsReceiveOnly { get; } = serializer.IsReceiveOnly;

    public override bool IsBuiltIn { get; } = serializer.GetType().Assembly == typeof(MessageCodec).Assembly;

    public override ReadOnlyMemory<byte> Encode(object message) => serializer.Serialize((T)message);

    public override object Decode(ReadOnlyMemory<byte> data) =>
        serializer.Deserialize(data) ?? throw new MalformedPayloadException($"The serializer of '{TypeName}' returned null.");
}
