using System.Text.Json;

namespace Parley.Tests.Vectors;

// The types of types.json, as a user would write them.
internal enum Color
{
    Red,
    DarkBlue,
    HTTPError,
    Rgb2,
}

internal sealed record Numbers(int Int32, long Int64, ulong Uint64, float Float32, double Float64, bool Flag);

internal sealed record Texts(string Text);

internal sealed record Blob(byte[] Data);

internal sealed record Times(DateTimeOffset At);

internal sealed record Choice(Color Color, Color? Maybe, IReadOnlyList<Color> Palette);

internal sealed record Inner(string Label, long Count);

internal sealed record Nested(Inner Inner, IReadOnlyList<Inner> Items, IReadOnlyDictionary<string, Inner> ByName, Inner? Maybe = null);

internal sealed record Tree(string Name, IReadOnlyList<Tree> Children);

internal sealed record Grid(IReadOnlyList<IReadOnlyList<long>> Rows);

internal sealed record Lists(IReadOnlyList<long> Ints, IReadOnlyList<double> Floats, IReadOnlyList<string> Texts);

internal sealed record Maps(IReadOnlyDictionary<string, long> Counts, IReadOnlyDictionary<string, string> Texts);

internal sealed record Optionals(
    string Name, string? Alias, string? Note = null, long Count = 7, double Ratio = 0.5, Color Color = Color.Red, bool On = true);

#pragma warning disable IDE1006 // The names are the point.
internal sealed record Names(
    long Address2, long AddressLine1, long Line2A, long HTTPServer, long HttpServer2, long IPv4Address, long UserID, long UserIDs, long X, long XY,
    long camelCase, long SHA256, long Sha256Sum, long OAuth2Token, long UTF8String, long Point3D, long P50Ms, long TwoFA, long already_snake);
#pragma warning restore IDE1006

internal sealed record Empty;

[Message("analytics_request", Version = 2)]
internal sealed record AnalyticsRequest(IReadOnlyList<double> DataPoints);

[Message("orders.renamed")]
internal sealed record Renamed(string Text);

internal sealed record Free(JsonElement Value, IReadOnlyDictionary<string, JsonElement> Data);

internal sealed record Unlisted(TimeSpan Span);
