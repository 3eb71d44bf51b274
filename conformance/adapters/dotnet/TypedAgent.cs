using System.Reflection;
using Google.Protobuf;
using Parley;

namespace ParleyAdapter;

/// <summary>An agent that takes every type of the vocabulary and answers with what came.</summary>
public sealed class TypedAgent : RoutedAgent
{
    private readonly Witness _witness;

    internal TypedAgent(Witness witness)
    {
        _witness = witness;
        var add = typeof(TypedAgent).GetMethod(nameof(Add), BindingFlags.Instance | BindingFlags.NonPublic)!;
        foreach (var type in MessageTable.Vocabulary.Where(t => t != typeof(Vectors.Unlisted)).Concat(MessageTable.GeneratedVocabulary))
        {
            add.MakeGenericMethod(type).Invoke(this, null);
        }
    }

    private void Add<T>()
        where T : class
    {
        HandleRpc<T, T>((message, context) => new(Echo(message, context)));
        HandleEvent<T>((message, context) =>
        {
            Echo(message, context);
            return default;
        });
    }

    private T Echo<T>(T message, MessageContext context)
        where T : class
    {
        _witness.Enter("", Id, context, MessageTable.WireName(typeof(T)), message is IMessage, MessageTable.Value(message));
        _witness.Leave("", Id, "returned");
        return message;
    }
}
