using Parley;

namespace ParleyAdapter;

/// <summary>A script for the handler that receives it.</summary>
[Message("probe", Version = 1)]
public sealed record Probe
{
    public string Label { get; init; } = "";

    public IReadOnlyList<Step> Do { get; init; } = [];

    public string Pad { get; init; } = "";
}

/// <summary>The second version of <see cref="Probe"/>.</summary>
[Message("probe", Version = 2)]
public sealed record ProbeV2
{
    public string Label { get; init; } = "";

    public IReadOnlyList<Step> Do { get; init; } = [];

    public string Pad { get; init; } = "";

    public string Note { get; init; } = "";
}

/// <summary>What a newer sender sends under the name of version 1.</summary>
[Message("probe", Version = 1)]
public sealed record ProbeWide
{
    public string Label { get; init; } = "";

    public IReadOnlyList<Step> Do { get; init; } = [];

    public string Pad { get; init; } = "";

    public string Note { get; init; } = "";
}

/// <summary>A <see cref="Probe"/> in a serializer of the user's own, <see cref="VersionedSerializer"/>.</summary>
public sealed record VersionedProbe
{
    public int Version { get; init; } = 1;

    public string Label { get; init; } = "";

    public IReadOnlyList<Step> Do { get; init; } = [];

    public string Pad { get; init; } = "";
}

/// <summary>One thing that a handler does.</summary>
public sealed record Step
{
    public string Op { get; init; } = "";

    public string Text { get; init; } = "";

    public string How { get; init; } = "";

    public long Number { get; init; }

    public string To { get; init; } = "";

    public Probe? Message { get; init; }

    public uint TimeoutMs { get; init; }

    public bool Catch { get; init; }
}

/// <summary>The usual result.</summary>
public sealed record ProbeReply(string Label = "", string Value = "", long Count = 0, string Agent = "");

/// <summary>The other member of the handlers' result union.</summary>
public sealed record ProbeRefused(string Label = "", string Value = "");

/// <summary>A message that no handler declares.</summary>
public sealed record ProbeStranger(string Label = "");
