using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Text.Json.Serialization.Metadata;

namespace Parley;

/// <summary>Which serializer writes which class, and which one reads which type name.</summary>
/// <remarks>Each runtime has one; on its own it encodes and decodes without a runtime. Safe for use by several threads.</remarks>
public sealed class SerializationRegistry
{
    private readonly ConcurrentDictionary<Type, MessageCodec> _writers = new();
    private readonly ConcurrentDictionary<(string TypeName, string ContentType), Reader> _readers = new();

    // Classes of handlers whose names are settled.
    private readonly ConcurrentDictionary<Type, byte> _handled = new();

    /// <summary>Reads and writes a class as canonical JSON, or, if it is a generated one, as protobuf.</summary>
    /// <typeparam name="T">The message class.</typeparam>
    [RequiresUnreferencedCode(Reflected.Message)]
    [RequiresDynamicCode(Reflected.Message)]
    public void AddMessageType<T>()
        where T : notnull =>
        Add(MessageCodec.DefaultFor(typeof(T)));

    /// <summary>Reads and writes a class as canonical JSON, without reflection (trimming, AOT).</summary>
    /// <typeparam name="T">The message class.</typeparam>
    /// <param name="info">Source-generated type information over <see cref="ParleyJson.CreateOptions"/>.</param>
    public void AddMessageType<T>(JsonTypeInfo<T> info)
        where T : notnull =>
        Add(new MessageCodec<T>(new JsonMessageSerializer<T>(info)));

    /// <summary>Adds a serializer; of those of a class the last one added that is not receive-only writes (PAY-4).</summary>
    /// <typeparam name="T">The message class.</typeparam>
    /// <param name="serializer">Yours.</param>
    public void AddMessageSerializer<T>(IMessageSerializer<T> serializer)
        where T : notnull
    {
        ArgumentNullException.ThrowIfNull(serializer);
        Add(new MessageCodec<T>(serializer));
    }

    /// <summary>The message as bytes; its class need not be registered.</summary>
    /// <param name="message">The message.</param>
    /// <exception cref="InvalidArgumentException">The message has something that its encoding does not allow; the text says what.</exception>
    public SerializedMessage Encode(object message)
    {
        ArgumentNullException.ThrowIfNull(message);
        var type = message.GetType();
        try
        {
            var codec = _writers.TryGetValue(type, out var registered) ? registered : MessageCodec.DefaultFor(type);
            return new SerializedMessage(codec.TypeName, codec.ContentType, codec.Encode(message));
        }
        catch (TargetInvocationException e) when (e.InnerException is { } cause)
        {
            throw CodecFailures.CannotEncode(type, cause);
        }
        catch (Exception e) when (e is not ParleyException)
        {
            throw CodecFailures.CannotEncode(type, e);
        }
    }

    /// <summary>The message that the bytes say, by the registered serializers.</summary>
    /// <param name="message">Type name, content type and bytes.</param>
    /// <exception cref="UnknownMessageTypeException">Nothing is registered for the type name and content type.</exception>
    /// <exception cref="UnsupportedVersionException">The serializer refuses the version.</exception>
    /// <exception cref="MalformedPayloadException">The serializer cannot read the bytes; the text says why.</exception>
    public object Decode(SerializedMessage message) =>
        Decode(message, Find(message)?.Codec ?? throw UnknownType(message, string.Empty));

    /// <summary>A reply: by the registered types, the expected type, or the class of that name beside the request's (RPC-14).</summary>
    internal object DecodeReply(SerializedMessage reply, Type? expected, Type request)
    {
        var codec = Find(reply)?.Codec ?? Matching(expected, reply) ?? Matching(SiblingTypes.Find(request, reply.TypeName), reply);
        try
        {
            return Decode(reply, codec ?? throw UnknownType(
                reply, $" Register the class with AddMessageType<T>() or AddMessageSerializer<T>(), or put it beside {request}."));
        }
        catch (ParleyException e)
        {
            throw e.AsOfReply();
        }
    }

    /// <summary>Makes the class of a handler's parameter readable, unless something was registered for its name.</summary>
    /// <exception cref="NotSupportedException">Nothing was, and the program is trimmed or compiled ahead of time.</exception>
    internal void AddHandled(Type type)
    {
        if (!_handled.ContainsKey(type))
        {
            if (!IsAdded(type))
            {
                AddDefault(type);
            }

            _handled.TryAdd(type, 0);
        }
    }

