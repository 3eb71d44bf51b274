using System.Text.Json;
using Parley;

namespace ParleyAdapter.Vectors;

// The types of conformance/vectors/types.json, in C#'s own manner.
public enum Color
{
    Red,
    DarkBlue,
    HTTPError,
    Rgb2,
}

public sealed record Numbers(int Int32, long Int64, ulong Uint64, float Float32, double Float64, bool Flag);

public sealed record Texts(string Text);

public sealed record Blob(byte[] Data);

public sealed record Times(DateTimeOffset At);

public sealed record Choice(Color Color, Color? Maybe, IReadOnlyList<Color> Palette);

public sealed record Inner(string Label, long Count);

public sealed record Nested(
    Inner Inner, IReadOnlyList<Inner> Items, IReadOnlyDictionary<string, Inner> ByName, Inner? Maybe = null);

public sealed record Tree(string Name, IReadOnlyList<Tree> Children);

public sealed record Grid(IReadOnlyList<IReadOnlyList<long>> Rows);

public sealed record Lists(IReadOnlyList<long> Ints, IReadOnlyList<double> Floats, IReadOnlyList<string> Texts);

public sealed record Maps(IReadOnlyDictionary<string, long> Counts, IReadOnlyDictionary<string, string> Texts);

public sealed record Optionals(
    string Name, string? Alias, string? Note = null, long Count = 7, double Ratio = 0.5, Color Color = Color.Red, bool On = true);

public sealed record Names(
    long Address2,
    long AddressLine1,
    long Line2A,
    long HTTPServer,
    long HttpServer2,
    long IPv4Address,
    long UserID,
    long UserIDs,
    long X,
    long XY,
    long camelCase,
    long SHA256,
    long Sha256Sum,
    long OAuth2Token,
    long UTF8String,
    long Point3D,
    long P50Ms,
    long TwoFA,
    long already_snake);

public sealed record Empty;

[Message("analytics_request", Version = 2)]
public sealed record AnalyticsRequest(IReadOnlyList<double> DataPoints);

[Message("orders.renamed")]
public sealed record Renamed(string Text);

public sealed record Free(JsonElement Value, IReadOnlyDictionary<string, JsonElement> Data);

public sealed record Unlisted(TimeSpan Span);
