using System.Diagnostics.CodeAnalysis;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Parley;

/// <summary>Canonical JSON: the form in which messages cross languages (JSON rules of SPEC.md).</summary>
public static class ParleyJson
{
    /// <summary>The options of the reflection-based serializer; read-only.</summary>
    public static JsonSerializerOptions Options
    {
        [RequiresUnreferencedCode(Reflected.Message)]
        [RequiresDynamicCode(Reflected.Message)]
        get => OfReflection.Options;
    }

    /// <summary>New canonical options over a resolver, e.g. a source-generated <c>JsonSerializerContext</c> (trimming, AOT).</summary>
    /// <param name="resolver">Where type information comes from.</param>
    public static JsonSerializerOptions CreateOptions(IJsonTypeInfoResolver resolver)
    {
        ArgumentNullException.ThrowIfNull(resolver);
        return new JsonSerializerOptions
        {
            PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
            RespectRequiredConstructorParameters = true,
            RespectNullableAnnotations = true,
            AllowDuplicateProperties = false,
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            TypeInfoResolver = resolver,
            Converters =
            {
                new TextConverter(),
                new SingleConverter(),
                new DoubleConverter(),
                new DateTimeOffsetConverter(),
                new DateTimeConverter(),
                new AnyConverter(),
                new EnumConverter(),
            },
        };
    }

    // A class of its own: made when it is first asked for, and left out of programs that never ask.
    [RequiresUnreferencedCode(Reflected.Message)]
    [RequiresDynamicCode(Reflected.Message)]
    private static class OfReflection
    {
        public static JsonSerializerOptions Options { get; } = MakeReadOnly(CreateOptions(new CanonicalTypeResolver()));

        private static JsonSerializerOptions MakeReadOnly(JsonSerializerOptions options)
        {
            options.MakeReadOnly();
            return options;
        }
    }
}
