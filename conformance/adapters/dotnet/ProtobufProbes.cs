using Wire = Parley.Conformance.V1;

namespace ParleyAdapter;

/// <summary>The messages of Messages.cs to and from their protobuf twins.</summary>
internal static class ProtobufProbes
{
    public static Wire.Probe Of(Probe probe) => new() { Label = probe.Label, Do = { probe.Do.Select(Of) }, Pad = probe.Pad };

    public static Wire.ProbeV2 Of(ProbeV2 probe) =>
        new() { Label = probe.Label, Do = { probe.Do.Select(Of) }, Pad = probe.Pad, Note = probe.Note };

    public static Probe From(Wire.Probe probe) => new() { Label = probe.Label, Do = [.. probe.Do.Select(From)], Pad = probe.Pad };

    public static ProbeV2 From(Wire.ProbeV2 probe) =>
        new() { Label = probe.Label, Do = [.. probe.Do.Select(From)], Pad = probe.Pad, Note = probe.Note };

    public static ProbeReply From(Wire.ProbeReply reply) => new(reply.Label, reply.Value, reply.Count, reply.Agent);

    /// <summary>The twin of a message, if it has one.</summary>
    public static object? Of(object message) => message switch
    {
        Probe m => Of(m),
        ProbeV2 m => Of(m),
        ProbeReply m => new Wire.ProbeReply { Label = m.Label, Value = m.Value, Count = m.Count, Agent = m.Agent },
        ProbeRefused m => new Wire.ProbeRefused { Label = m.Label, Value = m.Value },
        ProbeStranger m => new Wire.ProbeStranger { Label = m.Label },
        _ => null,
    };

    /// <summary>What <see cref="Of(object)"/> made, back; other objects as they are.</summary>
    public static object From(object message) => message switch
    {
        Wire.Probe m => From(m),
        Wire.ProbeV2 m => From(m),
        Wire.ProbeReply m => From(m),
        Wire.ProbeRefused m => new ProbeRefused(m.Label, m.Value),
        Wire.ProbeStranger m => new ProbeStranger(m.Label),
        _ => message,
    };

    private static Wire.Step Of(Step step) => new()
    {
        Op = step.Op,
        Text = step.Text,
        How = step.How,
        Number = step.Number,
        To = step.To,
        Message = step.Message is { } message ? Of(message) : null,
        TimeoutMs = step.TimeoutMs,
        Catch = step.Catch,
    };

    private static Step From(Wire.Step step) => new()
    {
        Op = step.Op,
        Text = step.Text,
        How = step.How,
        Number = step.Number,
        To = step.To,
        Message = step.Message is { } message ? From(message) : null,
        TimeoutMs = step.TimeoutMs,
        Catch = step.Catch,
    };
}
