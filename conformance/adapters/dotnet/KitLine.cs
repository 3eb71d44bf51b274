using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ParleyAdapter;

/// <summary>The connection to the kit: one JSON object per line, in both directions.</summary>
internal sealed class KitLine(Stream stream)
{
    // Deeper than any message may be: the kit sends values that the SDK has to refuse.
    private const int MaxDepth = 512;

    private static readonly JsonDocumentOptions Reading = new() { MaxDepth = MaxDepth };
    private static readonly JsonSerializerOptions Writing = new() { MaxDepth = MaxDepth };

    private readonly Lock _writing = new();
    private readonly StreamReader _reader = new(stream);
    private long _observations;

    /// <summary>The next command; null at the end of the connection.</summary>
    public async Task<JsonElement?> ReadAsync() =>
        await _reader.ReadLineAsync() is { } line ? JsonElement.Parse(line, Reading) : null;

    /// <summary>Writes the one answer to a command.</summary>
    /// <param name="n">The command's number.</param>
    /// <param name="kind"><c>ok</c>, <c>unsupported</c> or <c>error</c>.</param>
    /// <param name="content">What belongs to it.</param>
    public void Answer(int n, string kind, JsonNode content)
    {
        lock (_writing)
        {
            Write(new JsonObject { ["re"] = n, [kind] = content });
        }
    }

    /// <summary>Writes what was seen, numbered in the order of the calls.</summary>
    /// <param name="obs">What kind of thing.</param>
    /// <param name="rt">In which runtime.</param>
    /// <param name="members">What belongs to it.</param>
    public void Observe(string obs, string rt, JsonObject members)
    {
        lock (_writing)
        {
            members["obs"] = obs;
            members["i"] = ++_observations;
            members["rt"] = rt;
            members["t_ms"] = Math.Round(Stopwatch.GetTimestamp() * 1000.0 / Stopwatch.Frequency, 3);
            Write(members);
        }
    }

    private void Write(JsonObject line) => stream.Write([.. JsonSerializer.SerializeToUtf8Bytes(line, Writing), (byte)'\n']);
}
