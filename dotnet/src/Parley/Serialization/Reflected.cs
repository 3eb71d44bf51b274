using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Parley;

/// <summary>What is served by reflection, and the texts for where that cannot be.</summary>
internal static class Reflected
{
    public const string Message = "Reads the class by reflection; trimmed programs give a JsonTypeInfo instead.";

    /// <summary>False in trimmed and ahead-of-time compiled programs: only classes that are registered can then be messages.</summary>
    [FeatureGuard(typeof(RequiresUnreferencedCodeAttribute))]
    [FeatureGuard(typeof(RequiresDynamicCodeAttribute))]
    [UnconditionalSuppressMessage("Trimming", "IL4000", Justification = "Where trimming or compiling ahead of time asks, the guard is the constant false.")]
    public static bool IsSupported => JsonSerializer.IsReflectionEnabledByDefault && RuntimeFeature.IsDynamicCodeSupported;

    /// <summary>A class would have to be reflected upon here.</summary>
    public static NotSupportedException NotRegistered(Type type) =>
        new($"{type} is not registered, and this program is trimmed or compiled ahead of time; register it before it is needed: "
            + "AddMessageType(JsonTypeInfo<T>), or AddMessageSerializer(new ProtobufMessageSerializer<T>()) for a generated class.");
}
