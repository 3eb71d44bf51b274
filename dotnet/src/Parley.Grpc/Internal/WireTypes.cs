using Google.Protobuf;
using Parley.Wire.V1;

namespace Parley;

/// <summary>Between the SDK's values and the wire's.</summary>
internal static class WireTypes
{
    /// <summary>What this SDK understands (SES-4).</summary>
    public static readonly uint[] UnderstoodKinds =
    [
        Message.WelcomeFieldNumber, Message.HeartbeatFieldNumber, Message.GoodbyeFieldNumber, Message.DrainFieldNumber,
        Message.DoneFieldNumber, Message.ErrorFieldNumber, Message.ActivateFieldNumber, Message.DeactivateFieldNumber,
        Message.ClaimResultFieldNumber,
        Message.RequestFieldNumber, Message.ReplyFieldNumber, Message.CancelFieldNumber, Message.PublishedFieldNumber,
        Message.DeliveryFieldNumber, Message.SaveRequestFieldNumber,
    ];

    public static Wire.V1.AgentId ToWire(this AgentId id) => new() { Type = id.Type, Key = id.Key };

    public static Wire.V1.TopicId ToWire(this TopicId id) => new() { Type = id.Type, Source = id.Source };

    /// <exception cref="InvalidArgumentException">There is no id, or it breaks its rules.</exception>
    public static AgentId FromWire(this Wire.V1.AgentId? id) =>
        id is null ? throw new InvalidArgumentException("The agent id is missing.") : new(id.Type, id.Key);

    /// <exception cref="InvalidArgumentException">There is no id, or it breaks its rules.</exception>
    public static TopicId FromWire(this Wire.V1.TopicId? id) =>
        id is null ? throw new InvalidArgumentException("The topic id is missing.") : new(id.Type, id.Source);

    public static Wire.V1.AgentMode ToWire(this AgentMode mode) => mode switch
    {
        AgentMode.Stateless => Wire.V1.AgentMode.Stateless,
        AgentMode.EffectivelyOnce => Wire.V1.AgentMode.EffectivelyOnce,
        _ => Wire.V1.AgentMode.Standard,
    };

    public static Wire.V1.Subscription ToWire(this Subscription subscription) => subscription switch
    {
        TypeSubscription exact => new()
        {
            TopicType = exact.TopicType,
            Match = TopicMatch.Exact,
            AgentType = exact.AgentType,
            Durable = exact.IsDurable,
        },
        TypePrefixSubscription prefix => new()
        {
            TopicType = prefix.TopicTypePrefix,
            Match = TopicMatch.Prefix,
            AgentType = prefix.AgentType,
            Durable = prefix.IsDurable,
        },
        _ => throw new InvalidArgumentException(
            $"A {subscription.GetType()} is no subscription that the broker knows; use {nameof(TypeSubscription)} or {nameof(TypePrefixSubscription)}."),
    };

    /// <summary>What an Ack or a Reply commits.</summary>
    public static Commit ToWire(this StateChange change, HostedAgent hosted, IEnumerable<object>? publishes = null) => new()
    {
        Agent = hosted.Id.ToWire(),
        Epoch = hosted.Epoch,
        ExpectedVersion = change.ExpectedVersion,
        State = change.State is { } data ? StateOf(data) : null,
        Publishes = { (publishes ?? []).Cast<Publish>() },
    };

    public static State StateOf(byte[] data) => new() { Data = UnsafeByteOperations.UnsafeWrap(data), ContentType = ContentTypes.Json };

    /// <exception cref="MalformedPayloadException">It was saved in a form that this SDK does not read.</exception>
    public static SavedState FromWire(this State? state) => state switch
    {
        null => default,
        { Data.Length: > 0, ContentType: not ContentTypes.Json } => throw new MalformedPayloadException(
            $"The saved state is {state.ContentType}; only {ContentTypes.Json} can be loaded."),
        _ => new SavedState(state.Data.Memory, state.Version),
    };

    public static Error ToWire(this ParleyException failure)
    {
        var error = new Error
        {
            Reason = (Wire.V1.ErrorReason)failure.Reason,
            Message = failure.Message,
            Retryable = failure.IsRetryable,
            MayHaveRun = failure.MayHaveRun,
            RetryAfterMs = (uint)(failure.RetryAfter?.TotalMilliseconds ?? 0),
        };
        foreach (var (key, value) in failure.Details)
        {
            error.Details[key] = value;
        }

        return error;
    }

    public static ParleyException FromWire(this Error error) =>
        ErrorCatalogue.Create((ErrorReason)error.Reason, error.Message).With(
            error.Retryable,
            error.MayHaveRun,
            error.RetryAfterMs > 0 ? TimeSpan.FromMilliseconds(error.RetryAfterMs) : null,
            new Dictionary<string, string>(error.Details));

    /// <summary>The envelope of a message, or of a null result.</summary>
    public static ByteString ToEnvelope(SerializedMessage? message, string messageId)
    {
        var envelope = new Envelope { MessageId = messageId };
        if (message is { } payload)
        {
            envelope.Payload = new Payload
            {
                TypeName = payload.TypeName,
                ContentType = payload.ContentType,
                Data = UnsafeByteOperations.UnsafeWrap(payload.Data),
            };
        }

        var bytes = new byte[envelope.CalculateSize()];
        envelope.WriteTo(bytes.AsSpan());
        return UnsafeByteOperations.UnsafeWrap(bytes);
    }

    /// <summary>Bytes of the envelope that a message carries; 0 if it carries none.</summary>
    public static int EnvelopeBytes(this Message message) =>
        (message.Request?.Envelope ?? message.Reply?.Envelope ?? message.Publish?.Envelope)?.Length ?? 0;

    /// <summary>The message in an envelope's payload; null when there is none.</summary>
    public static SerializedMessage? Content(this Envelope envelope) =>
        envelope.Payload is { } payload ? new SerializedMessage(payload.TypeName, payload.ContentType, payload.Data.Memory) : null;

    /// <exception cref="MalformedPayloadException">The bytes are no envelope.</exception>
    public static Envelope ParseEnvelope(ByteString bytes)
    {
        try
        {
            return Envelope.Parser.ParseFrom(bytes.Span);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new MalformedPayloadException($"The envelope cannot be read: {e.Message}", e);
        }
    }
}
