using Parley.RuntimeSuite;
using Parley.Wire.V1;

namespace Parley.Grpc.Tests.Scripted;

/// <summary>What the SDK writes when it calls and publishes, and what it makes of the answers.</summary>
public sealed class CallerTests : IAsyncLifetime
{
    private static readonly AgentId Somebody = new("somebody", "k");
    private static readonly TopicId News = new("news");
    private ScriptedBroker _broker = null!;

    public async ValueTask InitializeAsync() => _broker = await ScriptedBroker.StartAsync();

    public ValueTask DisposeAsync() => _broker.DisposeAsync();

    [Fact]
    public async Task Messages_are_numbered_without_gaps_and_received_ones_receipted()
    {
        var (runtime, connection) = await StartAsync();
        for (var i = 1; i <= 3; i++)
        {
            var call = runtime.SendMessageAsync<Answer>(new Ask("x"), Somebody);
            await ReplyAsync(connection, await connection.NextAsync(Message.KindOneofCase.Request), new Answer($"{i}"));
            Assert.Equal($"{i}", (await call.Within()).Text);
        }

        var numbered = connection.Frames.Where(f => f.FirstSeq > 0).ToArray();
        var next = 1ul;
        foreach (var frame in numbered)
        {
            Assert.Equal(next, frame.FirstSeq);
            next += (ulong)frame.Messages.Count(m => m.KindCase != Message.KindOneofCase.Heartbeat);
        }

        Assert.Equal(4ul, next);
        Assert.Equal(2ul, numbered[^1].Received);
    }

    [Fact]
    public async Task Covered_messages_wait_for_credit_in_order()
    {
        var (runtime, connection) = await StartAsync(creditMessages: 2);
        var publishes = Enumerable.Range(1, 5).Select(i => runtime.PublishMessageAsync(new News($"{i}"), News)).ToArray();
        var first = new[] { await NextPublishAsync(connection), await NextPublishAsync(connection) };
        Assert.Equal([1ul, 2ul], first.Select(p => p.Publish.ProducerSeq));
        await AnswerAsync(connection, first);
        // The third is not there: what comes next is what the new credit lets through.
        await connection.WriteAsync(new Frame { CreditMessages = 3 });
        await AnswerAsync(connection, await NextPublishAsync(connection));
        Assert.Equal(3, connection.Frames.SelectMany(f => f.Messages).Count(m => m.KindCase == Message.KindOneofCase.Publish));
        await connection.WriteAsync(new Frame { CreditMessages = 100, CreditBytes = 1 });
        await AnswerAsync(connection, await NextPublishAsync(connection), await NextPublishAsync(connection));
        await Task.WhenAll(publishes).Within();
    }