    // Registered in the form that its default has: making the default again would need reflection.
    private bool IsAdded(Type type)
    {
        var contentType = MessageCodec.DefaultContentTypeOf(type);
        var added = _readers.Values.Where(r => !r.IsDefault && r.Codec.MessageType == type);
        return Reflected.IsSupported ? added.Any(r => r.Codec.IsBuiltIn && r.Codec.ContentType == contentType) : added.Any();
    }

    private void AddDefault(Type type)
    {
        var codec = MessageCodec.DefaultFor(type);
        var known = _readers.GetOrAdd((codec.TypeName, codec.ContentType), new Reader(codec, IsDefault: true)).Codec.MessageType;
        if (known != type && _readers[(codec.TypeName, codec.ContentType)].IsDefault)
        {
            throw new AlreadyExistsException(
                $"{type} and {known} have the same wire name '{codec.TypeName}'; give one of them another with [Message(\"name\")].");
        }
    }

    /// <summary>The wire names under which a class is read: of the serializers added for it, else its own.</summary>
    internal IEnumerable<string> NamesOf(Type type)
    {
        var added = _readers.Values.Where(r => !r.IsDefault && r.Codec.MessageType == type).Select(r => r.Codec.TypeName).Distinct().ToArray();
        return added.Length > 0 ? added : [MessageNames.Of(type)];
    }

    /// <summary>The wire name under which a class is written.</summary>
    internal string NameOf(Type type) => _writers.TryGetValue(type, out var writer) ? writer.TypeName : MessageNames.Of(type);

    private void Add(MessageCodec codec)
    {
        _readers[(codec.TypeName, codec.ContentType)] = new Reader(codec, IsDefault: false);
        if (!codec.IsReceiveOnly)
        {
            _writers[codec.MessageType] = codec;
        }
    }

    private Reader? Find(SerializedMessage message) =>
        _readers.TryGetValue((message.TypeName, ContentTypes.Normalize(message.ContentType)), out var reader) ? reader : null;

    private MessageCodec? Matching(Type? type, SerializedMessage message)
    {
        if (type is null || type == typeof(object) || type.IsAbstract || type.IsInterface || type.IsGenericTypeDefinition)
        {
            return null;
        }

        var codec = _writers.TryGetValue(type, out var registered) ? registered : Reflected.IsSupported ? MessageCodec.DefaultFor(type) : null;
        return codec?.TypeName == message.TypeName && codec.ContentType == ContentTypes.Normalize(message.ContentType) ? codec : null;
    }

    private static object Decode(SerializedMessage message, MessageCodec codec)
    {
        try
        {
            return codec.Decode(message.Data);
        }
        catch (UnsupportedVersionException e)
        {
            throw new UnsupportedVersionException($"'{message.TypeName}': {e.Message}", e) { Details = NameOf(message) };
        }
        catch (MalformedPayloadException e)
        {
            // A serializer's own words.
            throw new MalformedPayloadException(e.Message, e) { Details = new Dictionary<string, string>(e.Details) { ["type_name"] = message.TypeName } };
        }
        catch (Exception e)
        {
            throw codec.IsBuiltIn ? CodecFailures.Malformed(message.TypeName, e) : CodecFailures.Refused(message.TypeName, e);
        }
    }

    private static Dictionary<string, string> NameOf(SerializedMessage message) => new() { ["type_name"] = message.TypeName };

    private UnknownMessageTypeException UnknownType(SerializedMessage message, string advice)
    {
        var understood = string.Join(", ", _readers.Values.SelectMany(r => NamesOf(r.Codec.MessageType)).Distinct().Order(StringComparer.Ordinal));
        var details = NameOf(message);
        if (understood.Length > 0)
        {
            details["understood"] = understood;
        }

        return new UnknownMessageTypeException(
            $"The message type '{message.TypeName}' ({message.ContentType}) is not known here; "
            + (understood.Length > 0 ? $"known are: {understood}." : "none is known.") + advice)
        {
            Details = details,
        };
    }

    private readonly record struct Reader(MessageCodec Codec, bool IsDefault);
}
