using Parley.RuntimeSuite;

namespace Parley.Grpc.Tests.EndToEnd;

/// <summary>Several runtimes on one real broker.</summary>
public sealed class TwoRuntimesTests(BrokerPool pool) : IAsyncLifetime
{
    private readonly Witness _witness = new();
    private readonly List<DistributedRuntime> _runtimes = [];
    private BrokerProcess _broker = null!;

    public async ValueTask InitializeAsync() => _broker = await pool.TakeAsync();

    public async ValueTask DisposeAsync()
    {
        foreach (var runtime in _runtimes)
        {
            await runtime.DisposeAsync();
        }

        await _broker.DisposeAsync();
    }

    [Fact]
    public async Task Calls_of_two_callers_with_equal_ids_get_their_own_replies()
    {
        await HostAsync();
        var callers = new[] { await ConnectAsync(), await ConnectAsync() };
        var calls = callers.SelectMany((caller, c) => Enumerable.Range(0, 1000).Select(async i =>
        {
            var answer = await caller.SendMessageAsync<Answer>(new Ask($"{c}-{i}"), new AgentId("worker", "k"));
            Assert.Equal($"worker/k heard {c}-{i}", answer.Text);
        }));
        await Task.WhenAll(calls).Within();
    }

    [Fact]
    public async Task A_reply_needs_no_registration_at_the_caller()
    {
        await HostAsync();
        var caller = await ConnectAsync();
        Assert.Equal(new Refusal("no"), await caller.SendMessageAsync(new Gossip("refuse"), new AgentId("worker", "k")).Within());
    }

    [Fact]
    public async Task A_broker_that_dies_ends_no_runtime()
    {
        await HostAsync();
        var caller = await ConnectAsync();
        var states = new List<RuntimeState>();
        caller.StateChanged += (_, e) => states.Add(e.State);
        var call = caller.SendMessageAsync(new Wait("a"), new AgentId("worker", "k"));
        await _witness.WaitForAsync("start a");
        _broker.Kill();
        var lost = await Assert.ThrowsAsync<OutcomeUnknownException>(() => call.Within());
        Assert.True(lost.MayHaveRun);
        var late = new SendOptions { Timeout = TimeSpan.FromMilliseconds(200) };
        var unsent = await Assert.ThrowsAsync<UnavailableException>(() => caller.SendMessageAsync(new Ask("x"), new AgentId("worker", "k"), late).Within());
        Assert.False(unsent.MayHaveRun);
        Assert.Equal([RuntimeState.Reconnecting, RuntimeState.Lost], states);
        await caller.StopAsync().Within();
        await _runtimes[0].StopAsync().Within();
        await _witness.WaitForAsync("cancelled a");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(200)]
    public async Task A_broker_that_stops_in_order_tells_its_clients_why(int callsAtATime)
    {
        await HostAsync();
        var caller = await ConnectAsync();
        var states = new List<RuntimeState>();
        caller.StateChanged += (_, e) => states.Add(e.State);
        var called = new TaskCompletionSource();
        var calls = Enumerable.Range(0, callsAtATime).Select(CallOnAndOnAsync).ToArray();
        await (callsAtATime > 0 ? called.Task : Task.CompletedTask).Within();
        await _broker.StopAsync().Within();
        Assert.Equal(RuntimeState.Draining, states[0]);
        await caller.StopAsync().Within();
        // Each ends; which way depends on whose stream the broker ended first.
        await Task.WhenAll(calls).Within();
        Assert.Equal(RuntimeState.Closed, states[^1]);

        async Task CallOnAndOnAsync(int i)
        {
            while (true)
            {
                try
                {
                    await caller.SendMessageAsync<Answer>(new Ask("x"), new AgentId("worker", $"{i}"));
                    called.TrySetResult();
                }
                catch (ParleyException)
                {
                    return;
                }
            }
        }
    }

    [Fact]
    public async Task Stateless_work_is_shared_by_the_processes()
    {
        var here = await HostAsync("clerk");
        var there = await HostAsync("clerk");
        var caller = await ConnectAsync();
        var calls = Enumerable.Range(0, 6).Select(i => caller.SendMessageAsync<Answer>(new Ask("x"), new AgentId("clerk", "k"))).ToArray();
        await _witness.WaitForAsync(seen => seen.Count(s => s == "x") == 6);
        Assert.Equal((3, 3), (_witness.Seen.Count(s => s == $"made {here}"), _witness.Seen.Count(s => s == $"made {there}")));
        _witness.Open("clerk");
        await Task.WhenAll(calls).Within();
    }

    [Fact]
    public async Task A_message_over_the_limit_is_refused_by_the_sender()
    {
        await HostAsync();
        var caller = await ConnectAsync();
        var raised = await Assert.ThrowsAsync<PayloadTooLargeException>(
            () => caller.SendMessageAsync(new Ask(new string('x', 1024 * 1024)), new AgentId("worker", "k")));
        Assert.Equal("1048576", raised.Details["limit"]);
        Assert.True(long.Parse(raised.Details["size"], System.Globalization.CultureInfo.InvariantCulture) > 1024 * 1024);
        var big = new string('x', 1000 * 1000);
        Assert.Equal($"worker/k heard {big}", (await caller.SendMessageAsync<Answer>(new Ask(big), new AgentId("worker", "k")).Within()).Text);
    }

    [Fact]
    public async Task Many_more_messages_than_the_credit_get_through()
    {
        await HostAsync("listener");
        var publisher = await ConnectAsync();
        await Task.WhenAll(Enumerable.Range(0, 3000).Select(i => publisher.PublishMessageAsync(new News($"{i}"), new TopicId("news", $"k{i % 50}")))).Within();
        await _witness.WaitForAsync(seen => seen.Count == 3001);
    }

    private async Task<DistributedRuntime> ConnectAsync()
    {
        var runtime = await DistributedRuntime.CreateAsync(_broker.Url, $"runtime-{_runtimes.Count}");
        _runtimes.Add(runtime);
        await runtime.StartAsync();
        return runtime;
    }

    private async Task<string> HostAsync(string type = "worker")
    {
        var runtime = await ConnectAsync();
        var name = $"{_runtimes.Count}";
        await (type switch
        {
            "clerk" => RoutedAgent.RegisterAsync(runtime, type, () =>
            {
                _witness.Saw($"made {name}");
                return new Clerk(_witness);
            }),
            "listener" => RoutedAgent.RegisterAsync(runtime, type, () => new Listener(_witness)),
            _ => RoutedAgent.RegisterAsync(runtime, type, () => new Worker(_witness)),
        });
        _witness.Saw($"hosted {name}");
        return name;
    }
}
