using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Parley;

/// <summary>Strings, as values and as keys of maps; lone surrogates are refused instead of being replaced.</summary>
internal sealed class TextConverter : JsonConverter<string>
{
    public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String ? reader.GetString() : throw new JsonException("a string is needed");

    public override string ReadAsPropertyName(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.GetString()!;

    public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options) =>
        writer.WriteStringValue(Check(value));

    public override void WriteAsPropertyName(Utf8JsonWriter writer, string value, JsonSerializerOptions options) =>
        writer.WritePropertyName(Check(value));

    private static string Check(string value)
    {
        var rest = value.AsSpan();
        var surrogate = rest.IndexOfAnyInRange('\ud800', '\udfff');
        while (surrogate >= 0)
        {
            rest = rest[surrogate..];
            if (Rune.DecodeFromUtf16(rest, out _, out var used) != System.Buffers.OperationStatus.Done)
            {
                throw new NotSupportedException("a string with a lone surrogate cannot be in a message; it must be valid Unicode");
            }

            rest = rest[used..];
            surrogate = rest.IndexOfAnyInRange('\ud800', '\udfff');
        }

        return value;
    }
}
