using System.Text.Json.Serialization;

namespace Parley.Trimmed;

internal enum Size
{
    Small,
    ExtraLarge,
}

internal sealed record Order(string Id, Size Size, Size? Other, IReadOnlyList<Size> All, IReadOnlyDictionary<string, double> Prices);

internal sealed record OrderPlaced(string Id, int Count);

internal sealed record Shipped(string Id);

internal sealed record Stranger(string Text);

internal sealed record Ledger
{
    public int Count { get; set; }
}

/// <summary>Its member is of a type that canonical JSON does not list.</summary>
internal sealed record Labels(HashSet<string> AllLabels);

[JsonSerializable(typeof(Order))]
[JsonSerializable(typeof(Labels))]
[JsonSerializable(typeof(OrderPlaced))]
[JsonSerializable(typeof(Shipped))]
[JsonSerializable(typeof(Ledger))]
internal sealed partial class Json : JsonSerializerContext;

internal static class Canonical
{
    public static Json Json { get; } = new(ParleyJson.CreateOptions(Parley.Trimmed.Json.Default));
}
