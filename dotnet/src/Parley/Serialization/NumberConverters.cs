using System.Text.Json;
using System.Text.Json.Serialization;

namespace Parley;

/// <summary>Finite numbers only, both ways; a number beyond the range is an error, never an infinity.</summary>
internal sealed class DoubleConverter : JsonConverter<double>
{
    public override double Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        var value = reader.TokenType == JsonTokenType.Number ? reader.GetDouble() : throw new JsonException("a number is needed");
        return double.IsFinite(value) ? value : throw new JsonException("the number is beyond the range of a 64-bit float");
    }

    public override void Write(Utf8JsonWriter writer, double value, JsonSerializerOptions options) =>
        writer.WriteNumberValue(double.IsFinite(value) ? value : throw new NotSupportedException("NaN and infinities cannot be in a message"));
}

/// <summary>As <see cref="DoubleConverter"/>, in 32 bits.</summary>
internal sealed class SingleConverter : JsonConverter<float>
{
    public override float Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        var value = reader.TokenType == JsonTokenType.Number ? reader.GetSingle() : throw new JsonException("a number is needed");
        return float.IsFinite(value) ? value : throw new JsonException("the number is beyond the range of a 32-bit float");
    }

    public override void Write(Utf8JsonWriter writer, float value, JsonSerializerOptions options) =>
        writer.WriteNumberValue(float.IsFinite(value) ? value : throw new NotSupportedException("NaN and infinities cannot be in a message"));
}
