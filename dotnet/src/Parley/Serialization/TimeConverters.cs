using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;

namespace Parley;

/// <summary>Moments as JSON-10 has them.</summary>
internal static partial class Moment
{
    // Finer than 100 ns is cut off: no type of this language holds it.
    private const int Digits = 7;

    private const string Form = "a moment YYYY-MM-DDTHH:MM:SS[.digits] with an offset ±HH:MM or Z is needed, of the years 0001 to 9999";

    public static DateTimeOffset Read(ref Utf8JsonReader reader)
    {
        var text = reader.TokenType == JsonTokenType.String ? reader.GetString()! : throw new JsonException(Form);
        var parts = Parts().Match(text);
        if (!parts.Success)
        {
            throw new JsonException(Form);
        }

        var fraction = parts.Groups["fraction"].Value;
        var offset = parts.Groups["offset"].Value;
        var normal = $"{parts.Groups["seconds"].Value}.{fraction[..Math.Min(fraction.Length, Digits)].PadRight(Digits, '0')}"
            + (offset == "Z" ? "+00:00" : offset);
        return DateTimeOffset.TryParseExact(normal, "yyyy-MM-dd'T'HH:mm:ss.fffffffzzz", CultureInfo.InvariantCulture, DateTimeStyles.None, out var moment)
            ? moment
            : throw new JsonException(Form);
    }

    public static string Write(DateTimeOffset value) =>
        value.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFFzzz", CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^(?<seconds>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(\.(?<fraction>[0-9]+))?(?<offset>Z|[+-][0-9]{2}:[0-9]{2})\z")]
    private static partial Regex Parts();
}

/// <summary>Moments that keep their offset.</summary>
internal sealed class DateTimeOffsetConverter : JsonConverter<DateTimeOffset>
{
    public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => Moment.Read(ref reader);

    public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) =>
        writer.WriteStringValue(Moment.Write(value));
}

/// <summary>Moments without room for an offset: read as UTC.</summary>
internal sealed class DateTimeConverter : JsonConverter<DateTime>
{
    public override DateTime Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        Moment.Read(ref reader).UtcDateTime;

    public override void Write(Utf8JsonWriter writer, DateTime value, JsonSerializerOptions options) =>
        writer.WriteStringValue(Moment.Write(value.Kind != DateTimeKind.Unspecified
            ? new DateTimeOffset(value)
            : throw new NotSupportedException("a DateTime of kind Unspecified has no offset; use DateTimeOffset, or kind Utc or Local")));
}
