namespace Parley.RuntimeSuite;

public sealed record Ask(string Text);

public sealed record Answer(string Text);

public sealed record Refusal(string Why);

public sealed record Fail(string Text);

public sealed record Wait(string Label);

public sealed record Relay(AgentId[] Path, int TimeoutMs = 0);

public sealed record Add(long Number);

public sealed record Total(long Value);

public sealed record News(string Text);

public sealed record Gossip(string Text);

public sealed record Unheard(string Text);

/// <summary>Answers, fails, waits and calls on, as the messages say.</summary>
public sealed class Worker(Witness witness) : RoutedAgent("does what the messages say")
{
    private long _total;

    [RpcMethod]
    public Answer Ask(Ask message, MessageContext context) => new($"{Id} heard {message.Text}");

    [RpcMethod]
    public Task Fail(Fail message) => throw new InvalidTimeZoneException(message.Text);

    [RpcMethod(typeof(Answer), typeof(Refusal))]
    public async ValueTask<object?> Choose(Gossip message)
    {
        await Task.Yield();
        return message.Text switch
        {
            "answer" => new Answer("yes"),
            "refuse" => new Refusal("no"),
            "cancel" => throw new OperationCanceledException("of its own accord"),
            "stranger" => new Unheard("what?"),
            "unencodable" => new Func<int>(() => 1),
            _ => null,
        };
    }

    [RpcMethod]
    public async Task<Answer> Wait(Wait message, MessageContext context)
    {
        witness.Saw($"start {message.Label}");
        try
        {
            await witness.Gate(message.Label).WaitAsync(context.CancellationToken);
        }
        catch (OperationCanceledException)
        {
            witness.Saw($"cancelled {message.Label}");
            throw;
        }

        return new Answer(message.Label);
    }

    [RpcMethod]
    public async Task<Answer> Relay(Relay message)
    {
        if (message.Path.Length == 0)
        {
            return new Answer($"{Id}");
        }

        var options = message.TimeoutMs > 0 ? new SendOptions { Timeout = TimeSpan.FromMilliseconds(message.TimeoutMs) } : null;
        var next = message.Path[0].Key == "waits" ? (object)new Wait("relayed") : message with { Path = message.Path[1..] };
        var rest = await SendMessageAsync<Answer>(next, message.Path[0], options);
        return new Answer($"{Id} > {rest.Text}");
    }

    [RpcMethod]
    public async Task<Total> Add(Add message)
    {
        var before = _total;
        await Task.Yield();
        _total += message.Number;
        return new Total(before);
    }

    [RpcMethod]
    public Total Sum(Total message) => new(_total);
}

/// <summary>Notes the events that it gets.</summary>
[TypeSubscription("news")]
[TypeSubscription("news.", IsPrefix = true)]
public sealed class Listener(Witness witness) : RoutedAgent
{
    private int _running;

    [EventMethod]
    public async Task On(News message, MessageContext context)
    {
        witness.Saw($"{Id} {context.TopicId} {message.Text} {++_running}");
        await Task.Yield();
        _running--;
    }

    [EventMethod]
    public void On(Fail message) => throw new InvalidTimeZoneException(message.Text);

    // Publishes to its own subscription.
    [RpcMethod]
    public async Task<Answer> Publish(Ask message)
    {
        await PublishMessageAsync(new News(message.Text), new TopicId("news", Id.Key));
        return new Answer("published");
    }
}

/// <summary>One instance per message.</summary>
[Agent(Mode = AgentMode.Stateless)]
public sealed class Clerk(Witness witness) : RoutedAgent
{
    [RpcMethod]
    public async Task<Answer> Ask(Ask message)
    {
        witness.Saw(message.Text);
        await witness.Gate("clerk");
        return new Answer(message.Text);
    }
}

/// <summary>Handlers without reflection.</summary>
public sealed class Delegated : RoutedAgent
{
    public Delegated(Witness witness)
    {
        HandleRpc<Ask, Answer>((m, _) => new(new Answer($"delegate {m.Text}")));
        HandleEvent<News>((m, _) =>
        {
            witness.Saw(m.Text);
            return default;
        });
    }
}

/// <summary>What a <see cref="Teller"/> keeps.</summary>
public sealed class Tally
{
    public long Count { get; set; }
}

/// <summary>Counts; each message has its whole effect or none.</summary>
[Agent(Mode = AgentMode.EffectivelyOnce)]
public sealed class Teller(Witness witness) : RoutedAgent<Tally>
{
    [RpcMethod]
    public async Task<Total> Add(Add message)
    {
        State.Count += message.Number;
        var topic = new TopicId("ledger", "k");
        await PublishMessageAsync(new News($"at once {message.Number}"), topic, new PublishOptions { Immediate = true });
        await PublishMessageAsync(new News($"added {message.Number}"), topic);
        return message.Number > 0 ? new Total(State.Count) : throw new InvalidTimeZoneException("overdrawn");
    }

    [EventMethod]
    public Task On(Add message) => Add(message);

    [RpcMethod]
    public Total Sum(Total message) => new(State.Count);

    [RpcMethod]
    public async Task<Answer> Wait(Wait message)
    {
        witness.Saw($"start {message.Label}");
        await witness.Gate(message.Label);
        return new Answer(message.Label);
    }

    [RpcMethod]
    public Task<Answer> Relay(Relay message) => SendMessageAsync<Answer>(message with { Path = [] }, message.Path[0]);
}
