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
        if (ListedTypes.WhyNot(type) is { } whyNot)
        {
            throw new UnlistedTypeException(null, type, whyNot);
        }

        var info = base.GetTypeInfo(type, options);
        foreach (var member in info.Kind == JsonTypeInfoKind.Object ? info.Properties : [])
        {
            if (ListedTypes.WhyNot(member.PropertyType) is { } whyNotMember)
            {
                throw new UnlistedTypeException(member.Name, member.PropertyType, whyNotMember);
            }
        }

        return info;
    }
}

/// <summary>A type that canonical JSON does not list.</summary>
internal sealed class UnlistedTypeException(string? member, Type type, string why)
    : NotSupportedException($"{(member is null ? string.Empty : $"the member '{member}': ")}{type} cannot be in a message: {why}. {ListedTypes.Text}")
{
    /// <summary>The wire name of the member; null: the message itself.</summary>
    public string? Member => member;
}
