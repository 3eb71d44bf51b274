using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace Parley;

/// <summary>Makes handlers of marked methods: typed delegates, so that a call costs no reflection.</summary>
internal static class HandlerFactory
{
    private const BindingFlags Here = BindingFlags.NonPublic | BindingFlags.Static;

    /// <summary>The class of the message that the method handles, and the handler.</summary>
    /// <exception cref="InvalidOperationException">The method cannot be a handler; the text says why.</exception>
    public static (Type Message, Handler Handler) Create(Type agentClass, MethodInfo method, HandlerKind kind)
    {
        var parameters = method.GetParameters();
        var wellFormed = parameters.Length is 1 or 2
            && (parameters.Length == 1 || parameters[1].ParameterType == typeof(MessageContext))
            && parameters.All(p => !p.ParameterType.IsByRef)
            && !method.IsGenericMethodDefinition;
        var message = wellFormed ? parameters[0].ParameterType : null;
        if (message is null || message == typeof(object) || message.IsAbstract || message.IsInterface)
        {
            throw Refused(method, "its parameters must be a message of a class of its own and, if wanted, a MessageContext");
        }

        var (shape, result) = Shape(method);
        if (kind == HandlerKind.Event && result is not null)
        {
            throw Refused(method, "a handler of events returns nothing: void, Task or ValueTask");
        }

        if (!RuntimeFeature.IsDynamicCodeSupported)
        {
            throw Refused(method, "this program is compiled ahead of time; give a delegate to HandleRpc or HandleEvent in the agent's constructor instead");
        }

        var make = typeof(HandlerFactory).GetMethod($"{shape}{(parameters.Length == 2 ? "WithContext" : string.Empty)}", Here)!;
        return (message, Make(make, result is null ? [agentClass, message] : [agentClass, message, result], method));
    }

    [UnconditionalSuppressMessage("Trimming", "IL2060", Justification = "Nothing is asked of the members of the type arguments.")]
    [RequiresDynamicCode(Reflected.Message)]
    private static Handler Make(MethodInfo make, Type[] types, MethodInfo method) => (Handler)make.MakeGenericMethod(types).Invoke(null, [method])!;

    private static (string Shape, Type? Result) Shape(MethodInfo method)
    {
        var type = method.ReturnType;
        var generic = type.IsGenericType ? type.GetGenericTypeDefinition() : null;
        return type switch
        {
            _ when type == typeof(void) => (nameof(Void), null),
            _ when type == typeof(Task) => (nameof(OfTask), null),
            _ when type == typeof(ValueTask) => (nameof(OfValueTask), null),
            _ when generic == typeof(Task<>) => (nameof(ResultTask), type.GenericTypeArguments[0]),
            _ when generic == typeof(ValueTask<>) => (nameof(ResultValueTask), type.GenericTypeArguments[0]),
            _ when type.IsByRef => throw Refused(method, "it returns a reference"),
            _ => (nameof(Result), type),
        };
    }

    private static InvalidOperationException Refused(MethodInfo method, string why) =>
        new($"{method.DeclaringType?.Name}.{method.Name} cannot be a handler: {why}.");

    private static VoidHandler<TAgent, TMessage> Void<TAgent, TMessage>(MethodInfo method)
    {
        var call = method.CreateDelegate<Action<TAgent, TMessage>>();
        return new((agent, message, _) =>
        {
            call(agent, message);
            return default;
        });
    }

    private static VoidHandler<TAgent, TMessage> VoidWithContext<TAgent, TMessage>(MethodInfo method)
    {
        var call = method.CreateDelegate<Action<TAgent, TMessage, MessageContext>>();
        return new((agent, message, context) =>
        {
            call(agent, message, context);
            return default;
        });
    }

    private static VoidHandler<TAgent, TMessage> OfTask<TAgent, TMessage>(MethodInfo method)
    {
        var call = method.CreateDelegate<Func<TAgent, TMessage, Task>>();
        return new((agent, message, _) => new ValueTask(call(agent, message)));
    }

    private static VoidHandler<TAgent, TMessage> OfTaskWithContext<TAgent, TMessage>(MethodInfo method)
    {
        var call = method.CreateDelegate<Func<TAgent, TMessage, MessageContext, Task>>();
        return new((agent, message, context) => new ValueTask(call(agent, message, context)));
    }

    private static VoidHandler<TAgent, TMessage> OfValueTask<TAgent, TMessage>(MethodInfo method)
    {
        var call = method.CreateDelegate<Func<TAgent, TMessage, ValueTask>>();
        return new((agent, message, _) => call(agent, message));
    }

    private static VoidHandler<TAgent, TMessage> OfValueTaskWithContext<TAgent, TMessage>(MethodInfo method) =>
        new(method.CreateDelegate<Func<TAgent, TMessage, MessageContext, ValueTask>>());

    private static ResultHandler<TAgent, TMessage, TResult> Result<TAgent, TMessage, TResult>(MethodInfo method)
    {
        var call = method.CreateDelegate<Func<TAgent, TMessage, TResult>>();
        return new((agent, message, _) => new ValueTask<TResult>(call(agent, message)));
    }

    private static ResultHandler<TAgent, TMessage, TResult> ResultWithContext<TAgent, TMessage, TResult>(MethodInfo method)
    {
        var call = method.CreateDelegate<Func<TAgent, TMessage, MessageContext, TResult>>();
        return new((agent, message, context) => new ValueTask<TResult>(call(agent, message, context)));
    }

    private static ResultHandler<TAgent, TMessage, TResult> ResultTask<TAgent, TMessage, TResult>(MethodInfo method)
    {
        var call = method.CreateDelegate<Func<TAgent, TMessage, Task<TResult>>>();
        return new((agent, message, _) => new ValueTask<TResult>(call(agent, message)));
    }

    private static ResultHandler<TAgent, TMessage, TResult> ResultTaskWithContext<TAgent, TMessage, TResult>(MethodInfo method)
    {
        var call = method.CreateDelegate<Func<TAgent, TMessage, MessageContext, Task<TResult>>>();
        return new((agent, message, context) => new ValueTask<TResult>(call(agent, message, context)));
    }

    private static ResultHandler<TAgent, TMessage, TResult> ResultValueTask<TAgent, TMessage, TResult>(MethodInfo method)
    {
        var call = method.CreateDelegate<Func<TAgent, TMessage, ValueTask<TResult>>>();
        return new((agent, message, _) => call(agent, message));
    }

    private static ResultHandler<TAgent, TMessage, TResult> ResultValueTaskWithContext<TAgent, TMessage, TResult>(MethodInfo method) =>
        new(method.CreateDelegate<Func<TAgent, TMessage, MessageContext, ValueTask<TResult>>>());
}
