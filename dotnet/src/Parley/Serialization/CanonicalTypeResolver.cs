using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Parley;

/// <summary>Refuses types that canonical JSON does not list, so that no language gets what it cannot read.</summary>
internal sealed class CanonicalTypeResolver : DefaultJsonTypeInfoResolver
{
    private static readonly HashSet<Type> ListedValues =
    [
        typeof(bool), typeof(sbyte), typeof(byte), typeof(short), typeof(ushort), typeof(int), typeof(uint), typeof(long),
        typeof(ulong), typeof(float), typeof(double), typeof(string), typeof(byte[]), typeof(Memory<byte>),
        typeof(ReadOnlyMemory<byte>), typeof(DateTime), typeof(DateTimeOffset), typeof(JsonElement), typeof(object),
    ];

    public override JsonTypeInfo GetTypeInfo(Type type, JsonSerializerOptions options)
    {
        if (typeof(Delegate).IsAssignableFrom(type))
        {
            throw Unlisted(type, "it is a delegate");
        }

        var info = base.GetTypeInfo(type, options);
        var ofTheFramework = type.Namespace is "System" || type.Namespace?.StartsWith("System.", StringComparison.Ordinal) == true;
        return info.Kind switch
        {
            JsonTypeInfoKind.None when ofTheFramework && !IsListed(type) => throw Unlisted(type, "it is not among the listed types"),
            JsonTypeInfoKind.Object when ofTheFramework => throw Unlisted(type, "it is a class of the framework"),
            JsonTypeInfoKind.Dictionary when info.KeyType != typeof(string) => throw Unlisted(type, "the keys of a map are strings"),
            _ => info,
        };
    }

    private static bool IsListed(Type type) => ListedValues.Contains(Nullable.GetUnderlyingType(type) ?? type)
        || (Nullable.GetUnderlyingType(type) ?? type).IsEnum;

    private static NotSupportedException Unlisted(Type type, string why) =>
        new($"{type} cannot be in a message: {why}. Listed are bool, integers up to 64 bits, float, double, string, byte[], "
            + "DateTime, DateTimeOffset, enums, lists, maps with string keys, and classes of these.");
}
