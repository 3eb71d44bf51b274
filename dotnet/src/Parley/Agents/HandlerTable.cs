using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Reflection;

namespace Parley;

/// <summary>The handlers of an agent class, by kind and class of the message.</summary>
internal sealed class HandlerTable
{
    private static readonly ConcurrentDictionary<Type, HandlerTable> Cache = new();

    private readonly Dictionary<(HandlerKind Kind, Type Message), Handler> _handlers = [];

    public IEnumerable<Type> MessageTypes => _handlers.Keys.Select(k => k.Message).Distinct();

    /// <summary>The table of a class, from its marked methods, inherited ones included.</summary>
    /// <exception cref="InvalidOperationException">A marked method cannot be a handler, or two handle one class.</exception>
    public static HandlerTable For([DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.AllMethods)] Type agentClass) =>
        Cache.TryGetValue(agentClass, out var known) ? known : Cache.GetOrAdd(agentClass, Discover(agentClass));

    public Handler? Find(HandlerKind kind, Type message) => _handlers.TryGetValue((kind, message), out var handler) ? handler : null;

    public IEnumerable<Type> Understood(HandlerKind kind) => _handlers.Keys.Where(k => k.Kind == kind).Select(k => k.Message);

    public void Add(HandlerKind kind, Type message, Handler handler)
    {
        if (!_handlers.TryAdd((kind, message), handler))
        {
            throw new InvalidOperationException($"There are two {kind} handlers for {message}; one class of message has one handler.");
        }
    }

    private static HandlerTable Discover([DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.AllMethods)] Type agentClass)
    {
        var table = new HandlerTable();
        // An override comes once, as the most derived class has it; private methods of base classes count as well.
        var seen = new HashSet<MethodInfo>();
        for (var type = agentClass; type is not null && type != typeof(object); type = type.BaseType)
        {
            const BindingFlags Declared =
                BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
            foreach (var method in type.GetMethods(Declared).Where(m => seen.Add(m.GetBaseDefinition())))
            {
                if (method.IsStatic && (method.IsDefined(typeof(RpcMethodAttribute)) || method.IsDefined(typeof(EventMethodAttribute))))
                {
                    throw new InvalidOperationException(
                        $"The handler {type.Name}.{method.Name} is static; a handler belongs to an agent: make it an instance method.");
                }

                if (method.GetCustomAttribute<RpcMethodAttribute>() is { } rpc)
                {
                    var (message, handler) = HandlerFactory.Create(agentClass, method, HandlerKind.Rpc);
                    var name = $"{type.Name}.{method.Name}";
                    table.Add(HandlerKind.Rpc, message, rpc.Results.Count == 0 ? handler : new UnionHandler(handler, rpc.Results, name));
                }

                if (method.GetCustomAttribute<EventMethodAttribute>() is not null)
                {
                    var (message, handler) = HandlerFactory.Create(agentClass, method, HandlerKind.Event);
                    table.Add(HandlerKind.Event, message, handler);
                }
            }
        }

        return table;
    }
}
