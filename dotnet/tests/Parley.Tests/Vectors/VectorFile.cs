using System.Text;
using System.Text.Json;

namespace Parley.Tests.Vectors;

/// <summary>The files of conformance/vectors, which the build copies beside the tests.</summary>
internal static class VectorFile
{
    // What .NET's types can hold; Python's needs are the others.
    private static readonly string[] Has = ["int32", "int64", "uint64", "float32"];

    public static JsonElement Read(string name) =>
        JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "vectors", name)), new() { MaxDepth = 256 }).RootElement;

    public static IEnumerable<JsonElement> Payloads(string name) => Read(name).GetProperty("vectors").EnumerateArray()
        .Where(v => !v.TryGetProperty("needs", out var needs) || needs.EnumerateArray().All(n => Has.Contains(n.GetString())));

    public static JsonElement Payload(string file, string id) => Payloads(file).Single(v => v.GetProperty("id").GetString() == id);

    public static byte[] Data(JsonElement data) => data.TryGetProperty("text", out var text)
        ? Encoding.UTF8.GetBytes(text.GetString()!)
        : data.GetProperty("base64").GetBytesFromBase64();

    /// <summary>A text: plain, by UTF-16 code units, or repeated.</summary>
    public static string Text(JsonElement text)
    {
        if (text.ValueKind == JsonValueKind.String)
        {
            return text.GetString()!;
        }

        return text.TryGetProperty("$utf16", out var units)
            ? string.Concat(units.EnumerateArray().Select(u => (char)Convert.ToUInt16(u.GetString(), 16)))
            : string.Concat(Enumerable.Repeat(text.GetProperty("$repeat").GetString(), text.GetProperty("times").GetInt32()));
    }
}
