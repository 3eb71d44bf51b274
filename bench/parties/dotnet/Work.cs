namespace Parley.Bench;

/// <summary>One round, as the bench's runner asks for it; bench/parties/python/harness.py says what each member means.</summary>
internal sealed record Work(
    string Kind,
    int InFlight,
    double Rate,
    string Host,
    string Key,
    string Content,
    double Seconds,
    int Values,
    int Text,
    int Agents = 1,
    int Subscribers = 1,
    Beside? Beside = null)
{
    /// <summary>The topic that events are published to.</summary>
    public string TopicType => Subscribers == 1 ? $"{Agent}-{Host}" : $"{Agent}-{Host}-{Subscribers}";

    /// <summary>The types of the agents in which events end.</summary>
    public IEnumerable<string> Sinks => Kind == "effectively-once" ? [$"outputs-{Host}"]
        : Subscribers == 1 ? [TopicType]
        : Enumerable.Range(0, Subscribers).Select(i => $"{TopicType}-{i}");

    /// <summary>The keys of the agents, in the order of their turns.</summary>
    public IReadOnlyList<string> Keys => Agents == 1 ? [Key] : [.. Enumerable.Range(0, Agents).Select(i => $"{Key}-{i}")];

    private string Agent => Kind == "effectively-once" ? "once" : "sink";
}

/// <summary>A stream of ephemeral events beside the calls.</summary>
internal sealed record Beside(double Rate, int Values, int Text);

/// <summary>What one round measured, as the bench's runner reads it.</summary>
internal sealed record Answer(int Count, double Seconds, double P50Us, double P99Us, double P999Us, double CpuS);
