using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Parley;

/// <summary>RFC 3339 with an offset, both ways.</summary>
internal static class Rfc3339
{
    private static readonly string[] Formats = ["yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", "yyyy-MM-dd't'HH:mm:ss.FFFFFFFK", "yyyy-MM-dd' 'HH:mm:ss.FFFFFFFK"];

    public static DateTimeOffset Read(ref Utf8JsonReader reader)
    {
        var text = reader.TokenType == JsonTokenType.String ? reader.GetString()! : throw new JsonException("a time as a string is needed");
        // Without an offset, K would be taken for the machine's own zone.
        var hasOffset = text.Length > 19 && (text[^1] is 'Z' or 'z' || text[^6] is '+' or '-');
        var normal = text.Length > 0 && text[^1] == 'z' ? string.Concat(text.AsSpan(0, text.Length - 1), "Z") : text;
        return hasOffset && DateTimeOffset.TryParseExact(CutFraction(normal), Formats, CultureInfo.InvariantCulture, DateTimeStyles.None, out var time)
            ? time
            : throw new JsonException("a time as in RFC 3339, with an offset, is needed, e.g. 2026-01-31T12:00:00.5+01:00");
    }

    public static string Write(DateTimeOffset value) =>
        value.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFFzzz", CultureInfo.InvariantCulture);

    // Finer than 100 ns is cut off: no clock of this language holds it.
    private static string CutFraction(string text)
    {
        const int FractionStart = 20;
        const int Digits = 7;
        var end = FractionStart;
        while (end < text.Length && char.IsAsciiDigit(text[end]))
        {
            end++;
        }

        return text[FractionStart - 1] == '.' && end - FractionStart > Digits ? text.Remove(FractionStart + Digits, end - FractionStart - Digits) : text;
    }
}

internal sealed class DateTimeOffsetConverter : JsonConverter<DateTimeOffset>
{
    public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => Rfc3339.Read(ref reader);

    public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) =>
        writer.WriteStringValue(Rfc3339.Write(value));
}

internal sealed class DateTimeConverter : JsonConverter<DateTime>
{
    public override DateTime Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        Rfc3339.Read(ref reader).UtcDateTime;

    public override void Write(Utf8JsonWriter writer, DateTime value, JsonSerializerOptions options) =>
        writer.WriteStringValue(Rfc3339.Write(value.Kind != DateTimeKind.Unspecified
            ? new DateTimeOffset(value)
            : throw new NotSupportedException("a DateTime of kind Unspecified has no offset; use DateTimeOffset, or kind Utc or Local")));
}
