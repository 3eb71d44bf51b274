namespace Parley;

/// <summary>Turns messages of one class into bytes and back, under one wire name.</summary>
/// <typeparam name="T">The message class.</typeparam>
public interface IMessageSerializer<T>
    where T : notnull
{
    /// <summary>The wire name, version included; by default the class's own (PAY-3).</summary>
    string TypeName => MessageNames.Of(typeof(T));

    /// <summary>The content type; by default <see cref="ContentTypes.Json"/>.</summary>
    string ContentType => ContentTypes.Json;

    /// <summary>True: only reads; sending stays with another serializer of the class (PAY-4).</summary>
    bool IsReceiveOnly => false;

    /// <summary>The message as bytes.</summary>
    /// <param name="message">The message, not null.</param>
    ReadOnlyMemory<byte> Serialize(T message);

    /// <summary>The message that the bytes say.</summary>
    /// <param name="data">What <see cref="Serialize"/> made, perhaps in another process, language or version.</param>
    /// <exception cref="UnsupportedVersionException">The version is not understood: UNSUPPORTED_VERSION.</exception>
    /// <exception cref="Exception">Any other exception means MALFORMED_PAYLOAD.</exception>
    T Deserialize(ReadOnlyMemory<byte> data);
}
