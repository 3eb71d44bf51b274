using System.Net;
using System.Net.Sockets;
using Grpc.Core;
using Parley.RuntimeSuite;
using Parley.Wire.V1;

namespace Parley.Grpc.Tests.Scripted;

public sealed class ConnectingTests : IAsyncLifetime
{
    private ScriptedBroker _broker = null!;

    public async ValueTask InitializeAsync() => _broker = await ScriptedBroker.StartAsync();

    public ValueTask DisposeAsync() => _broker.DisposeAsync();

    [Fact]
    public async Task Hello_says_who_this_is_and_gives_credit()
    {
        var (runtime, connection) = await _broker.ConnectAsync();
        var frame = connection.Frames[0];
        var hello = frame.Messages.Single().Hello;
        Assert.Equal((1u, 1u, "test", "dotnet"), (hello.MinVersion, hello.MaxVersion, hello.InstanceId, hello.SdkLanguage));
        Assert.Equal((0ul, 256ul, 16ul * 1024 * 1024), (frame.FirstSeq, frame.CreditMessages, frame.CreditBytes));
        Assert.NotEmpty(hello.ProducerId);
        Assert.Contains((uint)Message.KindOneofCase.Delivery, hello.Kinds);
        Assert.Equal(RuntimeState.Connected, runtime.State);
        connection.End();
        await runtime.DisposeAsync();
    }

    [Fact]
    public async Task A_broker_without_a_common_version_is_named_at_once()
    {
        var creating = DistributedRuntime.CreateAsync(_broker.Url);
        var connection = await _broker.AcceptAsync();
        var hello = await connection.NextAsync(Message.KindOneofCase.Hello);
        var error = new ProtocolVersionUnsupportedException("this broker speaks 2 to 3") { Details = new Dictionary<string, string> { ["broker_min"] = "2" } };
        await connection.WriteAsync(new Frame { Messages = { new Message { Re = hello.Id, Error = error.ToWire() } } });
        connection.End(StatusCode.FailedPrecondition, "no common version");
        var raised = await Assert.ThrowsAsync<ProtocolVersionUnsupportedException>(() => creating.Within());
        Assert.Equal(("this broker speaks 2 to 3", "2"), (raised.Message, raised.Details["broker_min"]));
    }

