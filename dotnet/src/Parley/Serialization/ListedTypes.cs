using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace Parley;

/// <summary>What canonical JSON lists (JSON-12).</summary>
internal static class ListedTypes
{
    public const string Text = "Listed are bool, integers of up to 64 bits, float, double, string, byte[], DateTime, DateTimeOffset, enums, "
        + "lists, maps with string keys, JsonElement, and classes of these.";

    private static readonly HashSet<Type> Values =
    [
        typeof(bool), typeof(sbyte), typeof(byte), typeof(short), typeof(ushort), typeof(int), typeof(uint), typeof(long),
        typeof(ulong), typeof(float), typeof(double), typeof(string), typeof(byte[]), typeof(Memory<byte>),
        typeof(ReadOnlyMemory<byte>), typeof(DateTime), typeof(DateTimeOffset), typeof(JsonElement), typeof(object),
    ];

    /// <summary>Whether it is a listed type, but no object of its own: a number, a text, a list … (JSON-1).</summary>
    public static bool IsValue(Type type) =>
        Values.Contains(type) || type.IsEnum || (ArgumentsOf(type, typeof(IEnumerable<>)) is not null && ArgumentsOf(type, typeof(IDictionary<,>)) is null);

    /// <summary>Why a type cannot be in a message; null: it can, as far as itself and its elements go.</summary>
    public static string? WhyNot(Type type)
    {
        var plain = Nullable.GetUnderlyingType(type) ?? type;
        if (Values.Contains(plain) || plain.IsEnum)
        {
            return null;
        }

        if (ArgumentsOf(plain, typeof(IDictionary<,>)) is { } map || (map = ArgumentsOf(plain, typeof(IReadOnlyDictionary<,>))) is not null)
        {
            return map[0] != typeof(string) ? "the keys of a map are strings" : WhyNot(map[1]);
        }

        if (ArgumentsOf(plain, typeof(ISet<>)) is not null || ArgumentsOf(plain, typeof(IReadOnlySet<>)) is not null)
        {
            return "it is a set";
        }

        if (plain.IsArray && plain.GetArrayRank() > 1)
        {
            return "it has several dimensions";
        }

        if (ArgumentsOf(plain, typeof(IEnumerable<>)) is { } list)
        {
            return WhyNot(list[0]);
        }

        var ofTheFramework = plain.Namespace is "System" || plain.Namespace?.StartsWith("System.", StringComparison.Ordinal) == true;
        return ofTheFramework || typeof(IEnumerable).IsAssignableFrom(plain) || typeof(Delegate).IsAssignableFrom(plain)
            ? "it is not among the listed types"
            : null;
    }

    [UnconditionalSuppressMessage("Trimming", "IL2070", Justification = "An interface that was trimmed away is one by which nothing serializes the type.")]
    private static Type[]? ArgumentsOf(Type type, Type definition) =>
        type.GetInterfaces().Append(type).FirstOrDefault(i => i.IsGenericType && i.GetGenericTypeDefinition() == definition)?.GenericTypeArguments;
}
