using Parley.Wire.V1;

namespace Parley;

public sealed partial class DistributedRuntime
{
    /// <inheritdoc />
    public async Task<T> SendMessageAsync<T>(
        object message, AgentId recipient, SendOptions? options = null, CancellationToken cancellationToken = default) =>
        Results.As<T>(await CallAsync(message, recipient, options, typeof(T), cancellationToken).ConfigureAwait(false), recipient);

    /// <inheritdoc />
    public Task<object?> SendMessageAsync(
        object message, AgentId recipient, SendOptions? options = null, CancellationToken cancellationToken = default) =>
        CallAsync(message, recipient, options, expected: null, cancellationToken);

    private async Task<object?> CallAsync(
        object message, AgentId recipient, SendOptions? options, Type? expected, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(message);
        recipient.ThrowIfDefault();
        cancellationToken.ThrowIfCancellationRequested();
        ThrowIfNotRunning();
        var key = Names.CheckText(options?.IdempotencyKey, "idempotency_key", Names.MaxIdBytes);
        var chain = CallScope.ChainOfNewCall();
        var budget = CallBudget.Of(options?.Timeout, _options.DefaultTimeout, CallScope.Current, _options.TimeProvider, _uplink.Session.LongestCall);
        var request = new Request
        {
            Target = recipient.ToWire(),
            WaitForReady = options?.WaitForReady == true,
            IdempotencyKey = key ?? string.Empty,
            Envelope = Enclose(message, Names.CheckText(options?.MessageId, "message_id")),
        };
        foreach (var waiting in chain)
        {
            request.CallChain.Add(waiting.ToWire());
        }

        if (options?.Sender is { } sender)
        {
            (request.Sender, request.SenderEpoch) = (sender.ToWire(), EpochOf(sender));
        }

        var covered = chain.Count == 0 ? request.Envelope.Length : (int?)null;
        var pending = new PendingRequest(recipient, budget, new Message { Request = request })
        {
            CoveredBytes = covered,
            IsRepeatable = key is not null,
        };
        var asking = _uplink.AskAsync(pending, cancellationToken);
        var answer = await (budget.IsInherited ? budget.MarkAsync(asking) : asking).ConfigureAwait(false);
        return Open(answer, message.GetType(), expected);
    }

    private object? Open(Message answer, Type request, Type? expected)
    {
        if (answer.KindCase != Message.KindOneofCase.Reply)
        {
            throw new InternalErrorException($"The broker answered a Request with {answer.KindCase}.");
        }

        var envelope = WireTypes.ParseEnvelope(answer.Reply.Envelope);
        return envelope.Content() is { } payload ? _messages.DecodeReply(payload, expected, request) : null;
    }

    private Google.Protobuf.ByteString Enclose(object message, string? messageId)
    {
        var envelope = WireTypes.ToEnvelope(_messages.Encode(message), messageId ?? _messageIds.Next());
        return envelope.Length <= _uplink.Session.MaxEnvelopeBytes ? envelope
            : throw Limits.TooLarge($"The message {message.GetType()}", envelope.Length, _uplink.Session.MaxEnvelopeBytes);
    }

    private ulong EpochOf(AgentId sender) =>
        CallScope.Current is { } scope && scope.Agent == sender ? scope.Epoch : _host.Find(sender)?.Epoch ?? 0;
}
