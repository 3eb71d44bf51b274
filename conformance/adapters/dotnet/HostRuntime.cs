using System.Collections.Concurrent;
using System.Text.Json;
using Parley;

namespace ParleyAdapter;

/// <summary>One runtime of the SDK, with what the commands need to know of it.</summary>
internal sealed class HostRuntime(DistributedRuntime runtime, Witness witness, bool protobuf)
{
    private readonly ConcurrentDictionary<string, CancellationTokenSource> _tokens = new();
    private readonly ConcurrentDictionary<string, Subscription> _subscriptions = new();

    /// <summary>Makes and starts a runtime as the command <c>start</c> says.</summary>
    public static async Task<HostRuntime> StartAsync(JsonElement command, Witness witness)
    {
        var runtime = await DistributedRuntime.CreateAsync(command.Text("url"), command.TextOr("instance", null), options =>
        {
            options.DefaultTimeout = command.Ms("default_timeout_ms") ?? options.DefaultTimeout;
            options.ConnectTimeout = command.Ms("connect_timeout_ms") ?? options.ConnectTimeout;
        });
        witness.Session(RuntimeState.Connected, "");
        runtime.StateChanged += (_, change) => witness.Session(change.State, change.Reason);
        runtime.AddMessageSerializer(new VersionedSerializer(newest: 1));
        await runtime.StartAsync();
        return new HostRuntime(runtime, witness, command.TextOr("content_type", "json") == "protobuf");
    }

    public async Task RegisterAsync(string type, string behaviour, IReadOnlyList<string> keys)
    {
        Func<RoutedAgent> make = behaviour switch
        {
            "probe" => () => new ProbeAgent(witness),
            "probe_v2" => () => new ProbeV2Agent(witness),
            "stateless" => () => new StatelessProbeAgent(witness),
            "stateful" => () => new StatefulProbeAgent(witness),
            "effectively-once" => () => new EffectivelyOnceProbeAgent(witness),
            "typed" => () => new TypedAgent(witness),
            _ => throw new UnsupportedException($"no such behaviour: {behaviour}"),
        };
        if (behaviour == "probe_v2")
        {
            runtime.AddMessageSerializer(new VersionedSerializer(newest: 2));
        }

        var options = new RegisterOptions { AgentClass = make().GetType(), SkipDirectMessageSubscription = true };
        if (keys.Count == 0)
        {
            await runtime.RegisterAgentFactoryAsync(type, () => new ValueTask<IAgent>(make()), options);
        }

        foreach (var key in keys)
        {
            await runtime.RegisterAgentInstanceAsync(new AgentId(type, key), make(), options);
        }
    }

    public async Task<string> SubscribeAsync(Subscription subscription)
    {
        await runtime.AddSubscriptionAsync(subscription);
        var id = $"s{_subscriptions.Count + 1}";
        _subscriptions[id] = subscription;
        return id;
    }

    public Task UnsubscribeAsync(string id) => runtime.RemoveSubscriptionAsync(
        _subscriptions.TryGetValue(id, out var subscription) ? subscription : throw new UnsupportedException($"no such subscription: {id}"));

    /// <summary>Hands a call to the SDK before it returns; the outcome is observed later.</summary>
    public void Call(JsonElement command)
    {
        var (label, message) = Message(command);
        var options = new SendOptions
        {
            Timeout = command.Ms("timeout_ms"),
            WaitForReady = command.Flag("wait_for_ready", false),
            IdempotencyKey = command.TextOr("idempotency_key", null),
        };
        _ = RunAsync(label, async token =>
            witness.Reply(label, await runtime.SendMessageAsync(message, AgentId.Parse(command.Text("to")), options, token)));
    }

    /// <summary>Hands an event to the SDK before it returns; the outcome is observed later.</summary>
    public void Publish(JsonElement command)
    {
        var (label, message) = Message(command);
        var options = new PublishOptions { MessageId = command.TextOr("event_id", null), Ephemeral = command.Flag("ephemeral", false) };
        _ = RunAsync(label, async token =>
        {
            await runtime.PublishMessageAsync(message, TopicId.Parse(command.Text("topic")), options, token);
            witness.Published(label);
        });
    }

    public void Cancel(string label)
    {
        if (_tokens.TryGetValue(label, out var source))
        {
            source.Cancel();
        }
    }

    public Task StopAsync() => runtime.StopAsync();

    private (string Label, object Message) Message(JsonElement command)
    {
        var message = command.GetProperty("message");
        return (command.Text("label"), MessageTable.Read(message.Text("type"), message.GetProperty("value"), protobuf));
    }

    private async Task RunAsync(string label, Func<CancellationToken, Task> work)
    {
        using var source = new CancellationTokenSource();
        _tokens[label] = source;
        try
        {
            await work(source.Token);
        }
        catch (Exception e)
        {
            witness.Failed(label, e);
        }
        finally
        {
            _tokens.TryRemove(label, out _);
        }
    }
}
