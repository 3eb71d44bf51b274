using System.Globalization;
using System.Numerics;
using System.Text.Json;

namespace Parley.Tests.Vectors;

/// <summary>JSON as a text that is equal when the values are: members by name, numbers as exact decimals.</summary>
internal static class Json
{
    public static string Show(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.Object => $"{{{string.Join(",", Members(json))}}}",
        JsonValueKind.Array => $"[{string.Join(",", json.EnumerateArray().Select(Show))}]",
        JsonValueKind.Number => Number(json.GetRawText()),
        JsonValueKind.String => $"\"{json.GetString()}\"",
        _ => json.GetRawText(),
    };

    private static IEnumerable<string> Members(JsonElement json)
    {
        var members = json.EnumerateObject().ToArray();
        Assert.Equal(members.Length, members.Select(m => m.Name).Distinct().Count());
        return members.OrderBy(m => m.Name, StringComparer.Ordinal).Select(m => $"{m.Name}:{Show(m.Value)}");
    }

    // mantissa × 10^exponent, without zeros at the mantissa's end.
    private static string Number(string text)
    {
        var parts = text.Split('e', 'E');
        var point = parts[0].IndexOf('.', StringComparison.Ordinal);
        var mantissa = BigInteger.Parse(parts[0].Replace(".", string.Empty, StringComparison.Ordinal), CultureInfo.InvariantCulture);
        var exponent = (parts.Length > 1 ? int.Parse(parts[1], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture) : 0)
            - (point < 0 ? 0 : parts[0].Length - point - 1);
        for (; !mantissa.IsZero && mantissa % 10 == 0; exponent++)
        {
            mantissa /= 10;
        }

        return mantissa.IsZero ? "0" : $"{mantissa}e{exponent}";
    }
}
