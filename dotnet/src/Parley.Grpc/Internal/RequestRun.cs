using Parley.Wire.V1;

namespace Parley;

/// <summary>A call on its way through its handler; ends with exactly one answer (RPC-1).</summary>
internal sealed class RequestRun : SlotRun
{
    private readonly DispatchContext _context;
    private readonly Dispatcher _dispatcher;
    private readonly Session _session;
    private readonly HostedAgent _hosted;
    private readonly ulong _id;
    private readonly Request _request;
    private readonly CancellationTokenSource _cancelled;
    private readonly Deadline? _deadline;
    private volatile bool _abandoned;

    public RequestRun(DispatchContext context, Dispatcher dispatcher, Session session, HostedAgent hosted, ulong id, Request request)
    {
        (_context, _dispatcher, _session, _hosted, _id, _request) = (context, dispatcher, session, hosted, id, request);
        var time = context.Options.TimeProvider;
        // Counted from when it was read, not from when the handler starts (MSG-9).
        var timeout = request.HasTimeoutMs ? TimeSpan.FromMilliseconds(Math.Min(request.TimeoutMs, uint.MaxValue - 1)) : (TimeSpan?)null;
        _deadline = timeout is { } limit ? new Deadline(time, limit) : null;
        _cancelled = NewSource(timeout, time);
    }

    public HostedAgent Hosted => _hosted;

    private bool IsRoot => _request.CallChain.Count == 0;

    /// <summary>The caller cancelled (RPC-9), or the session is over.</summary>
    public void Cancel()
    {
        _abandoned = true;
        try
        {
            _cancelled.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It has ended just now.
        }
    }

    public override async Task RunAsync()
    {
        Message answer;
        // The call has ended for its caller, whether the handler has noticed or not.
        using var ended = _cancelled.Token.UnsafeRegister(static s => ((RequestRun)s!).ReleaseSlot(), this);
        try
        {
            if (IsRoot)
            {
                _session.GiveBack(_request.Envelope.Length);
            }

            answer = await HandleAsync().ConfigureAwait(false);
        }
        catch (Exception e)
        {
            var failure = Failure(e);
            DistributedLog.CallFailed(_context.Logger, _hosted.Id, failure.ReasonName, e);
            answer = new Message { Error = failure.ToWire() };
        }

        _dispatcher.Forget(_session, _id);
        answer.Re = _id;
        _session.Tell(answer);
        ReleaseSlot();
        _cancelled.Dispose();
        await _context.EndAsync(_hosted).ConfigureAwait(false);
    }

    private async Task<Message> HandleAsync()
    {
        // In the agent's turn, as the handler itself.
        var agent = await _hosted.Ready.ConfigureAwait(true);
        await _session.ConfirmAsync().ConfigureAwait(true);
        // When the session is over its caller knows already that nobody will answer.
        if (_cancelled.IsCancellationRequested || _session.IsOver)
        {
            throw new CallCancelledException($"The call to {_hosted.Id} was cancelled before it started.") { MayHaveRun = false };
        }

        var envelope = WireTypes.ParseEnvelope(_request.Envelope);
        var message = _context.Messages.Decode(envelope.Content() ?? throw new MalformedPayloadException("The request has no payload."));
        var result = await InvokeAsync(agent, message, envelope.MessageId).ConfigureAwait(false);
        return new Message { Reply = new Reply { Envelope = Encode(result) } };
    }

    private async ValueTask<object?> InvokeAsync(IAgent agent, object message, string messageId)
    {
        var sender = _request.Sender?.FromWire();
        var context = new MessageContext(sender, null, IsRpc: true, messageId, _cancelled.Token)
        {
            Attempt = (int)Math.Max(_request.Attempt, 1),
            Deadline = _deadline,
        };
        CallScope.Enter(new CallScope(_hosted.Id, _hosted.Epoch, [.. _request.CallChain.Select(a => a.FromWire()), _hosted.Id], _deadline));
        try
        {
            return await agent.OnMessageAsync(message, context).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            throw HandlerFailures.Of(e, _hosted.Id, message, _cancelled.Token);
        }
    }

    private Google.Protobuf.ByteString Encode(object? result)
    {
        try
        {
            SerializedMessage? payload = result is null ? null : _context.Messages.Encode(result);
            var envelope = WireTypes.ToEnvelope(payload, _context.MessageIds.Next());
            return envelope.Length <= _session.MaxEnvelopeBytes ? envelope
                : throw Limits.TooLarge("The result", envelope.Length, _session.MaxEnvelopeBytes).AsOfReply();
        }
        catch (InvalidArgumentException e)
        {
            // The handler ran, but nobody can read what it returned (RPC-6).
            throw HandlerFailures.Of(e, _hosted.Id, null, CancellationToken.None);
        }
    }

    private static CancellationTokenSource NewSource(TimeSpan? timeout, TimeProvider time) =>
        timeout is { } limit ? new CancellationTokenSource(limit, time) : new CancellationTokenSource();

    // The same token fires for both, but the caller's timer may be later than this one.
    private ParleyException Failure(Exception cause) => cause switch
    {
        CallCancelledException { MayHaveRun: var ran } when !_abandoned =>
            new DeadlineExceededException($"The time of the call to {_hosted.Id} is up.", cause) { MayHaveRun = ran },
        ParleyException known => known,
        _ => HandlerFailures.Of(cause, _hosted.Id, null, _cancelled.Token),
    };
}
