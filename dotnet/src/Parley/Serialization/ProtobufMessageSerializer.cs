using Google.Protobuf;

namespace Parley;

/// <summary>The raw bytes of a protobuf message class.</summary>
/// <typeparam name="T">A generated class.</typeparam>
public sealed class ProtobufMessageSerializer<T> : IMessageSerializer<T>
    where T : IMessage<T>, new()
{
    private static readonly MessageParser<T> Parser = new(() => new T());

    /// <inheritdoc />
    public string TypeName { get; } = MessageNames.OfGenerated<T>();

    /// <inheritdoc />
    public string ContentType => ContentTypes.Protobuf;

    /// <inheritdoc />
    public ReadOnlyMemory<byte> Serialize(T message)
    {
        ArgumentNullException.ThrowIfNull(message);
        return message.ToByteArray();
    }

    /// <inheritdoc />
    public T Deserialize(ReadOnlyMemory<byte> data) => Parser.ParseFrom(data.Span);
}
