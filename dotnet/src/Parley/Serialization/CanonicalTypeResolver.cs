using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Parley;

/// <summary>Refuses types that canonical JSON does not list (JSON-12), so that no language gets what it cannot read.</summary>
[RequiresUnreferencedCode(Reflected.Message)]
[RequiresDynamicCode(Reflected.Message)]
internal sealed class CanonicalTypeResolver : DefaultJsonTypeInfoResolver
{
    public override JsonTypeInfo GetTypeInfo(Type type, JsonSerializerOptions options)
    {
        CanonicalTypes.Check(null, type);
        var info = base.GetTypeInfo(type, options);
        foreach (var member in CanonicalTypes.MembersOf(info))
        {
            CanonicalTypes.Check(member.Name, member.PropertyType);
        }

        return info;
    }
}

/// <summary>The same for type information that was made at compile time.</summary>
internal static class CanonicalTypes
{
    /// <summary>The type information, if canonical JSON lists all that is reached from it.</summary>
    /// <exception cref="UnlistedTypeException">It does not.</exception>
    public static JsonTypeInfo<T> Checked<T>(JsonTypeInfo<T> info)
    {
        var (seen, next) = (new HashSet<Type>(), new Stack<JsonTypeInfo>([info]));
        while (next.TryPop(out var type))
        {
            if (!seen.Add(type.Type))
            {
                continue;
            }

            Check(null, type.Type);
            foreach (var member in MembersOf(type))
            {
                Check(member.Name, member.PropertyType);
                next.Push(info.Options.GetTypeInfo(member.PropertyType));
            }

            if (type.ElementType is { } element)
            {
                next.Push(info.Options.GetTypeInfo(element));
            }
        }

        return info;
    }

    /// <exception cref="UnlistedTypeException">Canonical JSON does not list the type.</exception>
    public static void Check(string? member, Type type)
    {
        if (ListedTypes.WhyNot(type) is { } whyNot)
        {
            throw new UnlistedTypeException(member, type, whyNot);
        }
    }

    public static IEnumerable<JsonPropertyInfo> MembersOf(JsonTypeInfo info) => info.Kind == JsonTypeInfoKind.Object ? info.Properties : [];
}

/// <summary>A type that canonical JSON does not list.</summary>
internal sealed class UnlistedTypeException(string? member, Type type, string why)
    : NotSupportedException($"{(member is null ? string.Empty : $"the member '{member}': ")}{type} cannot be in a message: {why}. {ListedTypes.Text}")
{
    /// <summary>The wire name of the member; null: the message itself.</summary>
    public string? Member => member;
}
