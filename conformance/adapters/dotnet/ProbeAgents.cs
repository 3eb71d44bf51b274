using System.Text.Json;
using System.Text.Json.Nodes;
using Parley;
using Wire = Parley.Conformance.V1;

namespace ParleyAdapter;

/// <summary>An agent whose handlers do what the message says.</summary>
public class ProbeAgent : RoutedAgent
{
    internal ProbeAgent(Witness witness) => Witness = witness;

    /// <summary>What op <c>add</c> adds to.</summary>
    public long Count { get; set; }

    internal Witness Witness { get; }

    [RpcMethod(typeof(ProbeReply), typeof(ProbeRefused))]
    public Task<object?> Call(Probe message, MessageContext context) => RunAsync(message, context, message);

    [RpcMethod(typeof(ProbeReply), typeof(ProbeRefused))]
    public Task<object?> CallVersioned(VersionedProbe message, MessageContext context) => RunAsync(message, context, Plain(message));

    [RpcMethod(typeof(Wire.ProbeReply), typeof(Wire.ProbeRefused))]
    public Task<object?> CallProtobuf(Wire.Probe message, MessageContext context) => RunAsync(message, context, ProtobufProbes.From(message));

    [EventMethod]
    public Task Event(Probe message, MessageContext context) => RunAsync(message, context, message);

    [EventMethod]
    public Task EventVersioned(VersionedProbe message, MessageContext context) => RunAsync(message, context, Plain(message));

    [EventMethod]
    public Task EventProtobuf(Wire.Probe message, MessageContext context) => RunAsync(message, context, ProtobufProbes.From(message));

    internal Task<object?> CallAsync(object message, AgentId to, TimeSpan? timeout, CancellationToken cancellationToken) =>
        SendMessageAsync(message, to, new SendOptions { Timeout = timeout }, cancellationToken);

    internal Task PublishAsync(object message, TopicId topic, bool immediate, CancellationToken cancellationToken) =>
        PublishMessageAsync(message, topic, new PublishOptions { Immediate = immediate }, cancellationToken);

    private protected Task<object?> RunAsync(object message, MessageContext context, Probe probe) =>
        new Script(this, probe, context, message is Google.Protobuf.IMessage).RunAsync(MessageTable.WireName(message.GetType()));

    private static Probe Plain(VersionedProbe probe) => new() { Label = probe.Label, Do = probe.Do, Pad = probe.Pad };
}

/// <summary>A <see cref="ProbeAgent"/> that any worker may run.</summary>
[Agent(Mode = AgentMode.Stateless)]
public sealed class StatelessProbeAgent : ProbeAgent
{
    internal StatelessProbeAgent(Witness witness)
        : base(witness)
    {
    }
}

/// <summary>A <see cref="ProbeAgent"/> whose counter is its state.</summary>
public class StatefulProbeAgent : ProbeAgent
{
    internal StatefulProbeAgent(Witness witness)
        : base(witness)
    {
    }

    public override ValueTask<JsonElement> SaveStateAsync()
    {
        Witness.Observe("saved", new JsonObject { ["agent"] = Id.ToString(), ["state"] = new JsonObject { ["count"] = Count } });
        return new(JsonElement.Parse($$"""{"count":{{Count}}}"""));
    }

    public override ValueTask LoadStateAsync(JsonElement state)
    {
        Count = state.GetProperty("count").GetInt64();
        Witness.Observe("loaded", new JsonObject { ["agent"] = Id.ToString(), ["state"] = JsonNode.Parse(state.GetRawText()) });
        return default;
    }
}

/// <summary>A <see cref="StatefulProbeAgent"/> whose messages have their whole effect or none.</summary>
[Agent(Mode = AgentMode.EffectivelyOnce)]
public sealed class EffectivelyOnceProbeAgent : StatefulProbeAgent
{
    internal EffectivelyOnceProbeAgent(Witness witness)
        : base(witness)
    {
    }
}

/// <summary>A <see cref="ProbeAgent"/> that knows the second version as well.</summary>
public sealed class ProbeV2Agent : ProbeAgent
{
    internal ProbeV2Agent(Witness witness)
        : base(witness)
    {
    }

    [RpcMethod(typeof(ProbeReply), typeof(ProbeRefused))]
    public Task<object?> CallV2(ProbeV2 message, MessageContext context) => RunAsync(message, context, Plain(message));

    [RpcMethod(typeof(Wire.ProbeReply), typeof(Wire.ProbeRefused))]
    public Task<object?> CallProtobufV2(Wire.ProbeV2 message, MessageContext context) =>
        RunAsync(message, context, Plain(ProtobufProbes.From(message)));

    [EventMethod]
    public Task EventV2(ProbeV2 message, MessageContext context) => RunAsync(message, context, Plain(message));

    [EventMethod]
    public Task EventProtobufV2(Wire.ProbeV2 message, MessageContext context) => RunAsync(message, context, Plain(ProtobufProbes.From(message)));

    private static Probe Plain(ProbeV2 probe) => new() { Label = probe.Label, Do = probe.Do, Pad = probe.Pad };
}
