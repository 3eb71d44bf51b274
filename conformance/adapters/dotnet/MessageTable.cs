using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Parley;
using ParleyAdapter.Vectors;

namespace ParleyAdapter;

/// <summary>The message types that commands name, and how their values become messages and back.</summary>
internal static class MessageTable
{
    private static readonly Dictionary<string, Type> Probes = new()
    {
        ["probe"] = typeof(Probe),
        ["probe_v2"] = typeof(ProbeV2),
        ["probe_wide"] = typeof(ProbeWide),
        ["versioned"] = typeof(VersionedProbe),
        ["stranger"] = typeof(ProbeStranger),
    };

    private static readonly Dictionary<string, MessageDescriptor> Generated =
        Parley.Vectors.V1.MessagesReflection.Descriptor.MessageTypes.ToDictionary(t => t.Name);

    private static readonly Dictionary<string, MessageParser> GeneratedProbes = new()
    {
        ["probe"] = Parley.Conformance.V1.Probe.Parser,
        ["probe_v2"] = Parley.Conformance.V1.ProbeV2.Parser,
        ["stranger"] = Parley.Conformance.V1.ProbeStranger.Parser,
    };

    /// <summary>The records of the vocabulary.</summary>
    public static IReadOnlyList<Type> Vocabulary { get; } =
    [
        typeof(Numbers), typeof(Texts), typeof(Blob), typeof(Times), typeof(Choice), typeof(Inner), typeof(Nested), typeof(Tree),
        typeof(Grid), typeof(Lists), typeof(Maps), typeof(Optionals), typeof(Names), typeof(Empty), typeof(AnalyticsRequest),
        typeof(Renamed), typeof(Free), typeof(Unlisted),
    ];

    /// <summary>The generated classes of the vocabulary.</summary>
    public static IEnumerable<Type> GeneratedVocabulary => Generated.Values.Select(d => d.ClrType);

    /// <summary>Canonical JSON for the kit's lines, which may hold what is too deep for a message.</summary>
    private static JsonSerializerOptions Deep { get; } = new(ParleyJson.Options) { MaxDepth = 512 };

    private static Dictionary<string, Type> Records { get; } = Vocabulary.ToDictionary(t => t.Name);

    // Made when it is first needed: it knows every type, and most cases encode and decode nothing outside of a runtime.
    private static Lazy<SerializationRegistry> Registry { get; } = new(MakeRegistry);

    /// <summary>Has compiled what every case needs, before its time counts: a fresh process is slow the first time.</summary>
    public static void WarmUp()
    {
        var registry = new SerializationRegistry();
        registry.AddMessageType<ProbeReply>();
        foreach (var protobuf in (bool[])[false, true])
        {
            var probe = Read("probe", JsonElement.Parse("""{"label": "", "do": [{"op": "reply", "text": ""}]}"""), protobuf);
            registry.Encode(probe);
        }

        var reply = registry.Decode(registry.Encode(new ProbeReply()));
        JsonSerializer.SerializeToUtf8Bytes(new JsonObject { ["reply"] = Result(reply) });
    }

    /// <summary>The message that a command describes.</summary>
    /// <exception cref="UnsupportedException">There is no such type, or not as protobuf.</exception>
    public static object Read(string type, JsonElement value, bool protobuf)
    {
        if (Probes.TryGetValue(type, out var probe))
        {
            CheckOps(value);
            var message = JsonSerializer.Deserialize(value, probe, Deep)!;
            return protobuf ? ProtobufProbes.Of(message) ?? throw NotProtobuf(type) : message;
        }

        if (!Records.TryGetValue(type, out var record))
        {
            throw new UnsupportedException($"no such message type: {type}");
        }

        return !protobuf ? Notation.Read(value, record)!
            : Generated.TryGetValue(type, out var generated) ? ProtobufNotation.Read(value, generated)
            : throw NotProtobuf(type);
    }

    /// <summary>A message as commands and observations have it, but for its type.</summary>
    public static JsonNode? Value(object message) => message switch
    {
        IMessage m when Generated.ContainsValue(m.Descriptor) => ProtobufNotation.Write(m),
        _ when Records.ContainsValue(message.GetType()) => Notation.Write(message),
        _ => JsonSerializer.SerializeToNode(ProtobufProbes.From(message), Deep),
    };

    /// <summary>A result as observations have it: null, or its wire name and value.</summary>
    public static JsonNode? Result(object? message) =>
        message is null ? null : new JsonObject { ["type"] = WireName(message.GetType()), ["value"] = Value(message) };

    /// <summary>The SDK's bytes of a message.</summary>
    public static ReadOnlyMemory<byte> Encode(object message) => Registry.Value.Encode(message).Data;

    /// <summary>The message that bytes say, by the SDK.</summary>
    public static object Decode(string type, ReadOnlyMemory<byte> data, bool protobuf)
    {
        var name = (protobuf, Probes.GetValueOrDefault(type) ?? Records.GetValueOrDefault(type)) switch
        {
            (_, null) => throw new UnsupportedException($"no such message type: {type}"),
            (false, { } known) => WireName(known),
            _ when GeneratedProbes.TryGetValue(type, out var parser) => parser.ParseFrom(ByteString.Empty).Descriptor.FullName,
            _ => Generated.GetValueOrDefault(type)?.FullName ?? throw NotProtobuf(type),
        };
        return Registry.Value.Decode(new SerializedMessage(name, protobuf ? ContentTypes.Protobuf : ContentTypes.Json, data));
    }

    /// <summary>What <c>Payload.type_name</c> says for a class.</summary>
    public static string WireName(Type type)
    {
        if (typeof(IMessage).IsAssignableFrom(type))
        {
            return ((IMessage)Activator.CreateInstance(type)!).Descriptor.FullName;
        }

        return type.GetCustomAttribute<MessageAttribute>() switch
        {
            null => type == typeof(VersionedProbe) ? VersionedSerializer.WireName : type.Name,
            { Version: 0 } m => m.Name,
            var m => $"{m.Name}_v{m.Version}",
        };
    }

    private static void CheckOps(JsonElement probe)
    {
        if (!probe.TryGetProperty("do", out var steps))
        {
            return;
        }

        foreach (var step in steps.EnumerateArray())
        {
            var op = step.Text("op");
            if (!Script.Ops.Contains(op))
            {
                throw new UnsupportedException($"no such op: {op}");
            }

            if (step.TryGetProperty("message", out var inner) && inner.ValueKind == JsonValueKind.Object)
            {
                CheckOps(inner);
            }
        }
    }

    private static UnsupportedException NotProtobuf(string type) => new($"{type} is no protobuf message");

    private static SerializationRegistry MakeRegistry()
    {
        var registry = new SerializationRegistry();
        Type[] probes = [typeof(Probe), typeof(ProbeV2), typeof(ProbeStranger)];
        var generated = GeneratedProbes.Values.Select(p => p.ParseFrom(ByteString.Empty).GetType());
        foreach (var type in (Type[])[.. probes, .. generated, .. Vocabulary, .. GeneratedVocabulary])
        {
            typeof(SerializationRegistry).GetMethod(nameof(registry.AddMessageType), [])!.MakeGenericMethod(type).Invoke(registry, null);
        }

        registry.AddMessageSerializer(new VersionedSerializer(newest: 1));
        return registry;
    }
}
