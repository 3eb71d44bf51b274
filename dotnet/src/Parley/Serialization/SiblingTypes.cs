using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Reflection;

namespace Parley;

/// <summary>Finds the class of a reply beside the class of the request (RPC-14).</summary>
internal static class SiblingTypes
{
    private static readonly ConcurrentDictionary<Assembly, ILookup<string, Type>> Index = new();

    /// <summary>
    /// The class with that wire name in the request's assembly: in the same outer class, else namespace, else the only one; or null, as
    /// always in trimmed and ahead-of-time compiled programs.
    /// </summary>
    public static Type? Find(Type request, string typeName) => Reflected.IsSupported ? Search(request, typeName) : null;

    [RequiresUnreferencedCode(Reflected.Message)]
    private static Type? Search(Type request, string typeName)
    {
        var named = Index.GetOrAdd(request.Assembly, static a => MessageClasses(a).ToLookup(MessageNames.Of))[typeName];
        return named.FirstOrDefault(t => t.DeclaringType == request.DeclaringType && t.Namespace == request.Namespace)
            ?? Only(named.Where(t => t.Namespace == request.Namespace))
            ?? Only(named);
    }

    private static Type? Only(IEnumerable<Type> types)
    {
        var two = types.Take(2).ToArray();
        return two.Length == 1 ? two[0] : null;
    }

    [RequiresUnreferencedCode(Reflected.Message)]
    private static IEnumerable<Type> MessageClasses(Assembly assembly) =>
        assembly.GetTypes().Where(t => t is { IsAbstract: false, IsInterface: false, IsEnum: false }
            && !(t.IsGenericType && !t.IsDefined(typeof(MessageAttribute)))
            && !typeof(Delegate).IsAssignableFrom(t)
            && !t.Name.Contains('<', StringComparison.Ordinal));
}