    [Fact]
    public async Task What_was_given_up_while_it_waited_for_credit_is_never_written()
    {
        var (runtime, connection) = await StartAsync(creditMessages: 0);
        using var source = new CancellationTokenSource();
        var call = runtime.SendMessageAsync(new Ask("given up"), Somebody, null, source.Token);
        var late = runtime.SendMessageAsync(new Ask("late"), Somebody, new SendOptions { Timeout = TimeSpan.FromMilliseconds(50) });
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call.Within());
        Assert.False((await Assert.ThrowsAsync<DeadlineExceededException>(() => late.Within())).MayHaveRun);
        var publish = runtime.PublishMessageAsync(new News("x"), News);
        await connection.WriteAsync(new Frame { CreditMessages = 1 });
        await AnswerAsync(connection, await NextPublishAsync(connection));
        await publish.Within();
    }

    [Fact]
    public async Task A_request_says_what_time_is_left_and_cancelling_it_sends_cancel()
    {
        var (runtime, connection) = await StartAsync();
        using var source = new CancellationTokenSource();
        var options = new SendOptions { Timeout = TimeSpan.FromSeconds(30), WaitForReady = true, MessageId = "mine" };
        var call = runtime.SendMessageAsync(new Ask("x"), Somebody, options, source.Token);
        var request = await connection.NextAsync(Message.KindOneofCase.Request);
        Assert.InRange(request.Request.TimeoutMs, 20_000u, 30_000u);
        Assert.True(request.Request.WaitForReady);
        Assert.Empty(request.Request.CallChain);
        var envelope = Envelope.Parser.ParseFrom(request.Request.Envelope);
        Assert.Equal(("mine", "Ask", "application/json"), (envelope.MessageId, envelope.Payload.TypeName, envelope.Payload.ContentType));
        await source.CancelAsync();
        var cancel = await connection.NextAsync(Message.KindOneofCase.Cancel);
        Assert.Equal((request.Id, 0ul), (cancel.Cancel.RequestId, cancel.Id));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call.Within());
        // A late answer does no harm.
        await ReplyAsync(connection, request, new Answer("late"));
        await CallWorksAsync(runtime, connection);
    }

    [Fact]
    public async Task A_kind_that_the_broker_does_not_know_is_not_sent()
    {
        var welcome = ScriptedBroker.NewWelcome();
        welcome.Kinds.Remove((uint)Message.KindOneofCase.Cancel);
        welcome.Kinds.Remove((uint)Message.KindOneofCase.Publish);
        var (runtime, connection) = await StartAsync(welcome: welcome);
        using var source = new CancellationTokenSource();
        var call = runtime.SendMessageAsync(new Ask("x"), Somebody, null, source.Token);
        await connection.NextAsync(Message.KindOneofCase.Request);
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call.Within());
        await Assert.ThrowsAsync<UnavailableException>(() => runtime.PublishMessageAsync(new News("x"), News).Within());
        await CallWorksAsync(runtime, connection);
    }

    [Fact]
    public async Task A_publish_without_an_answer_has_an_unknown_outcome()
    {
        var (runtime, connection) = await StartAsync(o => o.DefaultTimeout = TimeSpan.FromMilliseconds(100));
        var publish = runtime.PublishMessageAsync(new News("x"), News);
        await NextPublishAsync(connection);
        Assert.True((await Assert.ThrowsAsync<OutcomeUnknownException>(() => publish.Within())).MayHaveRun);
    }

    [Theory]
    [InlineData(500, "timeout of this call", false)]
    [InlineData(60_000, "cut to 10 s", true)]
    public async Task A_deadline_that_the_other_side_noticed_first_says_whose_it_was(int timeoutMs, string text, bool mayHaveRun)
    {
        var (runtime, connection) = await StartAsync();
        var call = runtime.SendMessageAsync(new Ask("x"), Somebody, new SendOptions { Timeout = TimeSpan.FromMilliseconds(timeoutMs) });
        var request = await connection.NextAsync(Message.KindOneofCase.Request);
        var error = new DeadlineExceededException("cut to 10 s") { MayHaveRun = mayHaveRun };
        await connection.SendAsync(new Message { Re = request.Id, Error = error.ToWire() });
        var raised = await Assert.ThrowsAsync<DeadlineExceededException>(() => call.Within());
        Assert.Contains(text, raised.Message, StringComparison.Ordinal);
        Assert.Equal(mayHaveRun, raised.MayHaveRun);
    }

    [Fact]
    public async Task A_timeout_beyond_the_brokers_limit_is_cut_to_it()
    {
        var welcome = ScriptedBroker.NewWelcome();
        welcome.Limits.MaxCallTimeoutMs = 5_000;
        var (runtime, connection) = await StartAsync(welcome: welcome);
        var call = runtime.SendMessageAsync(new Ask("x"), Somebody, new SendOptions { Timeout = Timeout.InfiniteTimeSpan });
        var request = await connection.NextAsync(Message.KindOneofCase.Request);
        Assert.InRange(request.Request.TimeoutMs, 1u, 5_000u);
        await connection.SendAsync(new Message { Re = request.Id, Error = new DeadlineExceededException("late") { MayHaveRun = true }.ToWire() });
        await Assert.ThrowsAsync<DeadlineExceededException>(() => call.Within());
    }

    [Fact]
    public async Task An_explicit_message_id_is_the_events_id()
    {
        var (runtime, connection) = await StartAsync();
        var publishing = runtime.PublishMessageAsync(new News("x"), News, new PublishOptions { MessageId = "mine" });
        var publish = await NextPublishAsync(connection);
        Assert.Equal(("mine", "mine"), (publish.Publish.EventId, Envelope.Parser.ParseFrom(publish.Publish.Envelope).MessageId));
        await AnswerAsync(connection, publish);
        await publishing.Within();
        var another = runtime.PublishMessageAsync(new News("x"), News);
        publish = await NextPublishAsync(connection);
        Assert.Empty(publish.Publish.EventId);
        await AnswerAsync(connection, publish);
        await another.Within();
    }

    [Fact]
    public async Task An_unknown_reason_is_usable_through_its_flags()
    {
        var (runtime, connection) = await StartAsync();
        var call = runtime.SendMessageAsync(new Ask("x"), Somebody);
        var request = await connection.NextAsync(Message.KindOneofCase.Request);
        var error = new Error { Reason = (Wire.V1.ErrorReason)99, Message = "new in version 7", Retryable = true, RetryAfterMs = 1500 };
        await connection.SendAsync(new Message { Re = request.Id, Error = error });
        var raised = await Assert.ThrowsAsync<ParleyException>(() => call.Within());
        Assert.Equal(((ErrorReason)99, "REASON_99", true, false), (raised.Reason, raised.ReasonName, raised.IsRetryable, raised.MayHaveRun));
        Assert.Equal(TimeSpan.FromSeconds(1.5), raised.RetryAfter);
    }

    [Fact]
    public async Task A_reply_of_an_unknown_type_says_what_to_register()
    {
        var (runtime, connection) = await StartAsync();
        var call = runtime.SendMessageAsync(new Ask("x"), Somebody);
        var request = await connection.NextAsync(Message.KindOneofCase.Request);
        await ReplyAsync(connection, request, new SerializedMessage("Mystery", ContentTypes.Json, "{}"u8.ToArray()));
        var raised = await Assert.ThrowsAsync<UnknownMessageTypeException>(() => call.Within());
        Assert.Contains("AddMessageType", raised.Message, StringComparison.Ordinal);
        Assert.Equal(("Mystery", true), (raised.Details["type_name"], raised.MayHaveRun));
    }

    [Theory]
    [InlineData(2ul)]
    [InlineData(100ul)]
    public async Task A_gap_in_the_brokers_numbers_ends_the_connection(ulong seq)
    {
        var (runtime, connection) = await StartAsync();
        var call = runtime.SendMessageAsync(new Ask("x"), Somebody);
        var request = await connection.NextAsync(Message.KindOneofCase.Request);
        await connection.WriteAsync(new Frame { FirstSeq = seq, Messages = { new Message { Re = request.Id, Done = new Done() } } });
        var raised = await Assert.ThrowsAsync<OutcomeUnknownException>(() => call.Within());
        Assert.Contains($"Message {seq} came, but 1 was expected", raised.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_number_that_came_before_is_dropped()
    {
        var (runtime, connection) = await StartAsync();
        await CallWorksAsync(runtime, connection);
        var call = runtime.SendMessageAsync<Answer>(new Ask("x"), Somebody);
        var request = await connection.NextAsync(Message.KindOneofCase.Request);
        var wrong = new Message { Re = request.Id, Reply = new Reply { Envelope = ScriptedConnection.Envelope(new Answer("repeated")) } };
        await connection.WriteAsync(new Frame { FirstSeq = 1, Messages = { wrong } });
        await ReplyAsync(connection, request, new Answer("right"));
        Assert.Equal("right", (await call.Within()).Text);
    }

    [Fact]
    public async Task What_is_ready_shares_a_frame_up_to_64_KiB()
    {
        var (runtime, connection) = await StartAsync(creditMessages: 0);
        var small = Enumerable.Range(0, 100).Select(_ => runtime.PublishMessageAsync(new News(new string('s', 2000)), News)).ToArray();
        var large = runtime.PublishMessageAsync(new News(new string('l', 200_000)), News);
        await connection.WriteAsync(new Frame { CreditMessages = 1000 });
        for (var i = 0; i < 101; i++)
        {
            await AnswerAsync(connection, await NextPublishAsync(connection));
        }

        await Task.WhenAll(small.Append(large)).Within();
        var frames = connection.Frames.Where(f => f.Messages.Any(m => m.KindCase == Message.KindOneofCase.Publish)).ToArray();
        Assert.InRange(frames.Length, 4, 30);
        Assert.All(frames, f => Assert.True(f.Messages.Count == 1 || f.CalculateSize() <= 66 * 1024, $"{f.CalculateSize()} bytes"));
        Assert.Single(frames, f => f.CalculateSize() > 200_000 && f.Messages.Count == 1);
    }

    [Fact]
    public async Task Heartbeats_are_answered_and_sent()
    {
        var welcome = ScriptedBroker.NewWelcome();
        welcome.HeartbeatIntervalMs = 500;
        var (_, connection) = await StartAsync(welcome: welcome);
        connection.Obliging = false;
        await connection.WriteAsync(new Frame { Messages = { new Message { Id = 77, Heartbeat = new Heartbeat() } } });
        var answered = false;
        for (var own = 0; own < 3 || !answered;)
        {
            var heartbeat = await connection.NextAsync(Message.KindOneofCase.Heartbeat);
            answered |= heartbeat.Re == 77;
            own += heartbeat.Re == 0 ? 1 : 0;
        }

        Assert.All(connection.Frames.Skip(1), f => Assert.Equal(0ul, f.FirstSeq));
    }

    private async Task<(DistributedRuntime Runtime, ScriptedConnection Connection)> StartAsync(
        Action<DistributedRuntimeOptions>? configure = null, Welcome? welcome = null, ulong creditMessages = 1000)
    {
        var (runtime, connection) = await _broker.ConnectAsync(configure, welcome, creditMessages);
        await runtime.StartAsync();
        return (runtime, connection);
    }

    private static async Task CallWorksAsync(DistributedRuntime runtime, ScriptedConnection connection)
    {
        var call = runtime.SendMessageAsync<Answer>(new Ask("again"), Somebody);
        await ReplyAsync(connection, await connection.NextAsync(Message.KindOneofCase.Request), new Answer("still here"));
        Assert.Equal("still here", (await call.Within()).Text);
    }

    private static Task ReplyAsync(ScriptedConnection connection, Message request, object result) =>
        connection.SendAsync(new Message { Re = request.Id, Reply = new Reply { Envelope = ScriptedConnection.Envelope(result) } });

    private static Task<Message> NextPublishAsync(ScriptedConnection connection) => connection.NextAsync(Message.KindOneofCase.Publish);

    private static Task AnswerAsync(ScriptedConnection connection, params Message[] publishes) =>
        connection.SendAsync([.. publishes.Select(p => new Message { Re = p.Id, Published = new Published { Recipients = 1 } })]);
}
