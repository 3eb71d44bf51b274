using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Parley;

/// <summary>Canonical JSON for one class.</summary>
/// <typeparam name="T">The message class.</typeparam>
/// <param name="info">Source-generated type information over <see cref="ParleyJson.CreateOptions"/>, or null for reflection.</param>
public sealed class JsonMessageSerializer<T>(JsonTypeInfo<T>? info = null) : IMessageSerializer<T>
    where T : notnull
{
    /// <inheritdoc />
    public string TypeName { get; } = MessageNames.Of(typeof(T));

    /// <inheritdoc />
    public string ContentType => ContentTypes.Json;

    /// <inheritdoc />
    public ReadOnlyMemory<byte> Serialize(T message) => JsonSerializer.SerializeToUtf8Bytes(message, Info);

    /// <inheritdoc />
    public T Deserialize(ReadOnlyMemory<byte> data) =>
        JsonSerializer.Deserialize(data.Span, Info) ?? throw new JsonException("the payload is null, but an object is needed");

    // Looked up late, so that a class which cannot be a message fails when it is sent, with a text of its own.
    private JsonTypeInfo<T> Info => info ??= ListedTypes.IsValue(typeof(T))
        ? throw new NotSupportedException("a message is an object: put the value into a class or record of its own")
        : (JsonTypeInfo<T>)ParleyJson.Options.GetTypeInfo(typeof(T));
}