    [Fact]
    public async Task Each_address_that_failed_is_named_with_how()
    {
        using var deaf = new TcpListener(IPAddress.Loopback, 0);
        deaf.Start();
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var closed = $"grpc://127.0.0.1:{((IPEndPoint)taken.LocalEndpoint).Port}";
        taken.Stop();
        var silent = $"grpc://127.0.0.1:{((IPEndPoint)deaf.LocalEndpoint).Port}";
        var raised = await Assert.ThrowsAsync<UnavailableException>(
            () => DistributedRuntime.CreateAsync($"{closed},{silent}", configure: o => o.ConnectTimeout = TimeSpan.FromSeconds(1)).Within());
        Assert.Contains($"{closed}: Connection refused", raised.Message, StringComparison.Ordinal);
        Assert.Contains($"{silent}: no answer within", raised.Message, StringComparison.Ordinal);
        Assert.Contains("within 1 s", raised.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_second_address_serves_when_the_first_does_not()
    {
        var creating = DistributedRuntime.CreateAsync($"grpc://127.0.0.1:1,{_broker.Url}");
        var connection = await _broker.AcceptAsync();
        await connection.WelcomeAsync(ScriptedBroker.NewWelcome());
        await using var runtime = await creating.Within();
        connection.End();
    }

    [Theory]
    [InlineData("http://127.0.0.1:1")]
    [InlineData("grpc://")]
    [InlineData("grpc://host:1/path")]
    [InlineData(" , ")]
    [InlineData("grpc://host:0")]
    public async Task A_malformed_address_is_refused(string url)
    {
        var raised = await Assert.ThrowsAsync<InvalidArgumentException>(() => DistributedRuntime.CreateAsync(url));
        Assert.Contains("grpc://127.0.0.1:50051", raised.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_setting_that_is_not_allowed_is_named()
    {
        var raised = await Assert.ThrowsAsync<InvalidArgumentException>(
            () => DistributedRuntime.CreateAsync(_broker.Url, configure: o => o.DrainTimeout = TimeSpan.Zero));
        Assert.Contains(nameof(DistributedRuntimeOptions.DrainTimeout), raised.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Connecting_can_be_given_up()
    {
        using var source = new CancellationTokenSource();
        var creating = DistributedRuntime.CreateAsync(_broker.Url, cancellationToken: source.Token);
        await _broker.AcceptAsync();
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => creating.Within());
    }

    [Fact]
    public async Task Stopping_drains_and_says_goodbye()
    {
        var (runtime, connection) = await _broker.ConnectAsync();
        await runtime.StartAsync();
        var stopping = runtime.StopAsync();
        var drain = await connection.NextAsync(Message.KindOneofCase.Drain);
        Assert.Equal(25_000u, drain.Drain.TimeoutMs);
        Assert.Equal(RuntimeState.Draining, runtime.State);
        await connection.SendAsync(new Message { Re = drain.Id, Done = new Done() });
        await connection.NextAsync(Message.KindOneofCase.Goodbye);
        await stopping.Within();
        Assert.Equal(RuntimeState.Closed, runtime.State);
    }

    [Fact]
    public async Task A_handler_of_state_changes_that_raises_hangs_nothing()
    {
        var (runtime, connection) = await _broker.ConnectAsync();
        var others = 0;
        runtime.StateChanged += (_, _) => throw new InvalidTimeZoneException("on purpose");
        runtime.StateChanged += (_, _) => others++;
        await runtime.StartAsync();
        var waiting = runtime.WaitUntilStoppedAsync();
        var stopping = runtime.StopAsync();
        var drain = await connection.NextAsync(Message.KindOneofCase.Drain);
        await connection.SendAsync(new Message { Re = drain.Id, Done = new Done() });
        await stopping.Within();
        await waiting.Within();
        Assert.Equal(2, others);
    }

    [Fact]
    public async Task A_start_that_failed_fails_again_the_same_way()
    {
        var (runtime, connection) = await _broker.ConnectAsync();
        connection.Obliging = false;
        await RoutedAgent.RegisterAsync(runtime, "worker", () => new Worker(new Witness()), new RegisterOptions { SkipDirectMessageSubscription = true });
        for (var i = 0; i < 2; i++)
        {
            var starting = runtime.StartAsync();
            var register = await connection.NextAsync(Message.KindOneofCase.RegisterAgentType);
            var refusal = new InvalidArgumentException("not in this mode") { Details = new Dictionary<string, string> { ["mode"] = "x" } };
            await connection.SendAsync(new Message { Re = register.Id, Error = refusal.ToWire() });
            var raised = await Assert.ThrowsAsync<InvalidArgumentException>(() => starting.Within());
            Assert.Equal("not in this mode", raised.Message);
        }
    }

    [Fact]
    public async Task Only_what_is_handled_is_announced()
    {
        var (_, connection) = await _broker.ConnectAsync();
        var kinds = connection.Frames[0].Messages.Single().Hello.Kinds.Select(k => (Message.KindOneofCase)k).ToHashSet();
        Assert.DoesNotContain(Message.KindOneofCase.SubscriptionList, kinds);
        Assert.DoesNotContain(Message.KindOneofCase.Publish, kinds);
    }

    [Fact]
    public async Task A_status_from_the_broker_is_quoted()
    {
        var (runtime, connection) = await _broker.ConnectAsync();
        var lost = LostAsync(runtime);
        connection.End(StatusCode.InvalidArgument, "these bytes are no frame");
        Assert.Equal("InvalidArgument: these bytes are no frame", await lost.Within());
        await runtime.DisposeAsync();
    }

    [Fact]
    public async Task A_connection_that_breaks_after_the_broker_announced_its_end_says_what_was_announced()
    {
        var (runtime, connection) = await _broker.ConnectAsync();
        var draining = new TaskCompletionSource();
        runtime.StateChanged += (_, _) => draining.TrySetResult();
        await connection.SendAsync(new Message { Drain = new Drain { Reason = "moving house" } });
        await draining.Task.Within();
        var lost = LostAsync(runtime);
        connection.Cut();
        Assert.Equal("Unavailable: moving house", await lost.Within());
        await runtime.DisposeAsync();
    }

    private static Task<string> LostAsync(DistributedRuntime runtime)
    {
        var lost = new TaskCompletionSource<string>();
        runtime.StateChanged += (_, e) =>
        {
            if (e.State == RuntimeState.Lost)
            {
                lost.TrySetResult(e.Reason);
            }
        };
        return lost.Task;
    }
}
