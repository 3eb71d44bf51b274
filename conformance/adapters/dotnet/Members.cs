using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace ParleyAdapter;

/// <summary>Members of commands.</summary>
internal static class Members
{
    public static string Text(this JsonElement command, string name) => command.GetProperty(name).GetString()!;

    [return: NotNullIfNotNull(nameof(otherwise))]
    public static string? TextOr(this JsonElement command, string name, string? otherwise) =>
        command.TryGetProperty(name, out var value) ? value.GetString() ?? otherwise : otherwise;

    public static bool Flag(this JsonElement command, string name, bool otherwise) =>
        command.TryGetProperty(name, out var value) ? value.GetBoolean() : otherwise;

    public static TimeSpan? Ms(this JsonElement command, string name) =>
        command.TryGetProperty(name, out var value) ? TimeSpan.FromMilliseconds(value.GetInt64()) : null;

    public static IReadOnlyList<string> Texts(this JsonElement command, string name) =>
        command.TryGetProperty(name, out var value) ? [.. value.EnumerateArray().Select(v => v.GetString()!)] : [];
}
