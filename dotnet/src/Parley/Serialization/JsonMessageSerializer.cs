using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Parley;

/// <summary>Canonical JSON for one class.</summary>
/// <typeparam name="T">The message class.</typeparam>
public sealed class JsonMessageSerializer<T> : IMessageSerializer<T>
    where T : notnull
{
    // Looked up late, so that a class which cannot be a message fails when it is sent, with a text of its own.
    private readonly Lazy<JsonTypeInfo<T>> _info;

    /// <summary>Reads and writes the class by reflection.</summary>
    [RequiresUnreferencedCode(Reflected.Message)]
    [RequiresDynamicCode(Reflected.Message)]
    public JsonMessageSerializer() => _info = new(Reflect, LazyThreadSafetyMode.PublicationOnly);

    /// <summary>Reads and writes the class without reflection (trimming, AOT).</summary>
    /// <param name="info">Source-generated type information over <see cref="ParleyJson.CreateOptions"/>.</param>
    public JsonMessageSerializer(JsonTypeInfo<T> info)
    {
        ArgumentNullException.ThrowIfNull(info);
        _info = new(() => CanonicalTypes.Checked(Object(info)), LazyThreadSafetyMode.PublicationOnly);
    }

    /// <inheritdoc />
    public string TypeName { get; } = MessageNames.Of(typeof(T));

    /// <inheritdoc />
    public string ContentType => ContentTypes.Json;

    /// <inheritdoc />
    public ReadOnlyMemory<byte> Serialize(T message) => JsonSerializer.SerializeToUtf8Bytes(message, _info.Value);

    /// <inheritdoc />
    public T Deserialize(ReadOnlyMemory<byte> data) =>
        JsonSerializer.Deserialize(data.Span, _info.Value) ?? throw new JsonException("the payload is null, but an object is needed");

    [RequiresUnreferencedCode(Reflected.Message)]
    [RequiresDynamicCode(Reflected.Message)]
    private static JsonTypeInfo<T> Reflect() => Object((JsonTypeInfo<T>)ParleyJson.Options.GetTypeInfo(typeof(T)));

    private static JsonTypeInfo<T> Object(JsonTypeInfo<T> info) => ListedTypes.IsValue(typeof(T))
        ? throw new NotSupportedException("a message is an object: put the value into a class or record of its own")
        : info;
}
