using ProtobufReading = Parley.Bench.V1.Reading;

namespace Parley.Bench;

/// <summary>The JSON twin of parley.bench.v1.Reading.</summary>
internal sealed record Reading(long Number, string Source, double[] Values, string Text);

/// <summary>Asks a sink to answer once so many events have arrived.</summary>
internal sealed record Arrivals(int Expected);

/// <summary>Replies with what it was sent.</summary>
internal sealed class Echo : RoutedAgent
{
    /// <summary>Replies with the message.</summary>
    [RpcMethod]
    public Reading OnJson(Reading message) => message;

    /// <summary>Replies with the message.</summary>
    [RpcMethod]
    public ProtobufReading OnProtobuf(ProtobufReading message) => message;
}

/// <summary>Counts events.</summary>
internal sealed class Sink : RoutedAgent
{
    private readonly Lock _lock = new();
    private readonly List<(int Expected, TaskCompletionSource<int> Waiting)> _waiting = [];
    private int _arrived;

    /// <summary>Counts the event.</summary>
    [EventMethod]
    public void OnJson(Reading message) => Count();

    /// <summary>Counts the event.</summary>
    [EventMethod]
    public void OnProtobuf(ProtobufReading message) => Count();

    /// <summary>Replies as soon as as many events have arrived as are expected.</summary>
    [RpcMethod]
    public async Task<Arrivals> OnArrivals(Arrivals message)
    {
        var waiting = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            _waiting.Add((message.Expected, waiting));
            Answer();
        }

        return new Arrivals(await waiting.Task.ConfigureAwait(false));
    }

    private void Count()
    {
        lock (_lock)
        {
            _arrived++;
            Answer();
        }
    }

    private void Answer()
    {
        foreach (var (_, waiting) in _waiting.Where(each => each.Expected <= _arrived))
        {
            waiting.TrySetResult(_arrived);
        }

        _waiting.RemoveAll(each => each.Expected <= _arrived);
    }
}

/// <summary>What an effectively-once agent keeps.</summary>
internal sealed class Tally
{
    /// <summary>How many events it has handled.</summary>
    public long Count { get; set; }
}

/// <summary>Keeps a count, and passes each event on to the outputs; both, and the settlement, are one commit.</summary>
[Agent(Mode = AgentMode.EffectivelyOnce)]
internal sealed class Once : RoutedAgent<Tally>
{
    /// <summary>Counts the event and passes it on.</summary>
    [EventMethod]
    public Task OnJson(Reading message) => PassOnAsync(message);

    /// <summary>Counts the event and passes it on.</summary>
    [EventMethod]
    public Task OnProtobuf(ProtobufReading message) => PassOnAsync(message);

    private Task PassOnAsync(object message)
    {
        State.Count++;
        return PublishMessageAsync(message, new TopicId("outputs-dotnet", Id.Key));
    }
}
