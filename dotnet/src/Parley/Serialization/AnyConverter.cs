using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Parley;

/// <summary>JSON of any shape; integers that other languages could not hold exactly are refused when written.</summary>
internal sealed class AnyConverter : JsonConverter<JsonElement>
{
    public override JsonElement Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        JsonMetadataServices.JsonElementConverter.Read(ref reader, typeToConvert, options);

    public override void Write(Utf8JsonWriter writer, JsonElement value, JsonSerializerOptions options)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                writer.WriteStartObject();
                foreach (var member in value.EnumerateObject())
                {
                    writer.WritePropertyName(member.Name);
                    Write(writer, member.Value, options);
                }

                writer.WriteEndObject();
                break;
            case JsonValueKind.Array:
                writer.WriteStartArray();
                foreach (var item in value.EnumerateArray())
                {
                    Write(writer, item, options);
                }

                writer.WriteEndArray();
                break;
            case JsonValueKind.Number when !value.TryGetInt64(out _) && !value.TryGetUInt64(out _):
                WriteFloat(writer, value);
                break;
            case JsonValueKind.Undefined:
                throw new NotSupportedException("a JsonElement without a value cannot be in a message");
            default:
                value.WriteTo(writer);
                break;
        }
    }

    private static void WriteFloat(Utf8JsonWriter writer, JsonElement value)
    {
        if (value.GetRawText().AsSpan().IndexOfAny('.', 'e', 'E') < 0)
        {
            throw new NotSupportedException("an integer beyond −2^63 to 2^64−1 cannot be in a message");
        }

        var number = value.GetDouble();
        writer.WriteNumberValue(double.IsFinite(number) ? number : throw new NotSupportedException("a number beyond the range of a 64-bit float cannot be in a message"));
    }
}
