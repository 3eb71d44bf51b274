using ProtobufReading = Parley.Bench.V1.Reading;

namespace Parley.Bench;

/// <summary>Hosts the agents that callers turn to, or sends; on the runtime that it is given.</summary>
internal sealed class Party(IAgentRuntime runtime)
{
    private const string Language = "dotnet";
    private const double Step = 0.6180339887498949;

    // How long a lane waits before it publishes again what the broker refused because a queue was full.
    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(5);

    // How long the last event may take to arrive after the last publish was answered.
    private static readonly SendOptions _arrivalLimit = new() { Timeout = TimeSpan.FromSeconds(60) };
    private readonly HashSet<int> _prepared = [1];

    /// <summary>Registers the agents that are there from the start.</summary>
    public async Task HostAsync()
    {
        await RoutedAgent.RegisterAsync(runtime, $"echo-{Language}", () => new Echo());
        await RoutedAgent.RegisterAsync(runtime, $"sink-{Language}", () => new Sink());
        await RoutedAgent.RegisterAsync(runtime, $"outputs-{Language}", () => new Sink());
        await RoutedAgent.RegisterAsync(runtime, $"once-{Language}", () => new Once());
        foreach (var agent in (string[])["sink", "outputs", "once"])
        {
            await runtime.AddSubscriptionAsync(new TypeSubscription($"{agent}-{Language}", $"{agent}-{Language}"));
        }
    }

    /// <summary>Registers a sink type for each of several subscribers.</summary>
    public async Task PrepareAsync(Work work)
    {
        if (!_prepared.Add(work.Subscribers))
        {
            return;
        }

        foreach (var sink in work.Sinks)
        {
            await RoutedAgent.RegisterAsync(runtime, sink, () => new Sink(), new RegisterOptions { SkipDirectMessageSubscription = true });
            await runtime.AddSubscriptionAsync(new TypeSubscription(work.TopicType, sink));
        }
    }

    /// <summary>Carries out one round.</summary>
    public async Task<Answer> RunAsync(Work work)
    {
        var flood = new Flood();
        var beside = work.Beside is null ? Task.CompletedTask : BesideAsync(work, work.Beside);
        await FloodAsync(flood, work);
        if (work.Kind != "call")
        {
            await ArrivedAsync(work, flood.Count);
        }

        var answer = flood.ToAnswer();
        await beside;
        return answer;
    }

    // Lanes ask from several threads.
    private static Func<T> InTurn<T>(IEnumerable<T> items)
    {
        T[] all = [.. items];
        var turn = -1;
        return () => all[Interlocked.Increment(ref turn) % all.Length];
    }

    private static object Message(Work work)
    {
        double[] values = [.. Enumerable.Range(0, work.Values).Select(i => (i + 1) * Step)];
        var text = new string('x', work.Text);
        return work.Content == "json"
            ? new Reading(0, "bench", values, text)
            : new ProtobufReading { Source = "bench", Values = { values }, Text = text };
    }

    private Task FloodAsync(Flood flood, Work work)
    {
        var time = TimeSpan.FromSeconds(work.Seconds);
        var send = Sending(work);
        return work.Rate > 0 ? flood.RunAtRateAsync(send, work.InFlight, time, work.Rate) : flood.RunAsync(send, work.InFlight, time);
    }

    private async Task BesideAsync(Work work, Beside beside)
    {
        var (rate, values, text) = beside;
        var key = $"{work.Key}-beside";
        var large = work with { Kind = "publish-ephemeral", Key = key, Rate = rate, Values = values, Text = text, Beside = null };
        var flood = new Flood();
        await FloodAsync(flood, large);
        await ArrivedAsync(large, flood.Count);
    }

    private Func<Task> Sending(Work work)
    {
        var message = Message(work);
        if (work.Kind == "call")
        {
            var echo = InTurn(work.Keys.Select(key => new AgentId($"echo-{work.Host}", key)));
            return () => runtime.SendMessageAsync(message, echo());
        }

        var topic = InTurn(work.Keys.Select(key => new TopicId(work.TopicType, key)));
        var options = new PublishOptions { Ephemeral = work.Kind == "publish-ephemeral" };
        return () => PublishAsync(message, topic(), options);
    }

    private async Task ArrivedAsync(Work work, int count) => await Task.WhenAll(
        from sink in work.Sinks
        from turn in work.Keys.Index()
        let share = (count - turn.Index + work.Agents - 1) / work.Agents
        where share > 0
        select runtime.SendMessageAsync<Arrivals>(new Arrivals(share), new AgentId(sink, turn.Item), _arrivalLimit));

    private async Task PublishAsync(object message, TopicId topic, PublishOptions options)
    {
        while (true)
        {
            try
            {
                await runtime.PublishMessageAsync(message, topic, options);
                return;
            }
            catch (ResourceExhaustedException)
            {
                await Task.Delay(_pause);
            }
        }
    }
}
